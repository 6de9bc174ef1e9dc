/** What officers read to each other and to an auditor: a *fingerprint* is the SHA-256 of a public key's bytes, or of what a trust file trusts. */
import { fromBase64 } from '../../domain/bytes/base64.js'
import { type Digest, digest, digestOf } from '../../domain/bytes/digest.js'
import type { PublicKey, Root, Trust } from '../../domain/shapes/authority.js'
import { formatVkey } from '../../ledger/note-key.js'

const bytesOf = ({ publicKey }: PublicKey): Uint8Array => fromBase64(publicKey) ?? new Uint8Array()

const fingerprintOf = (key: PublicKey): Digest => digestOf(bytesOf(key))

/** Of the root keys and how many of them it takes; minimum versions and witnesses are the reader's own. */
export const trustFingerprint = ({ enterprise, rootKeys, threshold }: Trust): Digest =>
  digest({ enterprise, rootKeys, threshold })

export const keyLine = (key: PublicKey): string => `${key.keyId}  ${fingerprintOf(key)}`

export const showTrust = (trust: Trust): readonly string[] => [
  `trust ${trust.enterprise}  ${trustFingerprint(trust)}`,
  ...trust.rootKeys.map((key) => `  root key  ${keyLine(key)}`),
  `  ${trust.threshold} of ${trust.rootKeys.length} sign a root; none older than version ${trust.minimumRootVersion} is believed`,
]

export const showRoot = (root: Root): readonly string[] => [
  `root ${root.enterprise} version ${root.version}, ${root.purpose}, until ${root.expiresAt}`,
  ...root.signers.map(
    (key) => `  signs ${key.scopes.join(', ')} until ${key.notAfter}  ${keyLine(key)}`,
  ),
  ...root.connectors.map((key) => `  connector  ${keyLine(key)}`),
  `  log  ${keyLine(root.log.key)}`,
  `  log  ${formatVkey({ name: root.log.origin, publicKey: bytesOf(root.log.key) })}`,
]

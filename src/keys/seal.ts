/**
 * A *sealed secret* is a compact JWE (RFC 7516; ECDH-ES on X25519, RFC 8037; A256GCM) that only one consumer
 * can open. Its protected header says for which consumer, case and grant it was made, and the same text goes
 * into the key derivation. Sealing proves no sender: the ledger's digest of the JWE does.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { z } from 'zod'
import { canonicalBytes } from '../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { CaseId, ConsumerId, Ulid } from '../domain/shapes/basic.js'
import { parseAs } from '../domain/shapes/parse.js'

export const SealedFor = z.strictObject({ consumerId: ConsumerId, caseId: CaseId, grantId: Ulid })
export type SealedFor = z.infer<typeof SealedFor>

const TYPE = 'countersign-secret'

/** A consumer's key pair: public as in the inventory (base64url, 43 characters), private as PKCS#8 PEM, a secret. */
export function generateX25519(): { readonly publicKey: string; readonly privateKeyPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  return { publicKey: spki.subarray(-32).toString('base64url'), privateKeyPem }
}

interface Sealing {
  readonly text: string
  /** X25519, base64url. */
  readonly publicKey: string
  readonly type: string
}

/** The compact JWE of a text; `header` is authenticated with it. Rejects with jose's error for a public key that is none, or of small order. */
export async function sealDocument(
  input: Sealing & {
    readonly header?: Readonly<Record<string, unknown>>
    readonly apv?: Uint8Array
  },
): Promise<string> {
  const jwk = { kty: 'OKP', crv: 'X25519', x: input.publicKey }
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const sealing = new CompactEncrypt(Buffer.from(input.text, 'utf8')).setProtectedHeader({
    ...{ alg: 'ECDH-ES', enc: 'A256GCM', typ: input.type },
    ...input.header,
  })
  if (input.apv !== undefined) sealing.setKeyManagementParameters({ apv: input.apv })
  return sealing.encrypt(key)
}

/** UNTRUSTED: the JWE. SECRET_UNREADABLE unless it was sealed to this key, unchanged; MALFORMED for one of another type. */
async function openTyped(input: {
  readonly jwe: string
  readonly privateKeyPem: string
  readonly type: string
}) {
  const key = createPrivateKey(input.privateKeyPem)
  const options = {
    keyManagementAlgorithms: ['ECDH-ES'],
    contentEncryptionAlgorithms: ['A256GCM'],
  }
  const opened = await compactDecrypt(input.jwe, key, options).catch(() => null)
  if (opened === null) return refuse('SECRET_UNREADABLE', '/jwe')
  const { protectedHeader: header, plaintext } = opened
  return header.typ === input.type
    ? { header, text: Buffer.from(plaintext).toString('utf8') }
    : refuse('MALFORMED', '/jwe/header')
}

/** As sealDocument wrote it. */
export async function openDocument(input: {
  readonly jwe: string
  readonly privateKeyPem: string
  readonly type: string
}): Promise<string | Refusal> {
  const opened = await openTyped(input)
  return isRefusal(opened) ? opened : opened.text
}

/** The compact JWE of one secret. */
export async function sealSecret(input: {
  readonly secret: string
  /** X25519, base64url. */
  readonly publicKey: string
  readonly sealedFor: SealedFor
}): Promise<string> {
  const { secret, publicKey, sealedFor } = input
  return sealDocument({
    ...{ text: secret, publicKey, type: TYPE, apv: canonicalBytes(sealedFor) },
    header: { kid: sealedFor.consumerId, cs: sealedFor },
  })
}

/** UNTRUSTED: the JWE may come from anybody. SECRET_UNREADABLE unless it was sealed to this key, unchanged; the caller compares `sealedFor`. */
export async function openSealed(input: {
  readonly jwe: string
  readonly privateKeyPem: string
}): Promise<{ readonly secret: string; readonly sealedFor: SealedFor } | Refusal> {
  const opened = await openTyped({ ...input, type: TYPE })
  if (isRefusal(opened)) return opened
  const { cs, apv } = opened.header
  const sealedFor = parseAs(SealedFor)(cs)
  if (isRefusal(sealedFor)) return refuse('MALFORMED', '/jwe/header')
  const bound = Buffer.from(canonicalBytes(sealedFor)).toString('base64url')
  if (apv !== bound) return refuse('MALFORMED', '/jwe/header/apv')
  return { secret: opened.text, sealedFor }
}

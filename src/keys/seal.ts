/**
 * A *sealed secret* is a compact JWE (RFC 7516; ECDH-ES on X25519, RFC 8037; A256GCM) that only one consumer
 * can open. Its protected header says for which consumer, case and grant it was made, and the same text goes
 * into the key derivation. Sealing proves no sender: the ledger's digest of the JWE does.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { z } from 'zod'
import { canonicalBytes } from '../domain/digest.js'
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

/** The compact JWE. Rejects with jose's error for a public key that is none, or of small order. */
export async function sealSecret(input: {
  readonly secret: string
  /** X25519, base64url. */
  readonly publicKey: string
  readonly sealedFor: SealedFor
}): Promise<string> {
  const jwk = { kty: 'OKP', crv: 'X25519', x: input.publicKey }
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const { consumerId } = input.sealedFor
  return new CompactEncrypt(Buffer.from(input.secret, 'utf8'))
    .setProtectedHeader({
      ...{ alg: 'ECDH-ES', enc: 'A256GCM', typ: TYPE, kid: consumerId },
      cs: input.sealedFor,
    })
    .setKeyManagementParameters({ apv: canonicalBytes(input.sealedFor) })
    .encrypt(key)
}

/** UNTRUSTED: the JWE may come from anybody. SECRET_UNREADABLE unless it was sealed to this key, unchanged; the caller compares `sealedFor`. */
export async function openSealed(input: {
  readonly jwe: string
  readonly privateKeyPem: string
}): Promise<{ readonly secret: string; readonly sealedFor: SealedFor } | Refusal> {
  const key = createPrivateKey(input.privateKeyPem)
  const options = {
    keyManagementAlgorithms: ['ECDH-ES'],
    contentEncryptionAlgorithms: ['A256GCM'],
  }
  const opened = await compactDecrypt(input.jwe, key, options).catch(() => null)
  if (opened === null) return refuse('SECRET_UNREADABLE', '/jwe')
  const { typ, cs, apv } = opened.protectedHeader
  const sealedFor = parseAs(SealedFor)(cs)
  if (typ !== TYPE || isRefusal(sealedFor)) return refuse('MALFORMED', '/jwe/header')
  const bound = Buffer.from(canonicalBytes(sealedFor)).toString('base64url')
  if (apv !== bound) return refuse('MALFORMED', '/jwe/header/apv')
  return { secret: Buffer.from(opened.plaintext).toString('utf8'), sealedFor }
}

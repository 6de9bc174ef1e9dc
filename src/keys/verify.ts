/**
 * nodeVerify: the signature primitive of servers and of the offline verifier, on node:crypto. Ed25519 is
 * strict: OpenSSL refuses S >= L, and `isSound` refuses weak keys, and an R of small order or in another spelling, about
 * which releases of OpenSSL differ: one signature is good everywhere or nowhere.
 * ES256 takes raw r||s or DER with either S; points off the curve are no keys.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { readEs256 } from '../domain/bytes/ecdsa.js'
import type { Verify } from '../domain/signed/envelope.js'
import { isSound, type KeyBytes } from '../domain/signed/public-key.js'

/** DER SubjectPublicKeyInfo up to the key's own bytes: RFC 8410 §4 and RFC 5480 §2. */
const SPKI_PREFIX = {
  ed25519: Buffer.from('302a300506032b6570032100', 'hex'),
  es256: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
} as const

const ED25519_SIGNATURE_BYTES = 64
const MAX_CACHED_KEYS = 1024

/** Total: false for whatever is not a signature of `message` by `publicKey`. */
export const nodeVerify: Verify = ({ alg, publicKey, message, signature }) => {
  const key = cachedKey({ alg, publicKey })
  if (key === null) return false
  if (alg === 'ed25519') return isStrict(signature) && verify(null, message, key, signature)
  const raw = readEs256(signature)
  return raw !== null && verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, raw)
}

const isStrict = (signature: Uint8Array): boolean =>
  signature.length === ED25519_SIGNATURE_BYTES &&
  isSound({ alg: 'ed25519', publicKey: signature.subarray(0, 32) })

/** Least recently used first. Null stands for bytes that are no key. */
const cache = new Map<string, KeyObject | null>()

function cachedKey(bytes: KeyBytes): KeyObject | null {
  const name = `${bytes.alg}:${Buffer.from(bytes.publicKey).toString('latin1')}`
  const known = cache.get(name)
  const key = known === undefined ? importKey(bytes) : known
  cache.delete(name)
  cache.set(name, key)
  const [oldest] = cache.keys()
  if (cache.size > MAX_CACHED_KEYS && oldest !== undefined) cache.delete(oldest)
  return key
}

function importKey({ alg, publicKey }: KeyBytes): KeyObject | null {
  if (!isSound({ alg, publicKey })) return null
  const spki = Buffer.concat([SPKI_PREFIX[alg], publicKey])
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return null
  }
}

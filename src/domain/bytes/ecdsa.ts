/**
 * ES256 signatures as numbers: DER (what WebAuthn and KMS emit) and raw r||s (what JOSE emits).
 * Raw is the one form that goes on to the signature primitive. Either S is accepted, because OpenSSL
 * and authenticators emit both; what is single-use is a decision's id, never its signature's bytes.
 */
import { bytesToHex } from '@noble/hashes/utils.js'

/** Order of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3). */
const ORDER = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
const ZERO = '0'.repeat(64)
const SCALAR_BYTES = 32

/** UNTRUSTED: a plain ES256 signature, raw or DER. 64 bytes with 0 < r, s < n, or null. */
export const readEs256 = (signature: Uint8Array): Uint8Array | null =>
  signature.length === 2 * SCALAR_BYTES ? inRange(signature) : readEs256Der(signature)

/** UNTRUSTED: a DER Ecdsa-Sig-Value (RFC 3279 §2.2.3; X.690 §8.3, §10.1). 64 bytes with 0 < r, s < n, or null. */
export function readEs256Der(der: Uint8Array): Uint8Array | null {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 72) return null
  const r = readInteger(der, 2)
  const s = r === null ? null : readInteger(der, r.end)
  if (r === null || s === null || s.end !== der.length) return null
  const raw = new Uint8Array(2 * SCALAR_BYTES)
  raw.set(r.magnitude, SCALAR_BYTES - r.magnitude.length)
  raw.set(s.magnitude, 2 * SCALAR_BYTES - s.magnitude.length)
  return inRange(raw)
}

/** Afterwards: a non-negative integer in its shortest form, of at most 32 bytes. */
function readInteger(der: Uint8Array, start: number) {
  const length = der[start + 1] ?? 0
  const end = start + 2 + length
  const [first, second] = [der[start + 2] ?? 0, der[start + 3] ?? 0]
  if (der[start] !== 0x02 || length === 0 || end > der.length || first >= 0x80) return null
  if (first === 0 && length > 1 && second < 0x80) return null
  const magnitude = der.subarray(first === 0 ? start + 3 : start + 2, end)
  return magnitude.length > SCALAR_BYTES ? null : { magnitude, end }
}

function inRange(raw: Uint8Array): Uint8Array | null {
  const scalars = [raw.subarray(0, SCALAR_BYTES), raw.subarray(SCALAR_BYTES)].map(bytesToHex)
  return scalars.every((scalar) => scalar > ZERO && scalar < ORDER) ? raw : null
}

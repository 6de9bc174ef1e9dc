/**
 * A public key as bytes that signatures can be trusted with: Ed25519 (32 bytes, RFC 8032) or an
 * uncompressed P-256 point (65 bytes, SEC 1 §2.3.3). One spelling per key, so that counting keys counts
 * keys; no key under which one signature fits many messages.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { fromBase64 } from '../bytes/base64.js'
import { type Refusal, refuse } from '../refusal.js'
import type { PublicKey } from '../shapes/authority.js'

/** y-coordinates of the eight points of small order, little-endian, sign bit clear. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

export interface KeyBytes {
  readonly alg: PublicKey['alg']
  readonly publicKey: Uint8Array
}

/** Bytes of the key, or KEY_WEAK; `where` names the key in the refusal. */
export function readPublicKey(key: PublicKey, where: string): Uint8Array | Refusal {
  const publicKey = fromBase64(key.publicKey)
  if (publicKey === null) return refuse('KEY_WEAK', where, 'the key is not canonical base64')
  return isSound({ alg: key.alg, publicKey }) ? publicKey : refuse('KEY_WEAK', where)
}

/** Total. An Ed25519 key is refused with either sign bit, and when y >= p, which covers every non-canonical encoding. */
export function isSound({ alg, publicKey }: KeyBytes): boolean {
  if (alg === 'es256') return publicKey.length === 65 && publicKey[0] === 0x04
  if (publicKey.length !== 32) return false
  const y = Uint8Array.from(publicKey)
  y[31] = (y[31] ?? 0) & 0x7f
  return !isAboveField(y) && !SMALL_ORDER.has(bytesToHex(y))
}

/** Tests y >= p = 2^255 - 19. */
const isAboveField = (y: Uint8Array): boolean =>
  y[31] === 0x7f && (y[0] ?? 0) >= 0xed && y.subarray(1, 31).every((byte) => byte === 0xff)

/**
 * AES-256-GCM (NIST SP 800-38D) under a *key ring*: keys by id, the newest first. The newest encrypts, any
 * decrypts, so rotating a key is putting a new one in front. IVs are 96 random bits, tags always 128 bits.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

export interface RingKey {
  readonly kid: string
  /** 32 bytes. A secret. */
  readonly key: Uint8Array
}

/** Newest first; never empty. */
export type KeyRing = readonly RingKey[]

export interface Sealed {
  readonly iv: Uint8Array
  readonly tag: Uint8Array
  readonly ct: Uint8Array
}

export const IV_BYTES = 12
export const TAG_BYTES = 16
const KEY_BYTES = 32
const CIPHER = 'aes-256-gcm'

/** Throws TypeError for an empty ring, a double or empty id, or a key that is not 32 bytes. */
export function newestOf(ring: KeyRing): RingKey {
  const [newest] = ring
  const ids = new Set(ring.map(({ kid }) => kid))
  if (newest === undefined || ids.size < ring.length || ids.has(''))
    throw new TypeError('a key ring has at least one key, each with its own id')
  if (ring.some(({ key }) => key.length !== KEY_BYTES))
    throw new TypeError('a key of a key ring has 32 bytes')
  return newest
}

export function seal(input: { key: Uint8Array; plaintext: Uint8Array; aad: Uint8Array }): Sealed {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, input.key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(input.aad)
  const ct = Buffer.concat([cipher.update(input.plaintext), cipher.final()])
  return { iv, tag: cipher.getAuthTag(), ct }
}

/** UNTRUSTED: iv, tag and ct. Total: null unless exactly these were made with this key for this associated data. */
export function unseal(input: Sealed & { key: Uint8Array; aad: Uint8Array }): Uint8Array | null {
  if (input.iv.length !== IV_BYTES || input.tag.length !== TAG_BYTES) return null
  const decipher = createDecipheriv(CIPHER, input.key, input.iv, { authTagLength: TAG_BYTES })
  decipher.setAAD(input.aad)
  decipher.setAuthTag(input.tag)
  const plaintext = decipher.update(input.ct)
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    return null
  }
}

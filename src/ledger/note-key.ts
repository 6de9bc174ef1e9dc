/**
 * The name of a note key (C2SP signed-note). A *key hash* is the 32-bit id that a signature line carries;
 * with the key's *name* it says which key is meant, and proves nothing. A *vkey* is a public key as text:
 * `<name>+<key hash in hex>+<base64(signature type || Ed25519 public key)>`. The *signature type* says what is
 * signed: the note as it is (`note`, 0x01), or a witness's cosignature over it (`cosignature`, 0x04).
 * A *note verifier* checks signatures of one key; the Ed25519 primitive is passed in.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromBase64, toBase64 } from '../domain/bytes/base64.js'
import { type Refusal, refuse } from '../domain/refusal.js'
import { sameBytes } from './tree.js'

/** C2SP signed-note, signature types, both of Ed25519. */
const TYPES = { note: Uint8Array.of(0x01), cosignature: Uint8Array.of(0x04) } as const
export type SignatureType = keyof typeof TYPES

const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64

export interface NoteKey {
  readonly name: string
  /** 32 bytes, RFC 8032. */
  readonly publicKey: Uint8Array
}

export interface NoteVerifier {
  readonly name: string
  /** Unsigned 32 bits. */
  readonly keyHash: number
  /** Total: any bytes get an answer, none an exception. */
  readonly verify: (message: Uint8Array, signature: Uint8Array) => boolean
}

/** Total: false for any bytes that are not a signature of `message` by `publicKey`. */
export type Ed25519Verify = (input: {
  alg: 'ed25519'
  publicKey: Uint8Array
  message: Uint8Array
  signature: Uint8Array
}) => boolean

/** Not empty, no Unicode space, no plus, nothing a note text may not hold. */
export const isKeyName = (name: string): boolean =>
  name.isWellFormed() && name !== '' && !/[\p{White_Space}+]/u.test(name) && !hasControl(name)

/** Whether there is an ASCII control character (below U+0020) other than newline. */
export function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code < 0x20 && code !== 0x0a) return true
  }
  return false
}

/** SHA-256(name || 0x0A || type || public key), its first four bytes, big-endian. Throws TypeError on a bad key. */
export function keyHashOf({ name, publicKey }: NoteKey, type: SignatureType = 'note'): number {
  if (!isKeyName(name))
    throw new TypeError('a key name is not empty and has no space, plus or control')
  if (publicKey.length !== PUBLIC_KEY_BYTES)
    throw new TypeError('an Ed25519 public key has 32 bytes')
  const id = sha256(concatBytes(utf8ToBytes(`${name}\n`), TYPES[type], publicKey))
  return new DataView(id.buffer, id.byteOffset).getUint32(0)
}

export const formatVkey = (key: NoteKey, type: SignatureType = 'note'): string =>
  `${key.name}+${hexOf(keyHashOf(key, type))}+${toBase64(concatBytes(TYPES[type], key.publicKey))}`

/** UNTRUSTED: `text` is read here for the first time. Afterwards: an Ed25519 key of this type whose hash is its own. */
export function parseVkey(
  text: string,
  type: SignatureType = 'note',
): (NoteKey & { readonly keyHash: number }) | Refusal {
  const [name, hash, ...rest] = text.split('+')
  const encoded = fromBase64(rest.join('+'))
  if (name === undefined || hash === undefined || encoded === null || !isKeyName(name)) {
    return refuse('MALFORMED', 'vkey')
  }
  if (encoded.length !== 1 + PUBLIC_KEY_BYTES || !sameBytes(encoded.slice(0, 1), TYPES[type])) {
    return refuse('KEY_WEAK', 'vkey', `not an Ed25519 key that signs a ${type}`)
  }
  const publicKey = encoded.slice(1)
  const keyHash = keyHashOf({ name, publicKey }, type)
  return hash === hexOf(keyHash)
    ? { name, publicKey, keyHash }
    : refuse('MALFORMED', 'vkey', 'the key hash is not the hash of this key')
}

export const ed25519Verifier = (
  key: NoteKey & { readonly verify: Ed25519Verify },
): NoteVerifier => ({
  name: key.name,
  keyHash: keyHashOf(key),
  verify: (message, signature) =>
    signature.length === SIGNATURE_BYTES &&
    key.verify({ alg: 'ed25519', publicKey: key.publicKey, message, signature }),
})

const hexOf = (keyHash: number): string => keyHash.toString(16).padStart(8, '0')

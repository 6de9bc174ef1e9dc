/**
 * The name of a note key (C2SP signed-note). A *key hash* is the 32-bit id that a signature line carries;
 * with the key's *name* it says which key is meant, and proves nothing. A *vkey* is a public key as text:
 * `<name>+<key hash in hex>+<base64(0x01 || Ed25519 public key)>`.
 * A *note verifier* checks signatures of one key; the Ed25519 primitive is passed in.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromBase64, toBase64 } from '../domain/base64.js'
import { type Refusal, refuse } from '../domain/refusal.js'
import { sameBytes } from './tree.js'

/** C2SP signed-note, signature types: Ed25519 over the note text. */
const ED25519 = Uint8Array.of(0x01)
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

/** SHA-256(name || 0x0A || 0x01 || public key), its first four bytes, big-endian. Throws TypeError on a bad key. */
export function keyHashOf({ name, publicKey }: NoteKey): number {
  if (!isKeyName(name))
    throw new TypeError('a key name is not empty and has no space, plus or control')
  if (publicKey.length !== PUBLIC_KEY_BYTES)
    throw new TypeError('an Ed25519 public key has 32 bytes')
  const id = sha256(concatBytes(utf8ToBytes(`${name}\n`), ED25519, publicKey))
  return new DataView(id.buffer, id.byteOffset).getUint32(0)
}

export const formatVkey = (key: NoteKey): string =>
  `${key.name}+${hexOf(keyHashOf(key))}+${toBase64(concatBytes(ED25519, key.publicKey))}`

/** UNTRUSTED: `text` is read here for the first time. Afterwards: an Ed25519 key whose hash is its own. */
export function parseVkey(text: string): (NoteKey & { readonly keyHash: number }) | Refusal {
  const [name, hash, ...rest] = text.split('+')
  const encoded = fromBase64(rest.join('+'))
  if (name === undefined || hash === undefined || encoded === null || !isKeyName(name)) {
    return refuse('MALFORMED', 'vkey')
  }
  if (encoded.length !== 1 + PUBLIC_KEY_BYTES || !sameBytes(encoded.slice(0, 1), ED25519)) {
    return refuse('KEY_WEAK', 'vkey', 'not an Ed25519 key')
  }
  const publicKey = encoded.slice(1)
  const keyHash = keyHashOf({ name, publicKey })
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

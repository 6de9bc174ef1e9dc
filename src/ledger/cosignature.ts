/**
 * A *cosignature* (C2SP tlog-cosignature, v1, Ed25519) is a signature line of a *witness* under a checkpoint:
 * at this time, the largest tree of this log that the witness ever saw is this one, and it extends all before.
 */
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { type NoteSignature, parseNote, type Signer, type Signing, sameSigner } from './note.js'
import { type Ed25519Verify, keyHashOf, type NoteKey, type NoteVerifier } from './note-key.js'
import { isSize } from './tree.js'

const TIME_BYTES = 8
const SIGNATURE_BYTES = 64

/** What is signed: a fixed first line, the time, and the whole text of the checkpoint's note. */
const messageAt = (seconds: number, text: Uint8Array): Uint8Array =>
  concatBytes(utf8ToBytes(`cosignature/v1\ntime ${seconds}\n`), text)

/** Seconds since the epoch; null for bytes that are no cosignature. */
function timeIn(signature: Uint8Array): number | null {
  if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) return null
  const seconds = Number(new DataView(signature.buffer, signature.byteOffset).getBigUint64(0))
  return isSize(seconds) && seconds > 0 ? seconds : null
}

export const cosignatureVerifier = (
  key: NoteKey & { readonly verify: Ed25519Verify },
): NoteVerifier => ({
  name: key.name,
  keyHash: keyHashOf(key, 'cosignature'),
  verify: (text, signature) => {
    const seconds = timeIn(signature)
    if (seconds === null) return false
    const message = messageAt(seconds, text)
    const { publicKey, verify } = key
    return verify({ alg: 'ed25519', publicKey, message, signature: signature.slice(TIME_BYTES) })
  },
})

/** The signature of this witness under a note of this text. Throws TypeError for a bad key or time. */
export async function cosign(
  input: Signing & { readonly text: string; readonly seconds: number },
): Promise<NoteSignature> {
  const { name, publicKey, sign, text, seconds } = input
  if (!isSize(seconds) || seconds === 0) throw new TypeError('a cosignature has a time')
  const time = new Uint8Array(TIME_BYTES)
  new DataView(time.buffer).setBigUint64(0, BigInt(seconds))
  const signature = await sign(messageAt(seconds, utf8ToBytes(text)))
  const keyHash = keyHashOf({ name, publicKey }, 'cosignature')
  return { name, keyHash, signature: concatBytes(time, signature) }
}

/** UNTRUSTED: names of whoever else than the log stands under the note, in its order. Nothing is verified. */
export function cosignersOf(note: string, log: Signer): readonly string[] {
  const parsed = parseNote(note)
  if ('refused' in parsed) return []
  return parsed.signatures.filter((line) => !sameSigner(line, log)).map(({ name }) => name)
}

/** When this witness says that it signed; null when the note has no cosignature of it. Verified by opening the note. */
export function cosignedAt(note: string, witness: NoteVerifier): number | null {
  const parsed = parseNote(note)
  if ('refused' in parsed) return null
  const times = parsed.signatures
    .filter(({ name, keyHash }) => name === witness.name && keyHash === witness.keyHash)
    .flatMap(({ signature }) => timeIn(signature) ?? [])
  return times.length === 0 ? null : Math.max(...times)
}

/**
 * A *note* is a text signed by one or more keys (C2SP signed-note): the text, an empty line, and one
 * *signature line* for each key. The text means nothing before `openNote` has found a known signature.
 * Signatures by unknown keys are ignored, which is what lets witnesses and the next key sign as well.
 */
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromBase64, toBase64 } from '../domain/bytes/base64.js'
import { type Refusal, refuse } from '../domain/refusal.js'
import { hasControl, isKeyName, keyHashOf, type NoteKey, type NoteVerifier } from './note-key.js'

/** A key by name and hash: which key is meant, not a proof that it signed. */
export interface Signer {
  readonly name: string
  readonly keyHash: number
}

export interface NoteSignature extends Signer {
  readonly signature: Uint8Array
}

export interface Note {
  /** Ends in a newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** C2SP signed-note asks for at least 16; these are the limits of the reference implementation. */
const MAX_SIGNATURES = 100
export const MAX_NOTE_CHARACTERS = 1_000_000
const KEY_HASH_BYTES = 4
const PREFIX = '\u2014 '

/**
 * UNTRUSTED: `note` is read here for the first time. Afterwards: the form holds, and nothing is verified.
 * A well-formed string has one UTF-8 encoding, so the signed bytes are those of `text`.
 */
export function parseNote(note: string): Note | Refusal {
  if (note.length > MAX_NOTE_CHARACTERS) return refuse('TOO_LARGE', 'note')
  if (!isNoteText(note))
    return refuse('MALFORMED', 'note', 'not UTF-8 lines without control characters')
  const split = note.lastIndexOf('\n\n')
  if (split < 0) return refuse('MALFORMED', 'note', 'no empty line before the signatures')
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) return refuse('TOO_LARGE', 'note', 'too many signatures')
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const signature = parseSignature(line)
    if (signature === null) return refuse('MALFORMED', 'note', 'a line is not a signature')
    signatures.push(signature)
  }
  return { text: note.slice(0, split + 1), signatures }
}

function parseSignature(line: string): NoteSignature | null {
  if (!line.startsWith(PREFIX)) return null
  const space = line.indexOf(' ', PREFIX.length)
  const name = line.slice(PREFIX.length, space)
  const bytes = space < 0 ? null : fromBase64(line.slice(space + 1))
  if (bytes === null || bytes.length <= KEY_HASH_BYTES || !isKeyName(name)) return null
  const keyHash = new DataView(bytes.buffer).getUint32(0)
  return { name, keyHash, signature: bytes.slice(KEY_HASH_BYTES) }
}

const isNoteText = (text: string): boolean =>
  text.isWellFormed() && text.endsWith('\n') && !hasControl(text)

/** Throws TypeError for what would not parse back to the same note. */
export function formatNote({ text, signatures }: Note): string {
  if (!isNoteText(text))
    throw new TypeError('a note text is lines of UTF-8 without control characters')
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES) {
    throw new TypeError('a note has 1 to 100 signatures')
  }
  const note = `${text}\n${signatures.map(formatSignature).join('')}`
  if (note.length > MAX_NOTE_CHARACTERS)
    throw new TypeError('a note has at most 1,000,000 characters')
  return note
}

/** The line, with its newline. Throws TypeError for what would not parse back. */
export function formatSignature({ name, keyHash, signature }: NoteSignature): string {
  if (!isKeyName(name) || signature.length === 0)
    throw new TypeError('a signature has a key name and bytes')
  const id = new Uint8Array(KEY_HASH_BYTES)
  new DataView(id.buffer).setUint32(0, keyHash)
  return `${PREFIX}${name} ${toBase64(concatBytes(id, signature))}\n`
}

/** With what a signature line of this key begins, as far as that does not depend on what is signed. */
export function lineStart({ name, keyHash }: Signer): string {
  const line = formatSignature({ name, keyHash, signature: new Uint8Array(2) })
  // Eight characters for six bytes: the first five are of the key's four alone.
  return line.slice(0, -'xxx\n'.length)
}

export interface Signing extends NoteKey {
  /** Ed25519 over exactly these bytes; it may be remote (KMS, HSM), and then rejects with its own fault. */
  readonly sign: (message: Uint8Array) => Uint8Array | Promise<Uint8Array>
}

/** Throws TypeError for a text or key that cannot be in a note. */
export async function signNote({
  text,
  sign,
  ...key
}: Signing & { readonly text: string }): Promise<string> {
  const signer = { name: key.name, keyHash: keyHashOf(key) }
  if (!isNoteText(text))
    throw new TypeError('a note text is lines of UTF-8 without control characters')
  const signature = await sign(utf8ToBytes(text))
  return formatNote({ text, signatures: [{ ...signer, signature }] })
}

export interface OpenedNote {
  readonly text: string
  /** The verifiers that signed, each once, in the order of the note; never empty. */
  readonly signers: readonly Signer[]
}

/**
 * UNTRUSTED: `note` is read here for the first time. Afterwards: every signature line of a known key verifies
 * over exactly `text`, and there is at least one. One bad signature of a known key refuses the whole note.
 * Throws TypeError when two verifiers have the same name and key hash.
 */
export function openNote(input: {
  readonly note: string
  readonly verifiers: readonly NoteVerifier[]
}): OpenedNote | Refusal {
  const known = new Map(input.verifiers.map((verifier) => [idOf(verifier), verifier]))
  if (known.size < input.verifiers.length)
    throw new TypeError('two verifiers have one name and key hash')
  const parsed = parseNote(input.note)
  if ('refused' in parsed) return parsed
  const message = utf8ToBytes(parsed.text)
  const signers = new Map<string, Signer>()
  for (const { name, keyHash, signature } of parsed.signatures) {
    const verifier = known.get(idOf({ name, keyHash }))
    if (verifier === undefined) continue
    if (!verifier.verify(message, signature)) return refuse('SIGNATURE_INVALID', 'note')
    signers.set(idOf(verifier), { name, keyHash })
  }
  if (signers.size === 0) return refuse('KEY_UNKNOWN', 'note', 'no known key signed this note')
  return { text: parsed.text, signers: [...signers.values()] }
}

export const sameSigner = (a: Signer, b: Signer): boolean => idOf(a) === idOf(b)

/** A key name has no plus, so no two pairs share an id. */
const idOf = ({ name, keyHash }: Signer): string => `${name}+${keyHash}`

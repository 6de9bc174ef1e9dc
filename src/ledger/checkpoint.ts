/**
 * A *checkpoint* is the head of a log (C2SP tlog-checkpoint): its *origin* names the log for good, its size
 * and root fix every leaf up to there. Signed, it is a note whose key name is the origin.
 * Opening one proves that the log's own key signed it, not that the log is consistent with what it signed
 * before: that takes a consistency proof.
 */

import { fromBase64, toBase64 } from '../domain/bytes/base64.js'
import { type Refusal, refuse } from '../domain/refusal.js'
import { openNote, type Signer, type Signing, sameSigner, signNote } from './note.js'
import { hasControl, type NoteVerifier } from './note-key.js'
import { emptyRoot, type Hash, isHash, isSize, sameBytes } from './tree.js'

export interface Checkpoint {
  /** One line, not empty. */
  readonly origin: string
  readonly size: number
  readonly root: Hash
  /** Lines after the third: opaque, each one not empty. This log writes none. */
  readonly extensions: readonly string[]
}

const MAX_EXTENSIONS = 100

/** The note text: three lines and the extensions, each ending in a newline. Throws TypeError on a bad field. */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  if (!isSize(size) || !isHash(root))
    throw new TypeError('a checkpoint has a size and a root of 32 bytes')
  if (size === 0 && !sameBytes(root, emptyRoot()))
    throw new TypeError('the empty tree has one root')
  const lines = [origin, String(size), toBase64(root), ...extensions]
  if (!lines.every(isLine) || extensions.length > MAX_EXTENSIONS) {
    throw new TypeError('an origin or extension is one line of text, not empty')
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** UNTRUSTED unless the note was opened. Accepts exactly what `formatCheckpoint` writes. */
export function parseCheckpoint(text: string): Checkpoint | Refusal {
  const lines = text.split('\n')
  const [origin, decimal, encoded, ...rest] = lines
  if (origin === undefined || decimal === undefined || encoded === undefined || rest.pop() !== '') {
    return refuse('MALFORMED', 'checkpoint', 'a checkpoint has at least three lines')
  }
  if (![origin, ...rest].every(isLine) || rest.length > MAX_EXTENSIONS) {
    return refuse('MALFORMED', 'checkpoint', 'a line is empty or not text')
  }
  const size = parseDecimal(decimal)
  if (size === null) return refuse('MALFORMED', 'checkpoint/size')
  const root = fromBase64(encoded)
  if (!isHash(root)) return refuse('MALFORMED', 'checkpoint/root')
  if (size === 0 && !sameBytes(root, emptyRoot())) return refuse('MALFORMED', 'checkpoint/root')
  return { origin, size, root, extensions: rest }
}

/** A safe integer >= 0 in ASCII digits without leading zeros, or null. */
export function parseDecimal(text: string): number | null {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : null
  return isSize(value) ? value : null
}

const isLine = (line: string): boolean =>
  line !== '' && !line.includes('\n') && line.isWellFormed() && !hasControl(line)

export interface CheckpointSigning {
  readonly checkpoint: Checkpoint
  readonly publicKey: Uint8Array
  readonly sign: Signing['sign']
}

/** The signed note; its key name is the origin, so the origin must be a key name, else TypeError. */
export const signCheckpoint = ({
  checkpoint,
  publicKey,
  sign,
}: CheckpointSigning): Promise<string> =>
  signNote({ text: formatCheckpoint(checkpoint), name: checkpoint.origin, publicKey, sign })

export interface Opening {
  readonly origin: string
  /** The log's own key. */
  readonly verifier: NoteVerifier
  /** Other keys whose signatures count, if they are there; how many are enough is the caller's rule. */
  readonly witnesses?: readonly NoteVerifier[]
}

export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint
  /** The log and the witnesses that signed, each once. */
  readonly signers: readonly Signer[]
}

/**
 * UNTRUSTED: `note` is read here for the first time. Afterwards: the log's key signed this checkpoint for this
 * origin. A witness alone is not enough, and an invalid signature by a known witness refuses the checkpoint.
 */
export function openCheckpoint(
  input: Opening & { readonly note: string },
): OpenedCheckpoint | Refusal {
  const { note, origin, verifier, witnesses = [] } = input
  const opened = openNote({ note, verifiers: [verifier, ...witnesses] })
  if ('refused' in opened) return opened
  if (!opened.signers.some((signer) => sameSigner(signer, verifier))) {
    return refuse('KEY_UNKNOWN', 'checkpoint', 'the log did not sign this checkpoint')
  }
  const checkpoint = parseCheckpoint(opened.text)
  if ('refused' in checkpoint) return checkpoint
  if (checkpoint.origin !== origin)
    return refuse('PROOF_INVALID', 'checkpoint/origin', 'another log')
  return { checkpoint, signers: opened.signers }
}

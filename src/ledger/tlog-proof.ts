/**
 * A *tlog proof* (C2SP tlog-proof@v1) is all that shows offline that an entry is in the log: its index, its
 * inclusion proof and the signed checkpoint, as text. *Extra* data rides along unauthenticated.
 */

import { fromBase64, toBase64 } from '../domain/bytes/base64.js'
import { type Refusal, refuse } from '../domain/refusal.js'
import { type OpenedCheckpoint, type Opening, openCheckpoint, parseDecimal } from './checkpoint.js'
import { MAX_NOTE_CHARACTERS, parseNote } from './note.js'
import { MAX_PROOF_HASHES, verifyInclusion } from './proof.js'
import { type Hash, isHash, isSize } from './tree.js'

export interface TlogProof {
  readonly index: number
  /** From the leaf's sibling up to the root's child. */
  readonly proof: readonly Hash[]
  /** The signed note, verbatim. */
  readonly checkpoint: string
  /** Nobody signed it. */
  readonly extra?: Uint8Array
}

const HEADER = 'c2sp.org/tlog-proof@v1'
const EXTRA = 'extra '
const INDEX = 'index '
const MAX_EXTRA_BYTES = 64 * 1024
const MAX_CHARACTERS = MAX_NOTE_CHARACTERS + 2 * MAX_EXTRA_BYTES

/** Throws TypeError for what would not parse back to the same proof. */
export function formatTlogProof({ index, proof, checkpoint, extra }: TlogProof): string {
  if (!isSize(index) || proof.length > MAX_PROOF_HASHES || !proof.every(isHash)) {
    throw new TypeError('a proof has an index and at most 54 hashes of 32 bytes')
  }
  if (extra !== undefined && extra.length > MAX_EXTRA_BYTES)
    throw new TypeError('extra is at most 64 KiB')
  if ('refused' in parseNote(checkpoint))
    throw new TypeError('the checkpoint of a proof is a signed note')
  const head = extra === undefined ? [HEADER] : [HEADER, `${EXTRA}${toBase64(extra)}`]
  return [...head, `${INDEX}${index}`, ...proof.map(toBase64), '', checkpoint].join('\n')
}

/** UNTRUSTED: `text` is read here for the first time. Afterwards: the form holds, and nothing is verified. */
export function parseTlogProof(text: string): TlogProof | Refusal {
  if (text.length > MAX_CHARACTERS) return refuse('TOO_LARGE', 'proof')
  const end = text.indexOf('\n\n')
  if (end < 0) return refuse('MALFORMED', 'proof', 'no empty line before the checkpoint')
  const lines = text.slice(0, end).split('\n')
  if (lines.shift() !== HEADER) return refuse('MALFORMED', 'proof', 'not a tlog-proof of version 1')
  const extra = lines[0]?.startsWith(EXTRA)
    ? fromBase64(lines.shift()?.slice(EXTRA.length) ?? '')
    : undefined
  if (extra === null) return refuse('MALFORMED', 'proof/extra')
  if (extra !== undefined && extra.length > MAX_EXTRA_BYTES)
    return refuse('TOO_LARGE', 'proof/extra')
  const indexLine = lines.shift() ?? ''
  const index = indexLine.startsWith(INDEX) ? parseDecimal(indexLine.slice(INDEX.length)) : null
  if (index === null) return refuse('MALFORMED', 'proof/index')
  const proof = parseHashes(lines)
  if (proof === null) return refuse('MALFORMED', 'proof/hashes')
  const checkpoint = text.slice(end + 2)
  const note = parseNote(checkpoint)
  if ('refused' in note) return note
  return { index, proof, checkpoint, ...(extra === undefined ? {} : { extra }) }
}

/** UNTRUSTED: the lines. Each is the base64 of one hash, or null. */
export function parseHashes(lines: readonly string[]): Hash[] | null {
  if (lines.length > MAX_PROOF_HASHES) return null
  const hashes = lines.map(fromBase64).filter(isHash)
  return hashes.length === lines.length ? hashes : null
}

export interface VerifiedTlogProof extends OpenedCheckpoint {
  readonly index: number
  readonly extra?: Uint8Array
}

/**
 * UNTRUSTED: `proof` is read here for the first time. Afterwards: the log's key signed a checkpoint of this
 * origin, and the entry with this leaf hash is at `index` of that tree.
 */
export function verifyTlogProof(
  input: Opening & { readonly proof: string; readonly leafHash: Hash },
): VerifiedTlogProof | Refusal {
  const parsed = parseTlogProof(input.proof)
  if ('refused' in parsed) return parsed
  const opened = openCheckpoint({ ...input, note: parsed.checkpoint })
  if ('refused' in opened) return opened
  const { size, root } = opened.checkpoint
  const { index, proof, extra } = parsed
  if (!verifyInclusion({ index, size, leafHash: input.leafHash, root, proof })) {
    return refuse('PROOF_INVALID', 'proof', 'the entry is not at this index of the signed tree')
  }
  return { ...opened, index, ...(extra === undefined ? {} : { extra }) }
}

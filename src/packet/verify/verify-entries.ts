/**
 * The entries of a packet: each one exact and strict, in the log under the one checkpoint, in the order
 * of its stream; the stream whole from its first entry. Problems name the file of the entry.
 */
import type { Digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { OpenedCheckpoint } from '../../ledger/checkpoint.js'
import { entryHash, leafOf, type StoredEntry } from '../../ledger/entry.js'
import { verifyInclusion } from '../../ledger/proof.js'
import { parseTlogProof } from '../../ledger/tlog-proof.js'
import type { Files } from '../archive.js'
import { CHECKPOINT } from '../files.js'
import { readText } from './open.js'
import type { ReadEntry } from './verify-once.js'

export interface Stream {
  readonly entries: readonly StoredEntry[]
  /** Index in the log of each entry; -1 where no proof verifies. */
  readonly indexes: readonly number[]
  readonly problems: readonly Refusal[]
}

export interface StreamFiles {
  readonly files: Files
  readonly stream: string
  readonly checkpoint: OpenedCheckpoint['checkpoint']
  readonly readEntry: ReadEntry
  readonly entryFile: (seq: number) => string
  readonly proofFile: (seq: number) => string
  /** How many entry files the packet has of this stream. */
  readonly count: number
  /** A case is its entries; bytes in a side stream that are no entry keep their place there and say nothing. */
  readonly unreadable: 'problem' | 'keeps its place'
}

/** UNTRUSTED: the files. Afterwards, without problems, nothing of the stream is missing, altered or out of order. */
export function verifyStream(input: StreamFiles): Stream {
  const entries: StoredEntry[] = []
  const indexes: number[] = []
  const problems: Refusal[] = []
  const note = readText(input.files.get(CHECKPOINT))
  let last: Before = { hash: null, index: -1 }
  for (let seq = 1; seq <= input.count; seq += 1) {
    const where = input.entryFile(seq)
    const bytes = input.files.get(where)
    if (bytes === undefined)
      return { entries, indexes, problems: [...problems, refuse('ENTRY_MISSING', where)] }
    const stored = input.readEntry(bytes)
    if (isRefusal(stored) && input.unreadable === 'problem') {
      problems.push(refuse('EVIDENCE_TAMPERED', where, stored.detail))
      return { entries, indexes, problems }
    }
    const hash = isRefusal(stored) ? entryHash(bytes) : stored.hash
    const proven = provenIndex(input, { where, proof: input.proofFile(seq), hash, note })
    if (isRefusal(proven)) problems.push(proven)
    else if (proven <= last.index)
      problems.push(refuse('EVIDENCE_TAMPERED', where, 'the log has it before its predecessor'))
    const index = isRefusal(proven) ? last.index : proven
    if (!isRefusal(stored)) {
      const place = misplaced({ input, stored, seq, before: last.hash })
      if (place !== null) problems.push(place)
      entries.push(stored)
      indexes.push(index)
    }
    last = { hash, index }
  }
  return { entries, indexes, problems }
}

interface Before {
  readonly hash: Digest | null
  readonly index: number
}

function misplaced(at: {
  readonly input: StreamFiles
  readonly stored: StoredEntry
  readonly seq: number
  readonly before: Digest | null
}): Refusal | null {
  const { input, stored, seq, before } = at
  const { entry } = stored
  const where = input.entryFile(seq)
  if (entry.stream !== input.stream) return refuse('WRONG_CASE', where, 'of another stream')
  if (entry.seq !== seq) return refuse('ENTRY_MISSING', where, `entry ${entry.seq} stands here`)
  return entry.prev === before
    ? null
    : refuse('EVIDENCE_TAMPERED', where, 'the entry does not follow its predecessor')
}

/** RFC 9162 §2.1.3.2 against the packet's own checkpoint file, which every proof has to carry. */
export function provenIndex(
  { files, checkpoint }: Pick<StreamFiles, 'files' | 'checkpoint'>,
  of: {
    readonly where: string
    /** Name of the file. */
    readonly proof: string
    readonly hash: Digest
    readonly note: string | null
  },
): number | Refusal {
  const { where } = of
  const text = readText(files.get(of.proof) ?? new Uint8Array())
  const parsed = text === null ? refuse('MALFORMED', '') : parseTlogProof(text)
  if (isRefusal(parsed)) return refuse('PROOF_MISSING', where, 'the entry has no readable proof')
  const { index, proof, extra } = parsed
  if (parsed.checkpoint !== of.note || extra !== undefined)
    return refuse('PROOF_INVALID', where, 'proved against another checkpoint')
  const { size, root } = checkpoint
  return verifyInclusion({ index, size, leafHash: leafOf(of.hash), root, proof })
    ? index
    : refuse('PROOF_INVALID', where, 'the entry is not in the log at this index')
}

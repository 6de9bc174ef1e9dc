/**
 * What a log asks of a witness, and when a witness may say yes (C2SP tlog-witness, `add-checkpoint`): the size
 * that it cosigned last, the proof that the new tree extends that one, and the new checkpoint.
 */
import { fromBase64, toBase64 } from '../domain/bytes/base64.js'
import { type Refusal, refuse } from '../domain/refusal.js'
import { type Checkpoint, parseCheckpoint, parseDecimal } from './checkpoint.js'
import { MAX_NOTE_CHARACTERS, type NoteSignature, openNote, parseNote, sameSigner } from './note.js'
import type { NoteVerifier } from './note-key.js'
import { verifyConsistency } from './proof.js'
import { emptyRoot, type Hash, isHash } from './tree.js'

export interface AddCheckpoint {
  /** Of the tree that the witness cosigned last; 0 when it never did. */
  readonly oldSize: number
  readonly proof: readonly Hash[]
  /** The signed note, verbatim. */
  readonly checkpoint: string
}

const MAX_PROOF_LINES = 63

export const formatAddCheckpoint = ({ oldSize, proof, checkpoint }: AddCheckpoint): string =>
  [`old ${oldSize}`, ...proof.map(toBase64), '', checkpoint].join('\n')

/** UNTRUSTED: `body` is read here for the first time. Afterwards: the form holds, and nothing is verified. */
export function parseAddCheckpoint(body: string): AddCheckpoint | Refusal {
  if (body.length > MAX_NOTE_CHARACTERS) return refuse('TOO_LARGE', 'request')
  const end = body.indexOf('\n\n')
  const [first = '', ...lines] = body.slice(0, Math.max(end, 0)).split('\n')
  const oldSize = first.startsWith('old ') ? parseDecimal(first.slice('old '.length)) : null
  if (oldSize === null) return refuse('MALFORMED', 'request/old')
  const proof = lines.map(fromBase64).filter(isHash)
  if (proof.length < lines.length || lines.length > MAX_PROOF_LINES)
    return refuse('MALFORMED', 'request/proof')
  return { oldSize, proof, checkpoint: body.slice(end + 2) }
}

/** A log as a witness knows it, and the tree that it cosigned last. */
export interface WitnessedLog {
  readonly origin: string
  readonly verifier: NoteVerifier
  readonly last: Pick<Checkpoint, 'size' | 'root'>
}

export const NEVER: WitnessedLog['last'] = { size: 0, root: emptyRoot() }

/** A checkpoint with the log's own signature; what else came under the note is nobody's. */
export interface Signed {
  readonly text: string
  readonly signed: NoteSignature
  readonly checkpoint: Checkpoint
}

/** The status that the protocol has for each no; `conflict` says the size that the witness cosigned last. */
export type WitnessAnswer =
  | ({ readonly kind: 'cosign' } & Signed)
  | { readonly kind: 'conflict'; readonly status: 409; readonly size: number }
  | { readonly kind: 'no'; readonly status: 400 | 403 | 404 | 422; readonly why: string }

const no = (status: 400 | 403 | 404 | 422, why: string): WitnessAnswer => ({
  ...{ kind: 'no', status, why },
})

/** UNTRUSTED: the body. Yes only to a checkpoint that the log's key signed and that extends the last one. */
export function judgeCheckpoint(body: string, log: WitnessedLog): WitnessAnswer {
  const request = parseAddCheckpoint(body)
  if ('refused' in request) return no(400, `${request.where} is not as it should be`)
  const note = parseNote(request.checkpoint)
  if ('refused' in note) return no(400, 'the checkpoint is no signed note')
  const { text } = note
  if (text.split('\n')[0] !== log.origin) return no(404, 'this log is not witnessed here')
  const opened = openNote({ note: request.checkpoint, verifiers: [log.verifier] })
  const signed = note.signatures.find((signature) => sameSigner(signature, log.verifier))
  if ('refused' in opened || signed === undefined)
    return no(403, 'the log did not sign this checkpoint')
  const checkpoint = parseCheckpoint(text)
  if ('refused' in checkpoint) {
    const isEmpty = checkpoint.where === 'checkpoint/root' && text.split('\n')[1] === '0'
    return no(isEmpty ? 422 : 400, `${checkpoint.where} is not as it should be`)
  }
  return judgeGrowth(request, { ...log, checkpoint, text, signed })
}

function judgeGrowth({ oldSize, proof }: AddCheckpoint, to: WitnessedLog & Signed): WitnessAnswer {
  const { checkpoint, text, signed, last } = to
  const { size: newSize, root: newRoot } = checkpoint
  if (oldSize > newSize) return no(400, 'the old size is larger than the checkpoint')
  if (oldSize !== last.size) return { kind: 'conflict', status: 409, size: last.size }
  return verifyConsistency({ oldSize, newSize, oldRoot: last.root, newRoot, proof })
    ? { kind: 'cosign', text, signed, checkpoint }
    : no(422, 'this tree does not extend the one that was cosigned last')
}

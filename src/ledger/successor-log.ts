/**
 * A *successor log* under two officers' signatures. `judgeSuccessor`: is this statement theirs, and is the head that it
 * calls the highest one that the log's key signed? `isSuccession`: does this log begin where the statement says, with
 * the entry that carries it? Asked before such a log is opened, by its signer, and by every verifier.
 */
import { fromBase64 } from '../domain/bytes/base64.js'
import type { Hash } from '../domain/bytes/merkle.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import type { Root, Trust } from '../domain/shapes/authority.js'
import type { Envelope } from '../domain/shapes/envelope.js'
import { parseAs } from '../domain/shapes/parse.js'
import { SuccessorLog } from '../domain/shapes/successor-log.js'
import { openEnvelope, verifySignature } from '../domain/signed/envelope.js'
import type { Verify } from '../domain/signed/webauthn.js'
import { type Checkpoint, openCheckpoint } from './checkpoint.js'
import { ed25519Verifier } from './note-key.js'
import { verifyConsistency } from './proof.js'
import { sameBytes } from './tree.js'

/** However few a trust file asks for. */
const OFFICERS = 2

/** How many different root keys have to have signed. */
export const officersNeeded = ({ threshold }: Trust): number => Math.max(OFFICERS, threshold)

export interface JudgingSuccessor {
  readonly envelope: Envelope
  readonly trust: Trust
  readonly verify: Verify
}

/** UNTRUSTED: the envelope. Afterwards two different root keys, or as many as the trust asks for, signed it for this enterprise. */
export function judgeSuccessor(judging: JudgingSuccessor): SuccessorLog | Refusal {
  const { envelope, trust } = judging
  const signed = officersOf(judging)
  const needed = officersNeeded(trust)
  if (signed < needed)
    return refuse('AUTHORITY_INVALID', '/signatures', `signed by ${signed} of ${needed} root keys`)
  const successor = readSuccessor(envelope)
  if (isRefusal(successor)) return successor
  if (successor.enterprise !== trust.enterprise) return refuse('WRONG_ENTERPRISE', '/enterprise')
  return highestProblem(successor, judging.verify) ?? successor
}

/** UNTRUSTED: what it says, whoever signed it. */
export function readSuccessor(envelope: Envelope): SuccessorLog | Refusal {
  const opened = openEnvelope({ envelope, kind: 'successor-log', parse: parseAs(SuccessorLog) })
  return isRefusal(opened) ? opened : opened.payload
}

/** Keys, not signatures: one officer who signs twice is one. */
function officersOf({ envelope, trust, verify }: JudgingSuccessor): number {
  const signed = envelope.signatures.flatMap(({ keyid }, index) => {
    const key = trust.rootKeys.find(({ keyId }) => keyId === keyid)
    const good = key !== undefined && verifySignature({ envelope, index, key, verify }) === true
    return good ? [key.publicKey] : []
  })
  return new Set(signed).size
}

/** Null when the log's own key signed the head that the statement calls its highest. */
export function highestProblem(
  { from, highest }: Pick<SuccessorLog, 'from' | 'highest'>,
  verify: Verify,
): Refusal | null {
  const publicKey = fromBase64(from.key.publicKey)
  if (publicKey?.length !== 32 || from.key.alg !== 'ed25519')
    return refuse('KEY_WEAK', '/from/key', 'the key of the log is not an Ed25519 key')
  const { origin } = from
  const verifier = ed25519Verifier({ name: origin, publicKey, verify })
  const opened = openCheckpoint({ note: highest.note, origin, verifier })
  if (isRefusal(opened)) return refuse('PROOF_INVALID', '/highest/note', opened.detail)
  const { size, root } = opened.checkpoint
  return size === highest.size && sameRoot(highest.root, root)
    ? null
    : refuse('PROOF_INVALID', '/highest', 'the note is of another head')
}

const sameRoot = (said: string, root: Hash): boolean => {
  const bytes = fromBase64(said)
  return bytes !== null && sameBytes(bytes, root)
}

/** A successor that was judged, and the entry of it. */
export interface Followed {
  readonly successor: SuccessorLog
  /** Index in the log of the entry that carries it. */
  readonly index: number
}

/** Null when the log of this head begins with what was left of the one before, and then with the entry that says so. */
export function successionProblem(
  { successor, index }: Followed,
  of: { readonly checkpoint: Pick<Checkpoint, 'size' | 'root'>; readonly proof: readonly Hash[] },
): Refusal | null {
  const { restored } = successor
  if (index !== restored.size)
    return refuse('PROOF_INVALID', '/restored/size', 'the successor log does not begin with it')
  const oldRoot = fromBase64(restored.root)
  const { size, root } = of.checkpoint
  const growth = { oldSize: restored.size, newSize: size, newRoot: root, proof: of.proof }
  return oldRoot !== null && size > restored.size && verifyConsistency({ ...growth, oldRoot })
    ? null
    : refuse(
        'PROOF_INVALID',
        '/restored/root',
        'the log does not extend what was left of the one before',
      )
}

/** The log as a root names it, or the last one that followed it. */
export function followedLog(
  { log }: Pick<Root, 'log'>,
  successors: readonly SuccessorLog[],
): Root['log'] {
  // Each follows another one, so there are no more steps than successors.
  let { origin } = log
  for (const _ of successors)
    origin = successors.find(({ from }) => from.origin === origin)?.to.origin ?? origin
  return { ...log, origin }
}

/** One line for people, about what is missing for ever. */
export const gapWords = ({ from, highest, restored, lost, to }: SuccessorLog): string =>
  `Between checkpoint ${restored.size} and checkpoint ${highest.size} of the earlier log ${from.origin}, ${lost} ${lost === 1 ? 'entry is' : 'entries are'} lost; ${to.origin} follows it from entry ${restored.size}.`

/**
 * What people, partners and clocks do to a case: each is one `apply` with one function of the core.
 * Doors call these; so does the workflow's sync, with envelopes that came as signals.
 */
import type { Authority } from '../../domain/authority/authority.js'
import { type Digest, digest, digestOf } from '../../domain/bytes/digest.js'
import { type CaseState, type Recorded, stepOf } from '../../domain/case/case.js'
import { admitDecision, isCapped, recordRefusal } from '../../domain/decide/decision.js'
import { passDeadline } from '../../domain/decide/gate.js'
import { leaseTask, recordClaim } from '../../domain/decide/task.js'
import { documentOf } from '../../domain/plans/demand.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { Envelope } from '../../domain/shapes/envelope.js'
import type { CaseEvent, EventOf } from '../../domain/shapes/event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { Choice } from '../../domain/shapes/recertify.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { AuthoritySource } from '../authority/authority.js'
import { type Db, prepared, StoreFault, type Tx, transaction } from '../db.js'
import { keepDocument } from '../evidence/documents.js'
import {
  type Applied,
  append,
  apply,
  type Change,
  firstEventsSince,
  lockStream,
  queueSignal,
  type View,
} from './apply.js'

export interface CaseDeps {
  readonly db: Db
  readonly authority: AuthoritySource
  readonly verify: Verify
}

export interface Receipt {
  readonly caseId: string
  /** The entry that admitted it: its number in the case and its leaf hash. */
  readonly seq: number
  readonly hash: Digest
  readonly gate: 'waiting' | 'satisfied' | 'declined'
}

export interface SubmitDecision {
  readonly caseId: string
  readonly envelope: unknown
  /** What the decision chooses, where it chooses anything; a signal brings none. */
  readonly choices?: readonly Choice[] | null
  readonly door: 'api' | 'signal'
}

/** UNTRUSTED: the envelope. Admitted or refused at once, with Temporal up or down; the same one twice gets the first answer. */
export async function submitDecision(
  deps: CaseDeps,
  input: SubmitDecision,
): Promise<Receipt | Refusal> {
  const envelope = parseAs(Envelope)(input.envelope)
  const applied = await apply<Receipt | Refusal>(deps.db, {
    caseId: input.caseId,
    decide: async (view, tx) => {
      if (isRefusal(envelope)) return refused({ tx, view, refusal: envelope, input })
      const known = admittedBefore(view, envelope)
      if (known !== null) return { events: [], answer: known }
      const authority = await deps.authority.current(tx, { at: view.at, lock: 'none' })
      if (isRefusal(authority)) return { events: [], answer: authority }
      return admit({ tx, view, envelope, authority, deps, input })
    },
  })
  if (isRefusal(applied)) return applied
  if (isRefusal(applied.answer) || applied.answer.seq > 0) return applied.answer
  return receiptOf(applied)
}

async function admit(at: {
  tx: Tx
  view: View
  envelope: Envelope
  authority: Authority
  deps: CaseDeps
  input: SubmitDecision
}): Promise<Change<Receipt | Refusal>> {
  const { tx, view, envelope, authority, deps, input } = at
  const admitted = admitDecision(view.state, {
    envelope,
    choices: input.choices ?? null,
    authority,
    verify: deps.verify,
    at: view.at,
  })
  if (isRefusal(admitted)) return refused({ tx, view, refusal: admitted, input })
  const answer: Receipt = { caseId: input.caseId, seq: 0, hash: 'sha256:', gate: 'waiting' }
  return { events: admitted.events, answer, signal: { name: 'decide', envelope } }
}

interface Refused {
  readonly tx: Tx
  readonly view: View
  readonly refusal: Refusal
  readonly input: { readonly envelope: unknown; readonly door: 'api' | 'signal' }
}

/** Recorded, or only counted: the counter beside the case belongs to nobody's evidence until an entry says it. */
async function refused(at: Refused): Promise<Change<Refusal>> {
  const { tx, view, refusal, input } = at
  const { state } = view
  const uncounted = isCapped(state) ? await countOne(tx, state) : 0
  const sent = digestOfAnything(input.envelope)
  const { door } = input
  return { events: recordRefusal(state, { refusal, sent, door, uncounted }), answer: refusal }
}

/** How many there are since the last entry, with this one; from as many on as there were before, it begins anew. */
async function countOne(tx: Tx, { caseId, refusals }: CaseState): Promise<number> {
  const { rows } = await tx.query<{ counted: number }>(
    prepared(
      `with before as (select uncounted + 1 as counted from cases where case_id = $1)
       update cases set uncounted = case when counted < $2 then counted else 0 end
         from before where case_id = $1 returning counted`,
      [caseId, refusals],
    ),
  )
  return rows[0]?.counted ?? 0
}

/** A digest even of what has no canonical form: the refusal names what was sent without keeping it. */
export function digestOfAnything(value: unknown): Digest {
  try {
    return digest(value)
  } catch {
    return digest(String(value))
  }
}

/** Delivery is at least once: the very same envelope again is answered as the first time. */
function admittedBefore(view: View, envelope: Envelope): Receipt | null {
  const text = JSON.stringify(envelope)
  const found = view.recorded.find(
    ({ event }) =>
      event.type === 'DecisionAdmitted' && sameEnvelope(event.envelope, envelope, text),
  )
  if (found === undefined) return null
  return {
    caseId: view.state.caseId,
    seq: found.seq,
    hash: found.hash,
    gate: gateAfter(view.recorded, found.seq),
  }
}

const sameEnvelope = (left: Envelope, right: Envelope, text: string): boolean =>
  left.payload === right.payload &&
  (JSON.stringify(left) === text || digest(left) === digest(right))

function receiptOf(applied: Applied<unknown>): Receipt {
  const [first] = applied.added
  return {
    caseId: applied.state.caseId,
    seq: first?.seq ?? 0,
    hash: first?.hash ?? 'sha256:',
    gate: gateAfter(applied.added, first?.seq ?? 0),
  }
}

function gateAfter(recorded: readonly Recorded[], seq: number): Receipt['gate'] {
  const next = recorded.find((item) => item.seq === seq + 1)?.event.type
  if (next === 'GateSatisfied') return 'satisfied'
  return next === 'GateDeclined' ? 'declined' : 'waiting'
}

export interface Leased {
  readonly lease: number
  readonly until: string
  readonly grantId: string
}

export async function submitLease(
  deps: CaseDeps,
  input: { readonly caseId: string; readonly stepId: string; readonly companyId: string },
): Promise<Leased | Refusal> {
  const applied = await apply<Leased | Refusal>(deps.db, {
    caseId: input.caseId,
    decide: (view) => {
      const leaseMs = view.state.opened?.settings.leaseMs ?? 0
      const leased = leaseTask(view.state, { ...input, leaseMs, at: view.at })
      if (isRefusal(leased)) return { events: [], answer: leased }
      const { lease, until, grantId } = leased
      return { events: [leased], answer: { lease, until, grantId } }
    },
  })
  return isRefusal(applied) ? applied : applied.answer
}

/**
 * UNTRUSTED: the partner's claim, and the document that it hands in where the task asks for one. The claim is recorded
 * with its signature and believed only when the probe sees it; the document is kept in the same transaction.
 */
export async function submitClaim(
  deps: CaseDeps,
  input: {
    readonly caseId: string
    readonly envelope: unknown
    readonly document?: Uint8Array | null
  },
): Promise<{ readonly seq: number } | Refusal> {
  const envelope = parseAs(Envelope)(input.envelope)
  if (isRefusal(envelope)) return envelope
  const { document = null } = input
  const applied = await apply<'recorded' | Refusal>(deps.db, {
    caseId: input.caseId,
    decide: async (view, tx) => {
      const authority = await deps.authority.current(tx, { at: view.at, lock: 'none' })
      if (isRefusal(authority)) return { events: [], answer: authority }
      const events = recordClaim(view.state, {
        envelope,
        authority,
        verify: deps.verify,
        at: view.at,
      })
      const sent = { envelope, door: 'api' as const }
      if (isRefusal(events)) return refused({ tx, view, refusal: events, input: sent })
      const unfit = misfit({ state: view.state, events, document })
      if (unfit !== null) return refused({ tx, view, refusal: unfit, input: sent })
      if (document !== null) await keepDocument(tx, document)
      return { events, answer: 'recorded', signal: { name: 'changed' } }
    },
  })
  if (isRefusal(applied)) return applied
  return isRefusal(applied.answer) ? applied.answer : { seq: applied.added[0]?.seq ?? 0 }
}

/** A document is handed in where evidence is asked for, nowhere else, and the claim signs exactly its digest. */
function misfit(claimed: {
  readonly state: CaseState
  readonly events: readonly CaseEvent[]
  readonly document: Uint8Array | null
}): Refusal | null {
  const { state, events, document } = claimed
  const [event] = events
  if (event?.type !== 'ClaimRecorded') return null
  const asked = stepOf(state, event.stepId)?.step.operations.some(
    ({ op }) => op === 'receive-evidence',
  )
  const given = document === null ? null : digestOf(document)
  if (asked !== true)
    return given === null
      ? null
      : refuse('CLAIM_INVALID', '/document', 'this task asks for no document')
  const signed = documentOf(event.envelope)
  if (event.outcome === 'done' && given === null)
    return refuse('CLAIM_INVALID', '/document', 'the evidence itself is missing')
  return given === signed
    ? null
    : refuse('CLAIM_INVALID', '/changeRecord/notesDigest', 'the claim signs another document')
}

/** What a timer of the workflow asks. An early one is told "not yet"; the database's clock decides. */
export async function submitDeadline(
  deps: Pick<CaseDeps, 'db'>,
  input: { readonly caseId: string; readonly stepId: string },
): Promise<'passed' | Refusal> {
  const applied = await apply<'passed' | Refusal>(deps.db, {
    caseId: input.caseId,
    decide: (view) => {
      const events = passDeadline(view.state, { stepId: input.stepId, at: view.at })
      return isRefusal(events) ? { events: [], answer: events } : { events, answer: 'passed' }
    },
  })
  return isRefusal(applied) ? applied : applied.answer
}

/** Something that must not have happened was found. On the case when it can still be written to, else beside it. */
export async function recordFinding(
  db: Db,
  input: { readonly caseId: string; readonly refusal: Refusal },
): Promise<void> {
  const { caseId } = input
  const event = findingOf(input.refusal)
  const applied = await apply(db, {
    caseId,
    decide: ({ recorded }) => ({
      events: recorded.some((item) => sameFinding(item, event)) ? [] : [event],
      answer: null,
    }),
  })
  if (isRefusal(applied)) await recordBeside(db, { subject: caseId, refusal: input.refusal })
}

const findingOf = ({ refused: code, where, detail }: Refusal): EventOf<'FindingRecorded'> => ({
  type: 'FindingRecorded',
  code,
  where: where.slice(0, 200).toWellFormed(),
  detail: detail.slice(0, 300).toWellFormed(),
})

const sameFinding = (item: Recorded, event: { code: string; where: string }): boolean =>
  item.event.type === 'FindingRecorded' &&
  item.event.code === event.code &&
  item.event.where === event.where

/** What cannot be appended to, or is no case, has its findings in a stream of its own; each once. */
export async function recordBeside(
  db: Db,
  input: { readonly subject: string; readonly refusal: Refusal },
): Promise<void> {
  const event = findingOf(input.refusal)
  await transaction(db, async (tx) => {
    const locked = await lockStream(tx, { stream: `findings:${input.subject}`, make: true })
    if (isRefusal(locked)) throw new StoreFault(locked.refused, locked)
    const known = locked.entries.some(({ entry }) => digest(entry.body) === digest(event))
    if (!known) await append(tx, { locked, bodies: [event] })
  })
}

/** What one answer to a workflow may hold: Temporal takes no payload of 2 MB, and an entry has at most 64 KiB. */
const MAX_NEWS_BYTES = 512 * 1024

/**
 * The events that a workflow has not folded. When what it folded is not what the ledger holds, because
 * somebody answered in the connector's place, that is a finding, and it gets the events from the first.
 */
export async function newsFor(
  db: Db,
  input: { readonly caseId: string; readonly after: number; readonly head: string | null },
): Promise<readonly Recorded[]> {
  const { caseId, after, head } = input
  if (after === 0) return tell(db, { caseId, after })
  const [last, ...news] = await tell(db, { caseId, after: after - 1 })
  if (last?.hash === head) return news
  const refusal = refuse(
    'EVIDENCE_TAMPERED',
    `/workflow/${after}`,
    'the workflow was told what the ledger does not hold',
  )
  await recordFinding(db, { caseId, refusal })
  return tell(db, { caseId, after: 0 })
}

/** As many events as one answer holds; a signal makes the workflow ask for the rest. */
async function tell(
  db: Db,
  since: { readonly caseId: string; readonly after: number },
): Promise<readonly Recorded[]> {
  const { events, rest } = await firstEventsSince(db, { ...since, maxBytes: MAX_NEWS_BYTES })
  if (rest === 'some') await queueSignal(db, { caseId: since.caseId, signal: { name: 'changed' } })
  return events
}

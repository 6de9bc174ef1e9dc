/**
 * apply: the one way to change a case. In one transaction: lock the case, fold its entries, let the
 * pure core decide, append what it says, queue the signal. Evidence and state are the same write.
 * Time is the database's clock, read under the lock.
 */
import { type CaseState, due, fold, type Recorded, waitingOn } from '../domain/case.js'
import type { Digest } from '../domain/digest.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import type { Envelope } from '../domain/shapes/envelope.js'
import { CaseEvent } from '../domain/shapes/event.js'
import { parseAs } from '../domain/shapes/parse.js'
import { chain, checkChain, readEntry, type StoredEntry } from '../ledger/entry.js'
import { type Db, type Tx, transaction } from './db.js'

/** A locked stream: what is in it, and what time it is. */
export interface Locked {
  readonly stream: string
  readonly at: string
  readonly entries: readonly StoredEntry[]
}

/** Locks the stream and reads it whole; `make` creates an empty one first. */
export async function lockStream(
  tx: Tx,
  input: { readonly stream: string; readonly make: boolean },
): Promise<Locked | Refusal> {
  // A row for each entry: the driver reads an array of bytes character by character.
  const { rows } = await tx.query<{ at: string; bytes: Buffer | null }>(
    `select s.at, e.bytes from lock_stream($1, $2) s
       left join lateral unnest(s.entries) with ordinality e (bytes, seq) on true order by e.seq`,
    [input.stream, input.make],
  )
  const [row] = rows
  if (row === undefined) return refuse('CASE_UNKNOWN', `/${input.stream}`)
  const stored = rows.flatMap(({ bytes }) => (bytes === null ? [] : [bytes]))
  const entries = checkChain(input.stream, stored)
  return isRefusal(entries) ? entries : { stream: input.stream, at: row.at, entries }
}

/** Locks a stream that is only added to (made if new) and reads its last entry: what appending needs, whatever its length. */
export async function lockEnd(tx: Tx, stream: string): Promise<Locked | Refusal> {
  await tx.query('insert into streams (stream) values ($1) on conflict do nothing', [stream])
  await tx.query('select 1 from streams where stream = $1 for update', [stream])
  const { rows } = await tx.query<{ at: string; bytes: Buffer | null }>(
    `select now_iso() as at, e.bytes from streams s
       left join entries e on e.stream = s.stream and e.seq = s.seq where s.stream = $1`,
    [stream],
  )
  const bytes = rows[0]?.bytes ?? null
  const last = bytes === null ? null : readEntry(bytes)
  if (isRefusal(last)) return last
  return { stream, at: rows[0]?.at ?? '', entries: last === null ? [] : [last] }
}

/** Appends bodies to a locked stream; they become durable, and visible to the sequencer, with the transaction. */
export async function append(
  tx: Tx,
  input: { readonly locked: Locked; readonly bodies: readonly { readonly type: string }[] },
): Promise<readonly StoredEntry[]> {
  const { locked, bodies } = input
  if (bodies.length === 0) return []
  const last = locked.entries.at(-1)
  const added = chain({
    stream: locked.stream,
    seq: last?.entry.seq ?? 0,
    head: last?.hash ?? null,
    at: locked.at,
    bodies,
  })
  await tx.query('select append_entries($1, $2, $3, $4, $5)', [
    locked.stream,
    last?.entry.seq ?? 0,
    added.map((item) => item.hash),
    added.map((item) => item.entry.body.type),
    added.map((item) => Buffer.from(item.bytes)),
  ])
  return added
}

/** UNTRUSTED: rows. Afterwards each body is a strict case event. */
export function recordedOf(entries: readonly StoredEntry[]): readonly Recorded[] | Refusal {
  const recorded: Recorded[] = []
  for (const { entry, hash } of entries) {
    const event = parseAs(CaseEvent)(entry.body)
    if (isRefusal(event))
      return refuse('EVIDENCE_TAMPERED', `/${entry.stream}/${entry.seq}${event.where}`)
    recorded.push({ seq: entry.seq, hash, at: entry.at, event })
  }
  return recorded
}

export interface View {
  readonly state: CaseState
  readonly recorded: readonly Recorded[]
  readonly at: string
}

/** What the core decided: events to append, the caller's answer, and the signal that tells the workflow. */
export interface Change<Answer> {
  readonly events: readonly CaseEvent[]
  readonly answer: Answer
  readonly signal?:
    | { readonly name: 'decide'; readonly envelope: Envelope }
    | { readonly name: 'changed' }
}

export interface Applied<Answer> {
  readonly answer: Answer
  readonly added: readonly Recorded[]
  readonly state: CaseState
}

export interface Apply<Answer> {
  readonly caseId: string
  readonly decide: (view: View, tx: Tx) => Promise<Change<Answer>> | Change<Answer>
}

export const apply = <Answer>(db: Db, input: Apply<Answer>): Promise<Applied<Answer> | Refusal> =>
  transaction(db, (tx) => applyIn(tx, input))

/** The same inside a transaction that the caller holds (the execution gate, which locks fences first). */
export async function applyIn<Answer>(
  tx: Tx,
  input: Apply<Answer>,
): Promise<Applied<Answer> | Refusal> {
  const locked = await lockStream(tx, { stream: input.caseId, make: false })
  if (isRefusal(locked)) return locked
  const recorded = recordedOf(locked.entries)
  if (isRefusal(recorded)) return recorded
  const state = fold(input.caseId, recorded)
  const change = await input.decide({ state, recorded, at: locked.at }, tx)
  return commitChange(tx, { locked, state, recorded, change })
}

async function commitChange<Answer>(
  tx: Tx,
  input: {
    readonly locked: Locked
    readonly state: CaseState
    readonly recorded: readonly Recorded[]
    readonly change: Change<Answer>
  },
): Promise<Applied<Answer>> {
  const { locked, state, recorded, change } = input
  const added = await append(tx, { locked, bodies: change.events })
  const news = added.map(
    (item, index): Recorded => ({
      seq: item.entry.seq,
      hash: item.hash,
      at: item.entry.at,
      event: change.events[index] as CaseEvent,
    }),
  )
  const after = news.length === 0 ? state : fold(locked.stream, [...recorded, ...news])
  if (news.length > 0) await project(tx, after)
  if (change.signal !== undefined && news.length > 0)
    await queueSignal(tx, { caseId: locked.stream, signal: change.signal })
  return { answer: change.answer, added: news, state: after }
}

/** Keeps the list row of the case true; nothing is decided from it. */
async function project(tx: Tx, state: CaseState): Promise<void> {
  await tx.query('update cases set phase = $2, due = $3, waiting_on = $4 where case_id = $1', [
    state.caseId,
    state.outcome === null ? 'open' : 'closed',
    due(state).kind,
    waitingOn(state),
  ])
}

async function queueSignal(
  tx: Tx,
  input: { readonly caseId: string; readonly signal: NonNullable<Change<unknown>['signal']> },
): Promise<void> {
  const { caseId, signal } = input
  const payload = signal.name === 'decide' ? { envelope: signal.envelope } : {}
  await tx.query('insert into outbox (case_id, signal, payload) values ($1, $2, $3)', [
    caseId,
    signal.name,
    JSON.stringify(payload),
  ])
  await tx.query("select pg_notify('outbox', '')")
}

/** The events of a case after `seq`, for a workflow or a reader that holds the rest already. */
export async function eventsSince(
  db: Db | Tx,
  input: { readonly caseId: string; readonly after: number },
): Promise<readonly Recorded[]> {
  const { rows } = await db.query<{ bytes: Buffer; hash: Digest }>(
    'select bytes, hash from entries where stream = $1 and seq > $2 order by seq',
    [input.caseId, input.after],
  )
  return rows.map(({ bytes, hash }) => {
    const entry = JSON.parse(bytes.toString('utf8')) as { seq: number; at: string; body: CaseEvent }
    return { seq: entry.seq, hash, at: entry.at, event: entry.body }
  })
}

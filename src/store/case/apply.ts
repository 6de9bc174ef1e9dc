/**
 * apply: the one way to change a case. In one transaction: lock the case, fold its entries, let the
 * pure core decide, append what it says, queue the signal. Evidence and state are the same write.
 * Time is the database's clock, read under the lock.
 */
import { randomBytes } from 'node:crypto'
import type { Digest } from '../../domain/bytes/digest.js'
import type { CaseState, Recorded } from '../../domain/case/case.js'
import { due, dueUntil, waitingOn } from '../../domain/case/due.js'
import { evolve, fold } from '../../domain/case/evolve.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Envelope } from '../../domain/shapes/envelope.js'
import type { CaseEvent, CaseOpened } from '../../domain/shapes/event.js'
import { chain, checkChain, type StoredEntry } from '../../ledger/entry.js'
import { type Db, prepared, type Tx, transaction, withCommit } from '../db.js'
import { type CaseRead, heldCases } from './held-cases.js'
import { eventOf, knownEntries } from './known-entries.js'

/** Of the cases that move at one time, with their parsed form some 50 MB. */
const MAX_BYTES = 8 * 1024 * 1024
const known = knownEntries(MAX_BYTES)
const held = heldCases(known, MAX_BYTES)

/** The end of a locked stream, after which one appends, and what time it is. */
export interface End {
  readonly stream: string
  readonly at: string
  readonly seq: number
  readonly head: Digest | null
}

/** A locked stream: what is in it, from the first entry to the last. */
export interface Locked extends End {
  readonly entries: readonly StoredEntry[]
}

/** Locks the stream and reads it whole; `make` creates an empty one first. */
export async function lockStream(
  tx: Tx,
  input: { readonly stream: string; readonly make: boolean },
): Promise<Locked | Refusal> {
  const locked = await lockRows(tx, input)
  if (isRefusal(locked)) return locked
  const { stream } = input
  const { at } = locked
  const entries = checkChain(stream, locked.rows, known.read)
  if (isRefusal(entries)) return entries
  return { stream, at, seq: entries.length, head: entries.at(-1)?.hash ?? null, entries }
}

/** UNTRUSTED: the rows, in their order. */
export async function lockRows(
  tx: Tx,
  input: { readonly stream: string; readonly make: boolean },
): Promise<{ readonly at: string; readonly rows: readonly Buffer[] } | Refusal> {
  // A row for each entry: the driver reads an array of bytes character by character.
  const { rows } = await tx.query<{ at: string; bytes: Buffer | null }>(
    prepared(
      `select s.at, e.bytes from lock_stream($1, $2) s
         left join lateral unnest(s.entries) with ordinality e (bytes, seq) on true order by e.seq`,
      [input.stream, input.make],
    ),
  )
  const [row] = rows
  if (row === undefined) return refuse('CASE_UNKNOWN', `/${input.stream}`)
  return { at: row.at, rows: rows.flatMap(({ bytes }) => (bytes === null ? [] : [bytes])) }
}

/** Locks a stream that is only added to (made if new) and reads where it ends: what appending needs, whatever its length. */
export async function lockEnd(tx: Tx, stream: string): Promise<End> {
  const [, , { rows }] = await Promise.all([
    tx.query(prepared('insert into streams (stream) values ($1) on conflict do nothing', [stream])),
    tx.query(prepared('select 1 from streams where stream = $1 for update', [stream])),
    tx.query<Pick<End, 'at' | 'seq' | 'head'>>(
      prepared('select now_iso() as at, seq, head from streams where stream = $1', [stream]),
    ),
  ])
  return { stream, ...(rows[0] ?? { at: '', seq: 0, head: null }) }
}

/** Appends bodies to a locked stream; they become durable, and visible to the sequencer, with the transaction. */
export async function append(
  tx: Tx,
  input: { readonly locked: End; readonly bodies: readonly { readonly type: string }[] },
): Promise<readonly StoredEntry[]> {
  const added = chained(input)
  if (added.length > 0) await write(tx, { locked: input.locked, added })
  return added
}

function chained({
  locked,
  bodies,
}: {
  readonly locked: End
  readonly bodies: readonly { readonly type: string }[]
}): readonly StoredEntry[] {
  const { stream, at, seq, head } = locked
  return chain({ stream, at, bodies, salt, seq, head })
}

const salt = (): string => randomBytes(16).toString('base64url')

const write = (
  tx: Tx,
  { locked, added }: { readonly locked: End; readonly added: readonly StoredEntry[] },
) => tx.query(prepared(APPEND, appended(locked, added)))

const appended = ({ stream, seq }: End, added: readonly StoredEntry[]): readonly unknown[] => [
  stream,
  seq,
  added.map((item) => item.hash),
  added.map((item) => item.entry.body.type),
  added.map((item) => Buffer.from(item.bytes)),
]

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
    | { readonly name: 'changed' | 'reattach' }
}

export interface Applied<Answer> {
  readonly answer: Answer
  readonly added: readonly Recorded[]
  /** The case afterwards. */
  readonly state: CaseState
  readonly recorded: readonly Recorded[]
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
  const { caseId } = input
  const read = await held.read(tx, { caseId, lock: 'yes' })
  if (isRefusal(read)) return read
  const { at, state, recorded } = read
  const view = { state, recorded, at }
  const change = await input.decide(view, tx)
  const { seq, head } = state
  return commitChange(tx, { locked: { stream: caseId, at, seq, head }, view, change })
}

function commitChange<Answer>(
  tx: Tx,
  input: {
    readonly locked: End
    readonly view: View
    readonly change: Change<Answer>
  },
): Applied<Answer> {
  const { locked, view, change } = input
  const { state, recorded } = view
  const added = chained({ locked, bodies: change.events })
  if (added.length === 0) return { answer: change.answer, added: [], state, recorded }
  const news = added.map(
    (item, index): Recorded => ({
      seq: item.entry.seq,
      hash: item.hash,
      at: item.entry.at,
      event: change.events[index] as CaseEvent,
    }),
  )
  const after = news.reduce(evolve, state)
  const { signal } = change
  withCommit(tx, writeChange(tx, { locked, added, state: after, signal, news }))
  return { answer: change.answer, added: news, state: after, recorded: [...recorded, ...news] }
}

/** What the list row of a case says of where the case stands since its last entry, which is of `at`. */
export function standingOf({ state, at }: { readonly state: CaseState; readonly at: string }) {
  const next = due(state)
  return {
    phase: state.outcome === null ? 'open' : 'closed',
    due: next.kind,
    waiting_on: waitingOn(state, at),
    outcome: state.outcome,
    due_until: dueUntil(next),
  }
}

type Signal = NonNullable<Change<unknown>['signal']>

/** A workflow holds no more than so much of one signal; what is longer it reads from the ledger. */
const MAX_TOLD_UNITS = 32 * 1024

/** `news` are the entries that the signal's envelope became. */
function payloadOf(signal: Signal, news: readonly Recorded[]): string {
  if (signal.name !== 'decide') return '{}'
  const { envelope } = signal
  const told = JSON.stringify({ envelope, news })
  return told.length > MAX_TOLD_UNITS ? JSON.stringify({ envelope }) : told
}

export const queueSignal = (
  db: Db | Tx,
  { caseId, signal }: { readonly caseId: string; readonly signal: Signal },
) =>
  db.query(
    prepared(
      `with queued as (insert into outbox (case_id, signal, payload) values ($1, $2, $3))
       select pg_notify('outbox', '')`,
      [caseId, signal.name, payloadOf(signal, [])],
    ),
  )

/** The entries, the list row of the case, from which nothing is decided, and the signal: one statement. */
function writeChange(
  tx: Tx,
  change: {
    readonly locked: End
    readonly added: readonly StoredEntry[]
    readonly news: readonly Recorded[]
    readonly state: CaseState
    readonly signal: Signal | undefined
  },
) {
  const { locked, added, state, signal, news } = change
  const { phase, due, waiting_on, outcome, due_until } = standingOf({ state, at: locked.at })
  const values = [...appended(locked, added), phase, due, waiting_on, outcome, due_until]
  if (signal === undefined) return tx.query(prepared(`with ${SHOWN} ${APPEND}`, values))
  const told = [...values, signal.name, payloadOf(signal, news)]
  return tx.query(prepared(`with ${SHOWN}, ${QUEUED} ${APPEND}, pg_notify('outbox', '')`, told))
}

const APPEND = 'select append_entries($1, $2, $3, $4, $5)'
const SHOWN = `shown as (
  update cases set phase = $6, due = $7, waiting_on = $8, outcome = $9, due_until = $10
   where case_id = $1
     and (phase, due, waiting_on, outcome, due_until) is distinct from ($6, $7, $8, $9, $10))`
const QUEUED = 'queued as (insert into outbox (case_id, signal, payload) values ($1, $11, $12))'

/** The case as its rows say, for reading; whatever is decided from it is checked again under the lock. */
export async function caseOf(
  db: Db | Tx,
  caseId: string,
): Promise<Pick<View, 'state' | 'recorded'>> {
  const read = await held.read(db, { caseId, lock: 'no' })
  if (!isRefusal(read)) return read
  const recorded = await eventsSince(db, { caseId, after: 0 })
  return { state: fold(caseId, recorded), recorded }
}

/** The whole case, every byte of it in its place, as it stands now and not under any lock. */
export const wholeCase = (db: Db | Tx, caseId: string): Promise<CaseRead | Refusal> =>
  held.read(db, { caseId, lock: 'no' })

/** What a case was opened as; null where there is no such case. */
export async function openedOf(db: Db | Tx, caseId: string): Promise<CaseOpened | null> {
  const { rows } = await db.query<EntryRow>(
    prepared('select seq, bytes, hash from entries where stream = $1 and seq = 1', [caseId]),
  )
  const [row] = rows
  const event = row === undefined ? null : said(row, caseId).event
  return event?.type === 'CaseOpened' ? event : null
}

interface Since {
  readonly caseId: string
  readonly after: number
}

interface EntryRow {
  readonly seq: number
  readonly bytes: Buffer
  readonly hash: Digest
}

/** The events of a case after `seq`, for a reader that holds the rest already. */
export async function eventsSince(db: Db | Tx, since: Since): Promise<readonly Recorded[]> {
  const { caseId, after } = since
  const { rows } = await db.query<EntryRow>(
    prepared('select seq, bytes, hash from entries where stream = $1 and seq > $2 order by seq', [
      caseId,
      after,
    ]),
  )
  return rows.map((row) => said(row, caseId))
}

/** The first of them, which together have no more than `maxBytes`, and whether there are others. */
export async function firstEventsSince(
  db: Db | Tx,
  { caseId, after, maxBytes }: Since & { readonly maxBytes: number },
): Promise<{ readonly events: readonly Recorded[]; readonly rest: 'none' | 'some' }> {
  const { rows } = await db.query<EntryRow & { readonly last: number }>(
    prepared(
      `select seq, bytes, hash, last from (
         select seq, bytes, hash, max(seq) over () as last,
                sum(octet_length(bytes)) over (order by seq) as held
           from entries where stream = $1 and seq > $2) following
        where held <= $3 order by seq`,
      [caseId, after, maxBytes],
    ),
  )
  const end = rows.at(-1)
  const rest = end === undefined || end.seq === end.last ? 'none' : 'some'
  return { events: rows.map((row) => said(row, caseId)), rest }
}

/** What a row says, for reading: whatever is decided from it is checked again under the lock. */
function said({ seq, bytes, hash }: EntryRow, stream: string): Recorded {
  const stored = known.read(bytes, { stream, seq })
  const event = isRefusal(stored) ? stored : eventOf(stored)
  if (!isRefusal(stored) && !isRefusal(event)) return { seq, hash, at: stored.entry.at, event }
  const entry = JSON.parse(bytes.toString('utf8')) as { seq: number; at: string; body: CaseEvent }
  return { seq: entry.seq, hash, at: entry.at, event: entry.body }
}

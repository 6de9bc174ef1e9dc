/**
 * What runs, in the words of each process: its starts and the times when its clock was off are entries of a stream of
 * its own, which its database role alone can write. How far each clock is off now is a row beside them, for people.
 */
import { isRefusal } from '../../domain/refusal.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { ClockLooked, ProcessName, ProcessStarted } from '../../domain/shapes/process-event.js'
import { ProcessEvent } from '../../domain/shapes/process-event.js'
import { readEntry } from '../../ledger/entry.js'
import { AUTHORITY_STREAM } from '../authority/authority.js'
import { append, lockEnd } from '../case/apply.js'
import { type Db, type Tx, transaction, UNHURRIED } from '../db.js'

export const processStream = (process: ProcessName): string => `process:${process}`

/** Of one run. */
export interface Running {
  readonly process: ProcessName
  readonly instance: string
}

/**
 * Afterwards the start is an entry, once for each run; `not yet` while nothing is installed under which a process
 * could act: the first entry of a log is its authority.
 */
export const recordStart = (db: Db, event: ProcessStarted): Promise<'recorded' | 'not yet'> =>
  transaction(db, async (tx) => {
    const installed = await tx.query('select 1 from entries where stream = $1 limit 1', [
      AUTHORITY_STREAM,
    ])
    if (installed.rowCount === 0) return 'not yet'
    const locked = await lockEnd(tx, processStream(event.process))
    const known = await lastOf(tx, { ...event, type: 'ProcessStarted' })
    if (known === null) await append(tx, { locked, bodies: [event] })
    return 'recorded'
  })

/** Afterwards the newest entry of this run about its clock says so; it is added where another one did, or none. */
export const recordClock = (
  db: Db,
  { process, ...said }: Running & Omit<ClockLooked, 'type'>,
): Promise<void> =>
  transaction(db, async (tx) => {
    const locked = await lockEnd(tx, processStream(process))
    const body: ClockLooked = { type: 'ClockLooked', ...said }
    const last = await lastOf(tx, { process, instance: said.instance, type: 'ClockLooked' })
    if (last !== said.clock) await append(tx, { locked, bodies: [body] })
  })

/** What the last such entry of the run says of the clock, or of its start; null where there is none. */
async function lastOf(
  tx: Tx,
  of: Running & { readonly type: ProcessEvent['type'] },
): Promise<string | null> {
  const { rows } = await tx.query<{ said: string }>(
    `select coalesce(body ->> 'clock', 'started') as said
       from (select seq, convert_from(bytes, 'UTF8')::jsonb -> 'body' as body
               from entries where stream = $1 and type = $2) its
      where body ->> 'instance' = $3 order by seq desc limit 1`,
    [processStream(of.process), of.type, of.instance],
  )
  return rows[0]?.said ?? null
}

/** A run that did not say goodbye is forgotten after so long. */
const FORGET = `interval '1 hour'`

export async function keepClock(db: Db, of: Running & { readonly skewMs: number }): Promise<void> {
  const { process, instance, skewMs } = of
  await db.query(
    `with gone as (delete from clocks where process = $2 and at < clock_timestamp() - ${FORGET})
     insert into clocks as c (instance, process, skew_ms) select $1, $2, $3 where ${UNHURRIED}
       on conflict (instance) do update set skew_ms = excluded.skew_ms, at = excluded.at`,
    [instance, process, skewMs],
  )
}

export const forgetClock = async (db: Db, { instance }: Running): Promise<void> => {
  await db.query('delete from clocks where instance = $1', [instance])
}

export interface MeasuredClock extends Running {
  readonly skewMs: number
  /** Since it was measured, by the database's clock. */
  readonly agoMs: number
}

/** Three measurements were missed. */
const SILENT_MS = 60_000
export const isSilent = ({ agoMs }: Pick<MeasuredClock, 'agoMs'>): boolean => agoMs > SILENT_MS

/** Of the processes that run, as each measured last. */
export async function measuredClocks(db: Db): Promise<readonly MeasuredClock[]> {
  const { rows } = await db.query<MeasuredClock>(
    `select process, instance, skew_ms::float8 as "skewMs",
            extract(epoch from clock_timestamp() - at)::float8 * 1000 as "agoMs"
       from clocks order by process, instance`,
  )
  return rows
}

export interface StartedProcess extends ProcessStarted {
  readonly at: string
  readonly seq: number
}

/** The newest starts of each process, the latest first; what is no event of the stream says nothing. */
export async function startedProcesses(
  db: Db,
  { each }: { readonly each: number },
): Promise<readonly StartedProcess[]> {
  const { rows } = await db.query<{ bytes: Buffer }>(
    `select bytes from (
       select bytes, row_number() over (partition by stream order by seq desc) as place
         from entries where stream_kind(stream) = 'process' and type = 'ProcessStarted') its
      where place <= $1`,
    [each],
  )
  const starts = rows.flatMap(({ bytes }): StartedProcess[] => {
    const stored = readEntry(new Uint8Array(bytes))
    const event = isRefusal(stored) ? stored : parseAs(ProcessEvent)(stored.entry.body)
    if (isRefusal(stored) || isRefusal(event) || event.type !== 'ProcessStarted') return []
    return [{ ...event, at: stored.entry.at, seq: stored.entry.seq }]
  })
  return starts.sort((left, right) => (left.at < right.at ? 1 : -1))
}

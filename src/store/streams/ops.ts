/**
 * What operators ask the evidence store, and their own record in the stream `ops`. *Quiet* since: the time of a
 * case's last entry. Nothing here decides, and nothing here is believed by the gate.
 */
import { isRefusal } from '../../domain/refusal.js'
import type { OperatorActed } from '../../domain/shapes/ops-event.js'
import { append, lockEnd } from '../case/apply.js'
import { openIntents } from '../case/reconcile.js'
import { type Db, StoreFault, transaction } from '../db.js'

export const OPS_STREAM = 'ops'

export async function recordOperated(db: Db, event: OperatorActed): Promise<void> {
  await transaction(db, async (tx) => {
    const locked = await lockEnd(tx, OPS_STREAM)
    if (isRefusal(locked)) throw new StoreFault(locked.refused, locked)
    await append(tx, { locked, bodies: [event] })
  })
}

/** Cases in which no person is awaited: the ball is ours. */
const OURS = ['plan', 'open-gate', 'perform', 'observe', 'undo']

const LAST_AT = `(select convert_from(e.bytes, 'UTF8')::jsonb ->> 'at' from entries e
  join streams s on s.stream = e.stream and s.seq = e.seq where e.stream = c.case_id)`

/** Open cases that owe work, longest quiet first, with nothing recorded for `quietMs` by the database's clock. */
export async function quietCases(
  db: Db,
  input: { readonly quietMs: number; readonly limit: number },
): Promise<readonly { readonly caseId: string; readonly quietSince: string }[]> {
  const { rows } = await db.query<{ caseId: string; quietSince: string }>(
    `select * from (select case_id as "caseId", ${LAST_AT} as "quietSince" from cases c
        where phase = 'open' and due = any($1)) quiet
      where "quietSince"::timestamptz <= clock_timestamp() - $2 * interval '1 millisecond'
      order by "quietSince" limit $3`,
    [OURS, input.quietMs, input.limit],
  )
  return rows
}

/** Who holds the ball in how many open cases, and since when the quietest of them is quiet. */
export async function holders(
  db: Db,
): Promise<
  readonly { readonly holder: string; readonly cases: number; readonly quietSince: string }[]
> {
  const { rows } = await db.query<{ holder: string; cases: number; quietSince: string }>(
    `select holder, count(*)::int as cases, min(${LAST_AT}) as "quietSince"
       from cases c, unnest(case when waiting_on = '{}' then array['system'] else waiting_on end) holder
      where phase = 'open' group by holder order by "quietSince"`,
  )
  return rows
}

export interface UnderWay {
  /** Cases with a grant whose step has no outcome yet. */
  readonly granted: readonly string[]
  /** Signals that Temporal has not got, and entries that no checkpoint covers. */
  readonly signals: number
  readonly unsigned: number
}

/** What processes that are told to stop would leave for their successors. */
export async function underWay(db: Db): Promise<UnderWay> {
  const granted = await openIntents(db, 0)
  const { rows } = await db.query<{ signals: number; unsigned: number }>(
    `select (select count(*) from outbox)::int as signals, (select count(*) from unsequenced)::int as unsigned`,
  )
  return { granted, signals: rows[0]?.signals ?? 0, unsigned: rows[0]?.unsigned ?? 0 }
}

/**
 * The outbox: signals that entries owe to workflows, queued in the transaction that made them and
 * relayed at least once. Nothing is decided here; a lost or doubled signal changes nothing.
 */
import { type Db, prepared, UNHURRIED } from '../db.js'

export interface Outgoing {
  readonly id: string
  readonly caseId: string
  readonly signal: 'decide' | 'changed' | 'reattach'
  readonly payload: Readonly<Record<string, unknown>>
}

/** A crash of the store delivers what was taken or dropped a moment before once more. */
export async function takeOutgoing(db: Db, limit: number): Promise<readonly Outgoing[]> {
  const { rows } = await db.query<{
    id: string
    case_id: string
    signal: Outgoing['signal']
    payload: Record<string, unknown>
  }>(
    prepared(
      `update outbox set attempts = attempts + 1, not_before = now() + least(30, attempts + 1) * interval '1 second'
        where ${UNHURRIED} and id in (select id from outbox where not_before <= now() order by id limit $1 for update skip locked)
        returning id, case_id, signal, payload`,
      [limit],
    ),
  )
  return rows
    .map((row) => ({ id: row.id, caseId: row.case_id, signal: row.signal, payload: row.payload }))
    .sort((left, right) => Number(left.id) - Number(right.id))
}

export const dropOutgoing = async (db: Db, ids: readonly string[]): Promise<void> => {
  if (ids.length > 0)
    await db.query(
      prepared(`delete from outbox where ${UNHURRIED} and id = any($1::bigint[])`, [ids]),
    )
}

/** Makes everything due again at once: used when the way to Temporal is back. */
export const hurryOutgoing = (db: Db) => db.query('update outbox set not_before = now()')

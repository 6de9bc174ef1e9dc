/** The entries from which the cost of control follows; of the rest of a case nothing is read. */
import type { Recorded } from '../../domain/case/case.js'
import { isRefusal } from '../../domain/refusal.js'
import { CaseEvent } from '../../domain/shapes/event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { readEntry } from '../../ledger/entry.js'
import type { Db } from '../db.js'

const COUNTED = ['CaseOpened', 'Planned', 'GateOpened', 'DecisionAdmitted', 'Granted', 'CaseClosed']

/** Of each case that was opened since, those entries, in order. */
export async function casesOpenedSince(
  db: Db,
  since: string,
): Promise<readonly (readonly Recorded[])[]> {
  const { rows } = await db.query<{ stream: string; bytes: Buffer }>(
    `select e.stream, e.bytes from cases c join entries e on e.stream = c.case_id
      where e.type = any($1) and exists (
        select 1 from entries o where o.stream = c.case_id and o.seq = 1
           and convert_from(o.bytes, 'UTF8')::jsonb ->> 'at' >= $2)
      order by e.stream, e.seq`,
    [COUNTED, since],
  )
  const cases = new Map<string, Recorded[]>()
  for (const { stream, bytes } of rows) {
    const stored = readEntry(bytes)
    if (isRefusal(stored)) continue
    const { entry, hash } = stored
    const event = parseAs(CaseEvent)(entry.body)
    if (isRefusal(event)) continue
    cases.set(stream, [...(cases.get(stream) ?? []), { seq: entry.seq, hash, at: entry.at, event }])
  }
  return [...cases.values()]
}

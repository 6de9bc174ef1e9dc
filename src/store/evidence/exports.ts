/** Evidence that is taken away: which cases a query asks for, and who took them, as an entry of the stream `ops`. */
import { canonical } from '../../domain/bytes/digest.js'
import { isRefusal } from '../../domain/refusal.js'
import type { EvidenceExported, EvidenceQuery } from '../../domain/shapes/ops-event.js'
import { readEntry, type StoredEntry } from '../../ledger/entry.js'
import { append, lockEnd } from '../case/apply.js'
import { type Db, StoreFault, type Tx, transaction } from '../db.js'

const STREAM = 'ops'
const AT = (entry: string) => `convert_from(${entry}.bytes, 'UTF8')::jsonb ->> 'at'`

/** Candidates, sorted, at most `limit`: what a case is, its entries say. */
export async function casesAskedFor(
  db: Db,
  asked: { readonly query: EvidenceQuery; readonly limit: number },
): Promise<readonly string[]> {
  const { identity, partner, objective, kinds, from, until } = asked.query
  const { rows } = await db.query<{ caseId: string }>(
    `select c.case_id as "caseId" from cases c join entries o on o.stream = c.case_id and o.seq = 1
      where ($1::text is null or (c.scope_kind = 'identity' and c.scope_id = $1))
        and ($2::text is null or c.company_id = $2 or c.scope_id = $2
             or convert_from(o.bytes, 'UTF8')::jsonb #>> '{body,requester,companyId}' = $2)
        and ($3::text is null or c.objective_id = $3)
        and ($4::text[] is null or c.kind = any($4))
        and ($5::text is null or not exists (
          select from entries e where e.stream = c.case_id and e.type = 'CaseClosed' and ${AT('e')} < $5))
        and ($6::text is null or ${AT('o')} < $6)
      order by c.case_id collate "C" limit $7`,
    [identity, partner, objective, kinds, from, until, asked.limit],
  )
  return rows.map(({ caseId }) => caseId)
}

/** Who takes the very same evidence away again is answered by the entry that says so already. */
export async function recordExported(db: Db, event: EvidenceExported): Promise<StoredEntry> {
  return transaction(db, async (tx) => {
    const locked = await lockEnd(tx, STREAM)
    const known = await exportedBefore(tx, event)
    const [added] = known === null ? await append(tx, { locked, bodies: [event] }) : [known]
    if (added === undefined) throw new StoreFault('nothing was appended', null)
    return added
  })
}

async function exportedBefore(tx: Tx, event: EvidenceExported): Promise<StoredEntry | null> {
  const { rows } = await tx.query<{ bytes: Buffer }>(
    `select bytes from entries where stream = $1 and type = 'EvidenceExported'
        and convert_from(bytes, 'UTF8')::jsonb #>> '{body,population}' = $2 order by seq`,
    [STREAM, event.population],
  )
  const same = rows
    .map(({ bytes }) => readEntry(new Uint8Array(bytes)))
    .find((stored) => !isRefusal(stored) && canonical(stored.entry.body) === canonical(event))
  return same === undefined || isRefusal(same) ? null : same
}

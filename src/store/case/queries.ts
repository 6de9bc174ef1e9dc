/**
 * Reads for lists and doors, under the API's database role. Rows help to find cases; what a case is, is
 * always the fold of its entries. `companyId` narrows to one partner in the query itself.
 */

import type { SaltedReason } from '../../domain/bytes/commitment.js'
import type { Digest } from '../../domain/bytes/digest.js'
import type { CaseScope } from '../../domain/shapes/basic.js'
import type { CaseEvent, Entry } from '../../domain/shapes/event.js'
import type { Db, Tx } from '../db.js'

/** The list row of a case, as `apply` keeps it. */
export interface ListedCase {
  readonly caseId: string
  readonly kind: string
  readonly scope: CaseScope
  readonly systemId: string | null
  readonly partnerId: string
  readonly ownerId: string
  readonly objectiveId: string | null
  readonly policy: string
  readonly tier: string
  readonly phase: 'open' | 'closed'
  readonly outcome: string | null
  readonly due: string
  readonly waitingOn: readonly string[]
}

/** An open case that nobody has moved yet waits for the system. */
const WAITING_ON = `case when phase = 'open' and waiting_on = '{}' then array['system'] else waiting_on end`

const COLUMNS = `case_id as "caseId", kind, jsonb_build_object('kind', scope_kind, 'id', scope_id) as scope, system_id as "systemId",
  company_id as "partnerId", owner_id as "ownerId", objective_id as "objectiveId", policy, tier, phase,
  outcome, due, ${WAITING_ON} as "waitingOn"`

export interface ListCases {
  /** Only this partner's; null for all. */
  readonly companyId: string | null
  readonly phase: 'open' | 'closed' | null
  readonly waitingOn: string | null
  /** ULID at the end of a case id; only older ones. */
  readonly before: string | null
  readonly limit: number
}

/** Newest first. */
export async function listCases(db: Db, input: ListCases): Promise<readonly ListedCase[]> {
  const { rows } = await db.query<ListedCase>(
    `select ${COLUMNS} from cases
      where ($1::text is null or company_id = $1)
        and ($2::text is null or phase = $2)
        and ($3::text is null or ${WAITING_ON} @> array[$3])
        and ($4::text is null or right(case_id, 26) < $4)
      order by right(case_id, 26) desc limit $5`,
    [input.companyId, input.phase, input.waitingOn, input.before, input.limit],
  )
  return rows
}

/** Which partner executes the case; null when there is no such case. */
export async function executorOf(db: Db, caseId: string): Promise<string | null> {
  const { rows } = await db.query<{ company_id: string }>(
    'select company_id from cases where case_id = $1',
    [caseId],
  )
  return rows[0]?.company_id ?? null
}

/** Open cases that wait for one of these. */
export async function casesWaitingOn(
  db: Db,
  waitingOn: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await db.query<{ case_id: string }>(
    `select case_id from cases where phase = 'open' and waiting_on && $1
      order by right(case_id, 26) limit 200`,
    [waitingOn],
  )
  return rows.map((row) => row.case_id)
}

/** Open cases of these identities. */
export async function openCasesOf(
  db: Db,
  identityIds: readonly string[],
): Promise<readonly { readonly caseId: string; readonly identityId: string }[]> {
  const { rows } = await db.query<{ caseId: string; identityId: string }>(
    `select case_id as "caseId", scope_id as "identityId" from cases
      where phase = 'open' and scope_id = any($1) order by right(case_id, 26)`,
    [identityIds],
  )
  return rows
}

/** What was sealed for this grant: for nobody but its consumer to open. */
export async function sealedFor(
  db: Db,
  grantId: string,
): Promise<readonly { readonly consumerId: string; readonly jwe: string }[]> {
  const { rows } = await db.query<{ consumerId: string; jwe: string }>(
    'select consumer_id as "consumerId", jwe from sealed where grant_id = $1 order by consumer_id',
    [grantId],
  )
  return rows
}

export interface EntryRow extends Pick<Entry, 'seq' | 'prev' | 'at' | 'salt'> {
  readonly hash: Digest
  readonly body: CaseEvent
}

export async function entriesAfter(
  db: Db,
  input: { readonly caseId: string; readonly after: number; readonly limit: number },
): Promise<readonly EntryRow[]> {
  const { rows } = await db.query<{ hash: Digest; bytes: Buffer }>(
    'select hash, bytes from entries where stream = $1 and seq > $2 order by seq limit $3',
    [input.caseId, input.after, input.limit],
  )
  return rows.map(({ hash, bytes }) => {
    const { seq, prev, at, salt, body } = JSON.parse(bytes.toString('utf8')) as Omit<
      EntryRow,
      'hash'
    >
    return { seq, hash, prev, at, salt, body }
  })
}

/** Of these hashes, those that are in a signed checkpoint. */
export async function provable(db: Db, hashes: readonly Digest[]): Promise<readonly Digest[]> {
  const { rows } = await db.query<{ hash: Digest }>(
    `select hash from leaves
      where hash = any($1) and index < (select coalesce(max(size), 0) from checkpoints)`,
    [hashes],
  )
  return rows.map((row) => row.hash)
}

/** The text beside a digest, in the store from which it can be erased. The same one again changes nothing. */
export const keepReason = (db: Db | Tx, input: SaltedReason & { readonly digest: Digest }) =>
  db.query(
    'insert into reasons_side (digest, salt, reason) values ($1, $2, $3) on conflict do nothing',
    [input.digest, input.salt, input.reason],
  )

/** Reasons by their digest, as far as they have not been erased. */
export async function reasonsOf(
  db: Db,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, string>> {
  if (digests.length === 0) return new Map()
  const { rows } = await db.query<{ digest: Digest; reason: string }>(
    'select digest, reason from reasons_side where digest = any($1)',
    [digests],
  )
  return new Map(rows.map(({ digest, reason }) => [digest, reason]))
}

export interface LogHealth {
  readonly at: string
  /** Entries under the newest signed checkpoint. */
  readonly size: number
  /** When the oldest head of an open case was written that no signed checkpoint covers; null when all are covered. */
  readonly unsignedSince: string | null
}

export async function logHealth(db: Db): Promise<LogHealth> {
  const { rows } = await db.query<{ at: string; size: string; since: string | null }>(
    `with signed as (select coalesce(max(size), 0) as size from checkpoints)
     select now_iso() as at, (select size from signed) as size,
       (select min(convert_from(e.bytes, 'UTF8')::jsonb ->> 'at')
          from cases c join streams s on s.stream = c.case_id
               join entries e on e.hash = s.head
               left join leaves l on l.hash = s.head
         where c.phase = 'open' and (l.index is null or l.index >= (select size from signed))) as since`,
  )
  const [row] = rows
  return { at: row?.at ?? '', size: Number(row?.size ?? 0), unsignedSince: row?.since ?? null }
}

/** Reads and reports about who answers for what. What is reported changes no authority. */
import type { Db, Tx } from '../db.js'

export interface Report {
  readonly personId: string
  readonly status: 'present' | 'gone'
}

/** Each person's newest report stays, with whoever brought it. */
export async function keepReports(
  db: Db,
  input: { readonly reports: readonly Report[]; readonly by: string; readonly at: string },
): Promise<void> {
  const { reports, by, at } = input
  await db.query(
    `insert into reported_persons (person_id, status, reported_by, at)
     select person_id, status, $3, $4 from unnest($1::text[], $2::text[]) as r (person_id, status)
     on conflict (person_id) do update
       set status = excluded.status, reported_by = excluded.reported_by, at = excluded.at`,
    [reports.map(({ personId }) => personId), reports.map(({ status }) => status), by, at],
  )
}

export async function reportedGone(db: Db | Tx): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ person_id: string }>(
    "select person_id from reported_persons where status = 'gone'",
  )
  return new Set(rows.map(({ person_id }) => person_id))
}

/** The newest closed case of each objective and kind. */
export async function lastClosed(
  db: Db,
): Promise<readonly { objectiveId: string; kind: string; caseId: string; outcome: string }[]> {
  const { rows } = await db.query<{
    objectiveId: string
    kind: string
    caseId: string
    outcome: string
  }>(
    `select distinct on (objective_id, kind) objective_id as "objectiveId", kind, case_id as "caseId",
            coalesce(outcome, 'unknown') as outcome
       from cases where phase = 'closed' and objective_id is not null
      order by objective_id, kind, right(case_id, 26) desc`,
  )
  return rows
}

/**
 * What the reconciler asks the evidence store and what it writes there: open cases, *intents* (grants
 * whose step is neither performed, failed, offered nor undone), and grants that differ from the entries.
 * Only open cases are looked at; a closed one is whole, or its packet says so.
 */
import type { Recorded } from '../../domain/case/case.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { CaseScope } from '../../domain/shapes/basic.js'
import type { Db } from '../db.js'
import { apply } from './apply.js'
import { recordFinding } from './cases.js'

/** What the relay starts a workflow with. */
export interface CaseRow {
  readonly caseId: string
  readonly kind: string
  readonly scope: CaseScope
  readonly systemId: string | null
  readonly companyId: string
  readonly ownerId: string
  readonly objectiveId: string | null
  readonly policy: string
  readonly tier: string
  readonly phase: 'open' | 'closed'
}

const COLUMNS = `case_id as "caseId", kind, jsonb_build_object('kind', scope_kind, 'id', scope_id) as scope, system_id as "systemId",
  company_id as "companyId", owner_id as "ownerId", objective_id as "objectiveId", policy, tier, phase`

export async function caseRow(db: Db, caseId: string): Promise<CaseRow | null> {
  const { rows } = await db.query<CaseRow>(`select ${COLUMNS} from cases where case_id = $1`, [
    caseId,
  ])
  return rows[0] ?? null
}

/** Ids of open cases after this one, in order; a page of at most `limit`. */
export async function openCases(
  db: Db,
  input: { readonly after: string; readonly limit: number },
): Promise<readonly string[]> {
  const { rows } = await db.query<{ case_id: string }>(
    `select case_id from cases where phase = 'open' and case_id > $1 order by case_id limit $2`,
    [input.after, input.limit],
  )
  return rows.map((row) => row.case_id)
}

/** Records that the case's workflow was lost, and has the relay start it again. `previous`: what became of it. */
export async function recordRecovery(
  db: Db,
  input: {
    readonly caseId: string
    readonly previous: string
    readonly signal: 'changed' | 'reattach'
  },
): Promise<'recorded' | 'closed' | Refusal> {
  const previous = input.previous.slice(0, 40)
  const applied = await apply<'recorded' | 'closed'>(db, {
    caseId: input.caseId,
    decide: ({ state }) =>
      state.outcome !== null
        ? { events: [], answer: 'closed' }
        : {
            events: [{ type: 'WorkflowRecovered', previous }],
            answer: 'recorded',
            signal: { name: input.signal },
          },
  })
  return isRefusal(applied) ? applied : applied.answer
}

/** Has the relay end the run there is, if any, and start the case's workflow anew from the ledger. */
export async function recordReattachment(
  db: Db,
  caseId: string,
): Promise<'recorded' | 'closed' | Refusal> {
  return recordRecovery(db, { caseId, previous: 'REATTACHED', signal: 'reattach' })
}

/** Records, once for each run, that somebody made a run of this workflow by resetting another. */
export async function recordReset(
  db: Db,
  input: { readonly caseId: string; readonly runId: string },
): Promise<void> {
  const previous = `RESET ${input.runId}`.slice(0, 60)
  const isKnown = ({ event }: Recorded): boolean =>
    event.type === 'WorkflowRecovered' && event.previous === previous
  await apply(db, {
    caseId: input.caseId,
    decide: ({ state, recorded }) => ({
      events:
        state.outcome !== null || recorded.some(isKnown)
          ? []
          : [{ type: 'WorkflowRecovered', previous }],
      answer: null,
    }),
  })
}

/** Tells the workflows to look again, unless they are about to be told already. Returns how many. */
export async function queueChanged(db: Db, caseIds: readonly string[]): Promise<number> {
  if (caseIds.length === 0) return 0
  const { rowCount } = await db.query(
    `insert into outbox (case_id, signal, payload)
     select wanted, 'changed', '{}' from unnest($1::text[]) as given (wanted)
      where not exists (select 1 from outbox where case_id = wanted and signal = 'changed')`,
    [caseIds],
  )
  await db.query("select pg_notify('outbox', '')")
  return rowCount ?? 0
}

/** Open cases with an intent older than `olderThanMs` by the database's clock. */
export async function openIntents(db: Db, olderThanMs: number): Promise<readonly string[]> {
  const { rows } = await db.query<{ case_id: string }>(
    `with granted as (
       select c.case_id, convert_from(e.bytes, 'UTF8')::jsonb as entry
         from cases c join entries e on e.stream = c.case_id and e.type = 'Granted'
        where c.phase = 'open')
     select distinct g.case_id from granted g
      where (g.entry ->> 'at')::timestamptz < clock_timestamp() - $1 * interval '1 millisecond'
        and not exists (
          select 1 from entries f
           where f.stream = g.case_id
             and f.type in ('StepPerformed', 'StepFailed', 'TaskOffered', 'StepUndone')
             and convert_from(f.bytes, 'UTF8')::jsonb -> 'body' ->> 'grantId'
               = g.entry -> 'body' ->> 'grantId')`,
    [olderThanMs],
  )
  return rows.map((row) => row.case_id)
}

/** A row and an entry of one grant are one commit: one without the other was written by somebody else. */
export async function findTampering(db: Db): Promise<number> {
  const { rows } = await db.query<{ case_id: string; grant_id: string; lacks: string }>(
    `with open_cases as (select case_id from cases where phase = 'open'),
     entry as (
       select o.case_id, convert_from(e.bytes, 'UTF8')::jsonb -> 'body' ->> 'grantId' as grant_id
         from open_cases o join entries e on e.stream = o.case_id and e.type = 'Granted'),
     held as (select g.case_id, g.grant_id from open_cases o join grants g using (case_id))
     select coalesce(held.case_id, entry.case_id) as case_id,
            coalesce(held.grant_id, entry.grant_id) as grant_id,
            case when entry.grant_id is null then 'entry' else 'row' end as lacks
       from held full join entry
         on held.case_id = entry.case_id and held.grant_id = entry.grant_id
      where held.grant_id is null or entry.grant_id is null`,
  )
  for (const { case_id: caseId, grant_id: grantId, lacks } of rows)
    await recordFinding(db, {
      caseId,
      refusal: refuse('EVIDENCE_TAMPERED', `/grants/${grantId}`, `the grant has no ${lacks}`),
    })
  return rows.length
}

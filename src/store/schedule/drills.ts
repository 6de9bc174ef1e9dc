/**
 * Drills in the evidence store: which are due, what their rights have done so far, and what was signed of them.
 * Rows help to find cases; what counts in them is what the connector attested.
 */

import type { Authority } from '../../domain/authority/authority.js'
import { checkAttestations } from '../../domain/case/attestation.js'
import type { Recorded } from '../../domain/case/case.js'
import { fold } from '../../domain/case/evolve.js'
import { drillEveryMs } from '../../domain/policy/periods.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import {
  type Drill,
  type Exercising,
  type Measuring,
  signedDrill,
} from '../../domain/rights/drill.js'
import { fencesAround } from '../../domain/rights/fence.js'
import type { DrillResult } from '../../domain/rights/rights.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { eventsSince } from '../case/apply.js'
import type { OpenCaseDeps } from '../case/open-case.js'
import type { Db } from '../db.js'
import { openScheduled, type Scheduled, standingNow } from './scheduled.js'

const BODY = (entry: string) => `convert_from(${entry}.bytes, 'UTF8')::jsonb`

/** UNTRUSTED: the rows. The cases in which rights may have been exercised since the drill was opened, oldest first. */
export async function exercisedSince(
  db: Db,
  input: {
    readonly drill: Drill
    readonly partnerId: string
    readonly authority: Authority
    readonly verify: Verify
  },
): Promise<{ readonly cases: readonly Exercising[]; readonly measuring: Measuring } | Refusal> {
  const { drill, partnerId, authority, verify } = input
  const { rows } = await db.query<{ case_id: string }>(
    `select c.case_id from cases c
      where (c.scope_id = $1 or (c.kind = 'demand' and c.scope_id = $2)) and exists (
        select 1 from entries e where e.stream = c.case_id and ${BODY('e')} ->> 'at' >= $3)
      order by right(c.case_id, 26)`,
    [drill.canary, partnerId, drill.openedAt],
  )
  const cases: Exercising[] = []
  for (const { case_id: caseId } of rows) {
    const recorded = await eventsSince(db, { caseId, after: 0 })
    const tampered = checkAttestations({ caseId, recorded, authority, verify })
    if (tampered !== null) return tampered
    cases.push({ caseId, recorded })
  }
  const fenced = await fencedAtOf(db, drill.canary)
  const granted = cases.flatMap(grantsStoppable)
  return {
    cases,
    measuring: {
      drill,
      fencedAt: (fenceId) => fenced.get(fenceId) ?? null,
      grantsBetween: (from, until) =>
        granted.filter((at) => at > from && (until === null || at <= until)).length,
    },
  }
}

/** The times of grants in a case that a fence around its identity stops. */
function grantsStoppable({ recorded }: Exercising): readonly string[] {
  const opened = recorded[0]?.event
  if (opened?.type !== 'CaseOpened' || fencesAround(opened).length === 0) return []
  return recorded.flatMap(({ at, event }) => (event.type === 'Granted' ? [at] : []))
}

async function fencedAtOf(db: Db, canary: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ fence: string; at: string }>(
    `select ${BODY('e')} -> 'body' ->> 'fenceId' as fence, ${BODY('e')} ->> 'at' as at
       from entries e where e.stream = $1 and e.type = 'Fenced' order by e.seq`,
    [`fence:identity:${canary}`],
  )
  return new Map(rows.map(({ fence, at }) => [fence, at]))
}

/** What signed drills said of each right, oldest first. */
export async function drillResults(db: Db): Promise<readonly DrillResult[]> {
  const { rows } = await db.query<{ case_id: string }>(
    `select case_id from (
       select case_id, row_number() over (
           partition by scope_id, ${BODY('o')} -> 'body' -> 'asked' ->> 'canary'
           order by right(case_id, 26) desc) as nth
         from cases c join entries o on o.stream = c.case_id and o.seq = 1
        where c.kind = 'drill' and c.outcome = 'completed') newest
      where nth = 1`,
  )
  const results = await Promise.all(
    rows.map(async ({ case_id: caseId }) =>
      resultsIn(caseId, await eventsSince(db, { caseId, after: 0 })),
    ),
  )
  return results.flat()
}

function resultsIn(caseId: string, recorded: readonly Recorded[]): readonly DrillResult[] {
  const signed = signedDrill(fold(caseId, recorded), recorded)
  if (signed === null) return []
  const { measured, ...of } = signed
  return measured.map(({ right, says }) => ({ ...of, caseId, right, says }))
}

/**
 * Opens a drill for each partner on each system where it keeps a canary, as often as the policy says, but for those in
 * `besides`; repeatable. A place without a canary is not drilled, and stays red.
 */
export async function drillDue(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Scheduled[] | Refusal> {
  const standing = await standingNow(deps)
  if (isRefusal(standing)) return standing
  const { authority, pack, at } = standing
  const canaries = canariesOf(authority)
  if (canaries.length === 0) return []
  const newest = await newestDrills(deps.db)
  const scheduled: Scheduled[] = []
  for (const { canary, partnerId } of canaries) {
    const everyMs = drillEveryMs(pack, { authority, partnerId })
    const last = newest.get(canary)
    const isDue =
      last === undefined ||
      (last.phase === 'closed' && Date.parse(last.openedAt) + (everyMs ?? 0) <= Date.parse(at))
    const key = `${canary} ${last?.openedAt ?? 'first'}`
    if (everyMs === null || !isDue || besides.has(key)) continue
    const scope = { kind: 'partner', id: partnerId } as const
    const asked = { kind: 'drill', canary } as const
    const principal = 'schedule:drill' as const
    const of = { authority, asked, scope, identityId: canary, principal, key }
    scheduled.push(await openScheduled(deps, of))
  }
  return scheduled
}

/** One for each partner on each system: the first by id. */
function canariesOf(authority: Authority) {
  const first = new Map<string, { readonly canary: string; readonly partnerId: string }>()
  const sorted = [...authority.identities.values()].toSorted((left, right) =>
    left.identityId < right.identityId ? 1 : -1,
  )
  for (const { identityId, custodian, systemId, canary } of sorted)
    if (canary === true && custodian !== null)
      first.set(`${custodian} ${systemId}`, { canary: identityId, partnerId: custodian })
  return [...first.values()]
}

async function newestDrills(db: Db) {
  const { rows } = await db.query<{ canary: string; openedAt: string; phase: string }>(
    `select distinct on (canary) canary, "openedAt", phase from (
       select ${BODY('o')} -> 'body' -> 'asked' ->> 'canary' as canary,
              ${BODY('o')} ->> 'at' as "openedAt", c.phase
         from cases c join entries o on o.stream = c.case_id and o.seq = 1
        where c.kind = 'drill') drills
      order by canary, "openedAt" desc`,
  )
  return new Map(rows.map(({ canary, ...row }) => [canary, row]))
}

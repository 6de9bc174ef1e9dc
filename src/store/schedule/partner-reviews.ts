/** Reviews of partners: one opens by itself for each partner whenever as much time has passed as the policy says. */
import { packInForce } from '../../domain/approval/count.js'
import { contractsWith, matterOf } from '../../domain/authority/matter.js'
import { reviewEveryMs } from '../../domain/policy/periods.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { openedOf } from '../case/apply.js'
import type { OpenCaseDeps } from '../case/open-case.js'
import type { Db } from '../db.js'
import { openScheduled, type Scheduled, standingNow } from './scheduled.js'

/**
 * Opens a review of each partner with a contract, of the time since the last one that stands, but for those in
 * `besides`; repeatable. What nobody signed is asked for again one period later, from where it began.
 */
export async function reviewPartners(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Scheduled[] | Refusal> {
  const standing = await standingNow(deps)
  if (isRefusal(standing)) return standing
  const { authority, pack, at } = standing
  const scheduled: Scheduled[] = []
  for (const partnerId of [...authority.companies.keys()].sort()) {
    const scope = { kind: 'partner', id: partnerId } as const
    const matter = matterOf(authority, scope)
    const contracts = contractsWith(authority, partnerId)
    if (isRefusal(matter) || contracts.length === 0) continue
    const every = reviewEveryMs(pack, matter.tier)
    const known = await reviewedUntil(deps.db, partnerId)
    if (every === null || known === 'open') continue
    const begun = contracts.map(({ notBefore }) => notBefore).sort()[0] ?? at
    const from = known ?? latest([begun, packInForce(authority, at)?.effectiveFrom ?? at])
    const periods = Math.floor((Date.parse(at) - Date.parse(from)) / every)
    const key = `${partnerId} ${from} ${periods}`
    if (periods < 1 || besides.has(key)) continue
    const until = new Date(Date.parse(from) + periods * every).toISOString()
    const asked = { kind: 'partner-review' as const, from, until }
    const principal = 'schedule:review' as const
    scheduled.push(
      await openScheduled(deps, { authority, asked, scope, identityId: partnerId, principal, key }),
    )
  }
  return scheduled
}

const latest = (times: readonly string[]): string => times.toSorted().at(-1) ?? ''

/** Until when the partner was reviewed by a review that stands; null: never; `open` while one is under way. */
async function reviewedUntil(db: Db, partnerId: string): Promise<string | null | 'open'> {
  const { rows } = await db.query<{ caseId: string; phase: string; outcome: string | null }>(
    `select case_id as "caseId", phase, outcome from cases
      where kind = 'partner-review' and scope_id = $1 order by right(case_id, 26) desc`,
    [partnerId],
  )
  if (rows.some(({ phase }) => phase === 'open')) return 'open'
  const untils: string[] = []
  for (const { caseId, outcome } of rows) {
    const asked = outcome === 'completed' ? (await openedOf(db, caseId))?.asked : null
    if (asked?.kind === 'partner-review') untils.push(asked.until)
  }
  return untils.length === 0 ? null : latest(untils)
}

/**
 * Ended needs: an identity whose registered business need is over is deprovisioned without being asked for.
 * The case opens by itself; what happens in it still waits for signatures, or for a mandate that covers it.
 */
import { isExcepted } from '../domain/exceptions.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import { type Db, now } from './db.js'
import { acceptedExceptions } from './exceptions.js'
import type { OpenCaseDeps } from './open-case.js'
import { openScheduled, type Scheduled } from './scheduled.js'

/**
 * Opens one case for each identity whose need ended, that was not removed since and has no exception in force, but
 * for those in `besides`; repeatable.
 */
export async function deprovisionEnded(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Scheduled[] | Refusal> {
  const at = await now(deps.db)
  const authority = await deps.authority.current(deps.db, { at, lock: 'none' })
  if (isRefusal(authority)) return authority
  const over = [...authority.identities.values()].filter(({ need }) => at >= need.until)
  const exceptions = over.length === 0 ? [] : await acceptedExceptions(deps.db)
  const ended: Scheduled[] = []
  for (const { identityId, need } of over) {
    const key = `${identityId} ${need.until}`
    if (besides.has(key) || isExcepted(exceptions, { identityId, deviation: 'ended-need', at }))
      continue
    if (await isHandled(deps.db, identityId)) continue
    const asked = { kind: 'deprovision' as const, reassignTo: null }
    const of = { authority, asked, identityId, principal: 'schedule:need' as const, key }
    ended.push(await openScheduled(deps, of))
  }
  return ended
}

/** It has an open case, or was removed already. What was declined or expired is asked for again only with another end. */
async function isHandled(db: Db, identityId: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1 from cases c
      where c.scope_id = $1 and (
        (c.phase = 'open' and c.holds = $1)
        or (c.kind = 'deprovision' and exists (
          select 1 from entries e where e.stream = c.case_id and e.type = 'StepPerformed'
             and convert_from(e.bytes, 'UTF8')::jsonb -> 'body' ->> 'stepId' = 'remove')))
      limit 1`,
    [identityId],
  )
  return rowCount !== 0
}

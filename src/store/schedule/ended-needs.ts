/**
 * Ended needs and contracts: an identity whose registered business need is over, or whose custodian's contracts
 * have all ended, is deprovisioned without being asked for.
 * The case opens by itself; what happens in it still waits for signatures, or for a mandate that covers it.
 */
import { endOf } from '../../domain/case/ended.js'
import { isExcepted } from '../../domain/case/exceptions.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { OpenCaseDeps } from '../case/open-case.js'
import type { Db } from '../db.js'
import { acceptedExceptions } from '../streams/exceptions.js'
import { openScheduled, type Scheduled } from './scheduled.js'

/**
 * Opens one case for each identity that is over, that was not removed since and has no exception in force, but
 * for those in `besides`; repeatable.
 */
export async function deprovisionEnded(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Scheduled[] | Refusal> {
  const today = await deps.authority.today(deps.db)
  if (isRefusal(today)) return today
  const { authority, at } = today
  const over = [...authority.identities.values()].flatMap((identity) => {
    const end = endOf(authority, { identity, at })
    return end === null ? [] : [{ identityId: identity.identityId, end }]
  })
  const exceptions = over.length === 0 ? [] : await acceptedExceptions(deps.db)
  const ended: Scheduled[] = []
  for (const { identityId, end } of over) {
    const key = `${identityId} ${end.at}`
    const excepted = isExcepted(exceptions, { identityId, deviation: 'ended-need', at })
    if (besides.has(key) || (end.of === 'need' && excepted)) continue
    if (await isHandled(deps.db, identityId)) continue
    const asked = { kind: 'deprovision' as const, reassignTo: null }
    const principal = `schedule:${end.of}` as const
    const of = { authority, asked, identityId, principal, key }
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

/**
 * What becomes of silence: an identity that nobody decided on, or whose exception nobody attested in time, loses its
 * access until somebody speaks. The case opens by itself; what happens in it waits for signatures, or for a mandate that
 * covers it, and a freeze of the calendar delays the opening.
 */
import { attestationsMissed } from '../../domain/case/exceptions.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { OpenCaseDeps } from '../case/open-case.js'
import { acceptedExceptions } from '../streams/exceptions.js'
import { SILENCE, undecided } from './recertification.js'
import { heldIdentities } from './renewals.js'
import { openScheduled, type Scheduled, standingNow } from './scheduled.js'

/** Silence never keeps: what newest pages left undecided is suspended, once for each page. */
export async function suspendUndecided(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Scheduled[] | Refusal> {
  const standing = await standingNow(deps)
  if (isRefusal(standing)) return standing
  const { authority } = standing
  const scheduled: Scheduled[] = []
  const unsaid = [...authority.identities.keys()].filter((identityId) => !besides.has(identityId))
  for (const { identityId, caseId } of await undecided(deps.db, unsaid)) {
    const asked = { kind: 'suspend' as const, because: caseId }
    const key = `${identityId} ${caseId}`
    const of = { authority, asked, identityId, principal: SILENCE, key } as const
    scheduled.push(await openScheduled(deps, of))
  }
  return scheduled
}

/** An attestation that was due and is not there suspends its identity, once for each due date. */
export async function suspendUnattested(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Scheduled[] | Refusal> {
  const today = await deps.authority.today(deps.db)
  if (isRefusal(today)) return today
  const { authority, at } = today
  const missed = attestationsMissed(await acceptedExceptions(deps.db), at)
  const busy = missed.length === 0 ? new Set<string>() : await heldIdentities(deps.db)
  const scheduled: Scheduled[] = []
  for (const { identityId, exceptionId, dueAt } of missed) {
    const key = `${exceptionId} ${dueAt}`
    if (besides.has(key) || busy.has(identityId)) continue
    const asked = { kind: 'suspend' as const, because: exceptionId }
    const of = { authority, asked, identityId, principal: 'schedule:unattested' as const, key }
    scheduled.push(await openScheduled(deps, of))
  }
  return scheduled
}

/**
 * What of a campaign's page follows from the packet alone: which identities stand on it with which tier, system and
 * need, which of them are odd, their root, and whose access the signed choices take away. What other cases say of
 * them (rotations, exceptions, earlier pages) is the connector's word.
 */
import type { Authority } from '../../domain/authority/authority.js'
import { digest } from '../../domain/bytes/digest.js'
import { planRecertification } from '../../domain/plans/recertify.js'
import { revokedIn } from '../../domain/policy/choice.js'
import { type Refusal, refuse } from '../../domain/refusal.js'
import type { CaseOpened, EventOf } from '../../domain/shapes/event.js'
import type { Plan } from '../../domain/shapes/plan.js'
import type { Moment } from './reproduce.js'

const differs = (where: string, detail: string): Refusal =>
  refuse('JUDGEMENT_DIFFERS', where, detail)

/** Drawn again from its own items and the inventory of that time, the plan is the same. */
export function isPageOf(drawing: {
  readonly opened: CaseOpened
  readonly plan: Plan
  readonly authority: Authority
}): true | Refusal {
  const { opened, plan, authority } = drawing
  const { asked } = opened
  if (asked.kind !== 'recertify' || plan.about.kind !== 'recertify') return true
  const known = plan.about.items.map(({ odd: _, ...item }) => item)
  const at = plan.change.plannedAt
  if (digest(planRecertification({ opened, at, known }, asked)) !== digest(plan))
    return differs('/plan', 'its items give another plan')
  const listed = known.map(({ identityId }) => identityId).join() === asked.identities.join()
  const registered = known.every(({ identityId, tier, systemId, needUntil }) => {
    const identity = authority.identities.get(identityId)
    return (
      identity?.tier === tier && identity.systemId === systemId && identity.need.until === needUntil
    )
  })
  return (listed && registered) || differs('/plan/about/items', 'not the identities as registered')
}

/** What was observed of revocations is of exactly those identities that the signed choices revoke. */
export function wrongRevocations({
  before,
  event,
}: Moment<EventOf<'OperationObserved'>>): Refusal | null {
  if (!['open-revocations', 'prove-revocations'].includes(event.op)) return null
  const revoked = revokedIn(before)
  if (revoked === null && event.outcome === 'refused') return null
  const seen = Object.keys(event.observed).sort()
  return revoked !== null && seen.join() === revoked.join()
    ? null
    : differs('/observed', 'not the identities that were revoked')
}

/** What the verifier asks again of a review: were all targets looked at, and is it what its sources give, case by case? */
import type { Authority } from '../../domain/authority/authority.js'
import { digest } from '../../domain/bytes/digest.js'
import { planPartnerReview } from '../../domain/plans/partner-review.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { coveredBy, reviewOf } from '../../domain/review/review.js'
import type { Placed } from '../../domain/review/target-changes.js'
import { type MomentOf, type Reproduced, underAny } from './reproduce.js'

/** A look is attested, not judged: nobody can look again. It stands before the plan that is drawn from it. */
export const targetSeen = ({ state, event }: MomentOf<'TargetSeen'>): Reproduced =>
  state.opened?.asked.kind === 'partner-review' && state.plan === null
    ? [event]
    : refuse('NOT_DUE', '', 'only a review looks at targets, before its plan')

/** Null when the plan is of another kind, or is the review that the packet's own sources give. */
export function reviewDrawnAgain(moment: MomentOf<'Planned'>): Refusal | null {
  const { state, event } = moment
  const { opened } = state
  const { about } = event.plan
  if (about.kind !== 'partner-review' || opened?.asked.kind !== 'partner-review') return null
  const drawn = underAny(moment, (authority) => drawnUnder(moment, authority))
  return isRefusal(drawn) ? drawn : null
}

function drawnUnder(moment: MomentOf<'Planned'>, authority: Authority): true | Refusal {
  const { state, event, before, indexes, index, reviewed } = moment
  const { opened, caseId } = state
  const { about, change } = event.plan
  if (about.kind !== 'partner-review' || opened?.asked.kind !== 'partner-review' || !reviewed)
    return refuse('NOT_DUE', '/plan')
  const partnerId = opened.scope.id
  const own = before.map((item, place): Placed => ({ ...item, index: indexes[place] ?? -1 }))
  const unseen = firstUnseen(own, { authority, partnerId })
  if (unseen !== null) return refuse('ENTRY_MISSING', '/plan', `no look at ${unseen}`)
  const { logSize } = about
  if (logSize > index || own.some((item) => item.index >= logSize))
    return refuse('JUDGEMENT_DIFFERS', '/plan/about/logSize', 'not the log as of this plan')
  const { sources, judge, respondWithinMs } = reviewed
  const review = reviewOf({
    ...{ from: opened.asked.from, until: opened.asked.until, partnerId, authority, logSize },
    ...{ own: { caseId, recorded: own }, others: sources, judge, respondWithinMs },
  })
  const drawn = planPartnerReview({ opened, at: change.plannedAt, review }, opened.asked)
  if (isRefusal(drawn)) return drawn
  return (
    digest(drawn) === digest(event.plan) ||
    refuse('JUDGEMENT_DIFFERS', '/plan', 'drawn again from its sources, it is another review')
  )
}

/** The first system or identity that the partner's contracts cover and nobody looked at. */
function firstUnseen(
  own: readonly Placed[],
  of: { readonly authority: Authority; readonly partnerId: string },
): string | null {
  const { systems, identities } = coveredBy(of.authority, of.partnerId)
  const seen = new Set(
    own.flatMap(({ event }) =>
      event.type === 'TargetSeen' ? [event.identityId ?? event.systemId] : [],
    ),
  )
  const owed = [...systems, ...identities.map(({ identityId }) => identityId)]
  return owed.find((id) => !seen.has(id)) ?? null
}

/**
 * A change of the authority, again from the bundles of the packet: the plan is drawn anew from the two that it
 * names, so what the owners read is what changes. A bundle that was never activated is in no packet, and what
 * its plan says stays the connector's word.
 */
import type { Authority } from '../../domain/authority/authority.js'
import { digest } from '../../domain/bytes/digest.js'
import { planAuthorityChange } from '../../domain/plans/authority.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { EventOf } from '../../domain/shapes/event.js'
import type { Plan } from '../../domain/shapes/plan.js'
import type { Moment } from './reproduce.js'

const differs = (detail: string): Refusal => refuse('JUDGEMENT_DIFFERS', '/plan', detail)

/** Null when the plan is no change of the authority, cannot be drawn again, or is what is drawn again. */
export function drawnAgain(moment: Moment<EventOf<'Planned'>>): Refusal | null {
  const { state, event, at, believed } = moment
  const { plan } = event
  const { opened } = state
  if (!('to' in plan.about) || opened === null || !('bundleHash' in opened.asked)) return null
  const from = believed.named(plan.about.from, at)
  if (isRefusal(from)) return from
  const to = believed.named(plan.about.to, at)
  if (isRefusal(to))
    return opened.asked.bundleHash === plan.about.to.hash
      ? null
      : differs('the plan is for another bundle than was asked for')
  const packs = packsOf(moment, { plan, from, to })
  if (isRefusal(packs)) return packs
  const { plannedAt } = plan.change
  const again = planAuthorityChange({ opened, at: plannedAt, from, to, packs }, opened.asked)
  if (isRefusal(again)) return again
  return digest(again) === digest(plan) ? null : differs('the two bundles differ in something else')
}

function packsOf(
  { believed }: Moment,
  of: { readonly plan: Plan; readonly from: Authority; readonly to: Authority },
) {
  const { plannedAt } = of.plan.change
  const from = believed.packOf(of.from, plannedAt)
  if (isRefusal(from)) return from
  const to = believed.packOf(of.to, plannedAt)
  return isRefusal(to) ? to : { from: from.pack, to: to.pack }
}

/** What was seen activated is the bundle of the plan, and the packet holds it. */
export function activatedAgain(moment: Moment<EventOf<'OperationObserved'>>): Refusal | null {
  const { state, event, at, believed } = moment
  const about = state.plan?.about
  if (event.op !== 'activate-bundle' || event.outcome === 'refused') return null
  if (about === undefined || !('to' in about)) return differs('no bundle was to be activated')
  const active = believed.named(about.to, at)
  return isRefusal(active) ? active : null
}

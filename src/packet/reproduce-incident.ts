/** What the verifier asks again of an incident: was its scope drawn from the inventory, and who had responded by then? */
import type { Authority } from '../domain/authority.js'
import { digest } from '../domain/digest.js'
import { type Containing, containingOf, respondersOf } from '../domain/incident.js'
import { planDrill } from '../domain/plans/drill.js'
import { planIncident } from '../domain/plans/incident.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import type { Moment, MomentOf } from './reproduce.js'

/** The scope of an incident, or the canary of a drill, is what the enterprise's own inventory gave at that time. */
export function isAsDrawn(
  { state, event }: MomentOf<'Planned'>,
  authority: Authority,
): true | Refusal {
  const { opened } = state
  if (opened === null) return true
  const { asked } = opened
  const at = event.plan.change.plannedAt
  const input = { opened, at, authority }
  if (asked.kind !== 'incident' && asked.kind !== 'drill') return true
  const drawn = asked.kind === 'drill' ? planDrill(input, asked) : planIncident(input, asked)
  if (isRefusal(drawn)) return drawn
  return (
    digest(drawn) === digest(event.plan) ||
    refuse('JUDGEMENT_DIFFERS', '/plan', 'the inventory gave another plan')
  )
}

/** Whoever had raised a fence around the incident by then, or signed its containment. */
export function involvedAt(moment: Moment, authority: Authority): readonly string[] {
  const { state, index } = moment
  const { plan, openedAt } = state
  if (plan?.about.kind !== 'incident' || openedAt === null) return []
  const { inScope } = plan.about
  const fences = moment.fences.filter((fence) => fence.index < index)
  const containments = moment.containments.flatMap((entries): readonly Containing[] => {
    const before = entries.filter((entry) => entry.index < index)
    const found = containingOf(before.map(({ event }) => event))
    return found === null ? [] : [found]
  })
  return respondersOf({ fences, containments, inScope, openedAt, authority })
}

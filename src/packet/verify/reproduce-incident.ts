/** What the verifier asks again of an incident: was its scope drawn from the inventory, and who had responded by then? */

import { type Containing, containingOf, respondersOf } from '../../domain/admission/incident.js'
import type { Authority } from '../../domain/authority/authority.js'
import { digest } from '../../domain/bytes/digest.js'
import { planDrill } from '../../domain/plans/drill.js'
import { planIncident } from '../../domain/plans/incident.js'
import { planSuccession } from '../../domain/plans/succession.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { knownOfSuccession } from '../../domain/review/responsibility.js'
import type { Plan } from '../../domain/shapes/plan.js'
import type { Moment, MomentOf } from './reproduce.js'

/** The scope of an incident, the canary of a drill, what somebody gone owned: as the enterprise's own inventory gave it then. */
export function isAsDrawn(moment: MomentOf<'Planned'>, authority: Authority): true | Refusal {
  const { event } = moment
  const drawn = drawnFrom(moment, authority)
  if (drawn === null) return true
  if (isRefusal(drawn)) return drawn
  return (
    digest(drawn) === digest(event.plan) ||
    refuse('JUDGEMENT_DIFFERS', '/plan', 'the inventory gave another plan')
  )
}

function drawnFrom(
  { state, event, believed }: MomentOf<'Planned'>,
  authority: Authority,
): Plan | Refusal | null {
  const { opened } = state
  if (opened === null) return null
  const { asked } = opened
  const at = event.plan.change.plannedAt
  const input = { opened, at, authority }
  if (asked.kind === 'drill') return planDrill(input, asked)
  if (asked.kind === 'incident') return planIncident(input, asked)
  if (asked.kind !== 'succession') return null
  const loaded = believed.packOf(authority, at)
  if (isRefusal(loaded)) return loaded
  const known = knownOfSuccession(authority, { pack: loaded.pack, terms: asked })
  return planSuccession({ ...input, ...known }, asked)
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

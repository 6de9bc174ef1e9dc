/** What the verifier asks again of emergency access: was it asked for within bounds, did its plan end it, was its use counted? */
import type { Authority } from '../../domain/authority/authority.js'
import { digest } from '../../domain/bytes/digest.js'
import { isOpening } from '../../domain/case/case.js'
import { currentStep } from '../../domain/case/due.js'
import { breakGlassSteps } from '../../domain/plans/break-glass.js'
import { approversIn, emergencyUsesIn, tookPartIn } from '../../domain/policy/emergency.js'
import type { Involving } from '../../domain/policy/requirements.js'
import { type Refusal, refuse } from '../../domain/refusal.js'
import { differs, type Moment, type MomentOf } from './reproduce.js'
import { involvedAt } from './reproduce-incident.js'

/** Who stays out of the gate that is due, and which uses raise it, as of this place in the log. */
export function involvingAt(moment: Moment, authority: Authority): Involving {
  const { state, before, index, emergencies, verify } = moment
  if (state.opened?.asked.kind !== 'break-glass')
    return { involved: involvedAt(moment, authority), uses: [] }
  const told = emergencies.filter((entry) => entry.index < index)
  return {
    involved: currentStep(state)?.step.stepId === 'review' ? tookPartIn(before) : [],
    uses: emergencyUsesIn(told, { authority, verify }),
  }
}

/** Null for another kind of case. Afterwards the plan does nothing but give this access and end it. */
export function emergencyDrawnAgain({ event, state }: MomentOf<'Planned'>): Refusal | null {
  const { about, steps } = event.plan
  const { opened } = state
  if (about.kind !== 'break-glass' || opened?.asked.kind !== 'break-glass') return null
  const drawn = breakGlassSteps({ credential: about.incoming, terms: opened.asked })
  return digest(drawn) === digest(steps)
    ? null
    : differs('/plan/steps', 'drawn again, they are other steps')
}

/** Null where nothing has to be counted. Afterwards the stream of uses names the grant, and who asked and approved. */
export function useCounted(
  { state, event, before, emergencies }: MomentOf<'Granted'>,
  decisionIds: readonly string[],
): Refusal | null {
  const { opened } = state
  if (opened === null || !isOpening(opened, event.stepId)) return null
  const { caseId, scope, requester } = opened
  const expected = {
    ...{ type: 'EmergencyUsed', caseId, identityId: scope.id, grantId: event.grantId },
    ...{ askedBy: requester.personId, approvedBy: approversIn(before, decisionIds) },
  }
  const counted = emergencies.some(
    ({ event: { attestation: _, ...said } }) => digest(said) === digest(expected),
  )
  return counted ? null : refuse('ENTRY_MISSING', '/emergency-use', 'the use is not counted')
}

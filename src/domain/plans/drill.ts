/**
 * drill: the three rights, exercised for real on an identity that is there for it. The first step asks for an exception
 * and for evidence; the cut is a signed fence around the canary, which no case can raise. The second is the
 * signature of whoever answers for the contract over what each right did, and how long it took.
 */
import type { Authority } from '../authority/authority.js'
import { type Refusal, refuse } from '../refusal.js'
import type { Plan, Step } from '../shapes/plan.js'
import {
  type AskedOf,
  closeStep,
  lookStep,
  type RecordsPlanning,
  recordsPlanBase,
} from './planning.js'

export const DRILL_STEPS = ['exercise', 'close'] as const

export function planDrill(
  input: RecordsPlanning & { readonly authority: Authority },
  { canary }: AskedOf<'drill'>,
): Plan | Refusal {
  const { scope, settings } = input.opened
  const identity = input.authority.identities.get(canary)
  if (identity === undefined || identity.custodian !== scope.id)
    return refuse('IDENTITY_UNKNOWN', '/canary', 'not an identity of this partner')
  if (identity.canary !== true)
    return refuse('NOT_ALLOWED', '/canary', 'it is not registered as a canary: it is in real use')
  const { systemId: on, ownerId: attestedBy } = identity
  return {
    ...recordsPlanBase(input, `Drill of the three rights over ${scope.id} on ${on}`),
    about: {
      ...{ kind: 'drill', canary, on, attestedBy },
      ...{ answerWithinMs: settings.claimWithinMs, exceptedForMs: settings.withinMs },
    },
    steps: [exercise(canary), CLOSE],
  }
}

const exercise = (canary: string): Step => ({
  ...lookStep({
    stepId: 'exercise',
    title: `Ask for an exception and for evidence; ${canary} may be cut`,
    needs: [],
  }),
  executor: 'connector',
  operations: [{ op: 'open-exercises' }],
  rollback: `${canary} gets access again by lifting the fence and reinstating it, each a case.`,
  blastRadius: `${canary} loses access as soon as somebody cuts it. The partner is asked for evidence.`,
  produces: ['rights-asked'],
})

const CLOSE: Step = {
  ...closeStep,
  title: 'This is what each right did, and how long it took',
  rollback: 'Decline, and have the drill done again.',
  blastRadius: 'None. A right that has not passed is a finding against the enterprise itself.',
}

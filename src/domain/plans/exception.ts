/**
 * exception: an identity deviates from a rule, for a while. Anybody who knows the identity may ask; only the risk
 * owner accepts, and those who will attest the compensating controls sign that they will. A completed case *is*
 * the exception: it ends by itself, and is suspended as soon as an attestation is missed.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { Plan, Step } from '../shapes/plan.js'
import { type AskedOf, lookStep, type RecordsPlanning, recordsPlanBase } from './planning.js'

export const EXCEPTION_STEPS = ['accept'] as const

export function planException(input: RecordsPlanning, asked: AskedOf<'exception'>): Plan | Refusal {
  const { kind: _, ...terms } = asked
  if (terms.until <= input.at) return refuse('EXPIRED', '/until', 'it would be over already')
  const summary = `Exception for ${input.opened.scope.id}: ${terms.deviation} until ${terms.until}`
  return {
    ...recordsPlanBase(input, summary),
    about: { kind: 'exception', ...terms },
    steps: [accept(terms)],
  }
}

const accept = (terms: Omit<AskedOf<'exception'>, 'kind'>): Step => ({
  ...lookStep({ stepId: 'accept', title: `The risk of ${terms.deviation} is accepted`, needs: [] }),
  rollback: 'It ends by itself; any attestation that is refused or missed suspends it before.',
  blastRadius: `Until ${terms.until} the rule is not enforced for this identity.`,
})

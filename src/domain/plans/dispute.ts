/**
 * dispute: a partner holds that a finding against it is wrong. The owner of the contract decides: approved, the
 * finding is withdrawn; declined or unanswered, it stands.
 */
import type { Finding } from '../case/finding.js'
import { type Refusal, refuse } from '../refusal.js'
import type { Plan } from '../shapes/plan.js'
import { type AskedOf, lookStep, type RecordsPlanning, recordsPlanBase } from './planning.js'

export const DISPUTE_STEPS = ['decide'] as const

/** `finding`: what the entries of the demand say; null when nothing follows from them. */
export function planDispute(
  input: RecordsPlanning & { readonly finding: Finding | null },
  asked: AskedOf<'dispute'>,
): Plan | Refusal {
  const { kind: _, ...terms } = asked
  const { finding } = input
  // The third part of a case id is what the case is about.
  if (finding === null || terms.demand.split(':')[2] !== input.opened.scope.id)
    return refuse('CASE_UNKNOWN', '/demand', 'no finding against this partner follows from it')
  const summary = `Finding "${finding.finding}" against ${input.opened.scope.id} is disputed`
  return {
    ...recordsPlanBase(input, summary),
    about: { kind: 'dispute', ...terms, finding: finding.finding },
    steps: [
      {
        ...lookStep({ stepId: 'decide', title: 'The finding is withdrawn', needs: [] }),
        rollback: 'A withdrawn finding is not raised again; the evidence can be demanded anew.',
      },
    ],
  }
}

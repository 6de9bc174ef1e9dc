/**
 * attest: the person whom an exception names says, for one due date, that its compensating controls are there. A
 * completed case *is* the attestation; a declined or missing one suspends the exception.
 */
import { type AcceptedException, controlsOf, isDueDate } from '../case/exceptions.js'
import { type Refusal, refuse } from '../refusal.js'
import type { Plan } from '../shapes/plan.js'
import { type AskedOf, lookStep, type RecordsPlanning, recordsPlanBase } from './planning.js'

export const ATTESTATION_STEPS = ['attest'] as const

export function planAttestation(
  input: RecordsPlanning,
  of: {
    readonly asked: AskedOf<'attest'>
    readonly exceptions: readonly AcceptedException[]
  },
): Plan | Refusal {
  const { attestedBy, dueAt } = of.asked
  const exception = of.exceptions.find(({ exceptionId }) => exceptionId === of.asked.exceptionId)
  if (exception?.identityId !== input.opened.scope.id)
    return refuse('ENTRY_MISSING', '/exceptionId', 'this identity has no such exception')
  const controls = controlsOf(exception, attestedBy)
  if (controls.length === 0 || !isDueDate(exception, dueAt))
    return refuse('ENTRY_MISSING', '/dueAt', 'the exception asks for no such attestation')
  const { deviation } = exception.terms
  return {
    ...recordsPlanBase(input, `Attestation for ${input.opened.scope.id}: ${deviation}, ${dueAt}`),
    about: { ...of.asked, controls: [...controls] },
    steps: [
      {
        ...lookStep({
          stepId: 'attest',
          title: `In place: ${controls.join(', ')}`.slice(0, 120),
          needs: [],
        }),
        rollback: 'None: what was attested stays on the record.',
        blastRadius: `Declined, or missing at ${dueAt}, it suspends the exception from ${deviation}.`,
      },
    ],
  }
}

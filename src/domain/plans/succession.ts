/**
 * succession: somebody who answers for identities or outcomes is not there any more. The case hands nothing over: that is
 * a change of the authority, which whoever takes it over accepts. It stays open, before the eyes of those who can bring
 * that change, until the connector sees an owner who is there for everything that it names.
 */
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { Plan, Step } from '../shapes/plan.js'
import { type AskedOf, lookStep, type RecordsPlanning, recordsPlanBase } from './planning.js'

export const SUCCESSION_STEPS = ['succeed'] as const

/** What the authority and the policy of that time say. */
export interface KnownOfSuccession {
  readonly owners: Readonly<Record<string, string>> | Refusal
  readonly candidates: readonly string[]
}

export function planSuccession(
  input: RecordsPlanning & KnownOfSuccession,
  asked: AskedOf<'succession'>,
): Plan | Refusal {
  const { owners, candidates } = input
  const { kind: _, ...terms } = asked
  const { gone, owned } = terms
  if (isRefusal(owners)) return owners
  const other = owned.find((of) => owners[of] !== gone)
  if (other !== undefined) return refuse('NOT_ALLOWED', '/owned', `${gone} does not own ${other}`)
  return {
    ...recordsPlanBase(input, `Succession of ${gone}: ${owned.length} without an owner`),
    about: { kind: 'succession', ...terms, candidates: [...candidates] },
    attributes: [...owned],
    warnings: candidates.length === 0 ? ['the policy names no candidate who is there'] : [],
    steps: [succeed(candidates)],
  }
}

const succeed = (candidates: readonly string[]): Step => ({
  ...lookStep({ stepId: 'succeed', title: 'Each has an owner who is there', needs: [] }),
  executor: 'connector',
  operations: [{ op: 'observe-succession' }],
  rollback: 'Nothing changes by this: owners change by a change of the authority.',
  blastRadius: `None. Candidates: ${candidates.join(', ') || 'none'}.`.slice(0, 400),
  produces: ['succeeded'],
})

/**
 * suspend: the identity loses access until somebody speaks. Two steps, each behind its own gate: suspend (with the death
 * of each living credential proved), uphold. While the second is asked for, its owner's signed decline gives the access
 * back, with the secret that it had; silence does not. Afterwards it comes back by a reinstatement, with a new one.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { Plan, Step } from '../shapes/plan.js'
import {
  type AskedOf,
  lackingRight,
  lookStep,
  offStep,
  type Planning,
  planBase,
} from './planning.js'

export const SUSPENSION_STEPS = ['suspend', 'uphold'] as const

export function planSuspension(input: Planning, asked: AskedOf<'suspend'>): Plan | Refusal {
  const { identity, seen } = input
  const present = seen.credentials.filter(({ login }) => login !== 'absent')
  const living = present.filter(({ login }) => login === 'enabled').map((one) => one.credential)
  if (living.length === 0)
    return refuse('TARGET_UNSUITABLE', '/credentials', 'it has no access that could be suspended')
  const lacking = lackingRight(seen)
  if (lacking !== null) return lacking
  const using = present.map(({ credential }) => credential)
  const base = planBase(input, { summary: `Suspend ${identity.identityId}`, using })
  const { consumersSeen } = base.target
  return {
    ...base,
    about: { ...asked, living },
    steps: [
      offStep({ stepId: 'suspend', present: using, living, consumersSeen, watched: null }),
      uphold,
    ],
  }
}

const uphold: Step = {
  ...lookStep({
    stepId: 'uphold',
    title: 'It stays suspended',
    needs: ['access-disabled'],
  }),
  rollback:
    'Decline, and it has its access again, with the secret it had. Afterwards a reinstatement gives a new one.',
}

/**
 * lift: the fences around an identity stop it no more. Each identity's owners decide for that identity;
 * others in the scope of the same fence stay where they are. No target is changed: access that was taken
 * away comes back by a case of its own.
 */

import { type Refusal, refuse } from '../refusal.js'
import type { Standing } from '../rights/fence.js'
import type { Plan, Step } from '../shapes/plan.js'
import { closeStep, type Planning, planBase } from './planning.js'

export const LIFT_STEPS = ['lift', 'close'] as const

const MAX_FENCES = 12

export function planLift(input: Planning): Plan | Refusal {
  const { identity, fences } = input
  if (fences.length === 0 || fences.length > MAX_FENCES)
    return refuse('TARGET_UNSUITABLE', '/fences', `${fences.length} fences stand around it`)
  return {
    ...planBase(input, {
      summary: `Lift ${fences.length} fence(s) for ${identity.identityId}`,
      using: identity.credentials,
    }),
    about: {
      kind: 'lift',
      fences: fences.map(({ scope, fenceId }) => ({ scope, fenceId })),
    },
    steps: [lift(fences), closeStep],
  }
}

const lift = (fences: readonly Standing[]): Step => ({
  stepId: 'lift',
  title: 'The fences stop this identity no more',
  executor: 'connector',
  operations: fences.map(({ scope, fenceId }) => ({ op: 'lift-fence', scope, fenceId })),
  undo: [{ op: 'nothing' }],
  rollback: 'Raise a fence again, at once.',
  blastRadius:
    'From now on cases of this identity can be granted again. Grants from before the fence stay dead.',
  needs: [],
  produces: ['fences-lifted'],
})

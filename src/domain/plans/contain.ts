/**
 * contain: the identity loses access and its sessions, now. One step that only takes away, so that a
 * reduce-only mandate can cover it, and a review by people afterwards. Giving access back is no part of it.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { Plan, Step } from '../shapes/plan.js'
import { cutOff, lackingRight, lookStep, type Planning, planBase } from './planning.js'

export const CONTAINMENT_STEPS = ['contain', 'review'] as const

export function planContainment(input: Planning): Plan | Refusal {
  const { identity, seen } = input
  const present = seen.credentials.filter(({ login }) => login !== 'absent')
  const credentials = present.map(({ credential }) => credential)
  if (credentials.length === 0)
    return refuse('TARGET_UNSUITABLE', '/credentials', 'no credential of it is on the target')
  const lacking = lackingRight(seen)
  if (lacking !== null) return lacking
  const base = planBase(input, { summary: `Contain ${identity.identityId}`, using: credentials })
  const living = present.filter(({ login }) => login === 'enabled')
  return {
    ...base,
    about: { kind: 'contain', living: living.map(({ credential }) => credential) },
    steps: [contain({ credentials, consumersSeen: base.target.consumersSeen }), review],
  }
}

const contain = (of: {
  readonly credentials: string[]
  readonly consumersSeen: readonly string[]
}): Step => ({
  stepId: 'contain',
  title: 'No credential can log in, and no session is left',
  executor: 'connector',
  operations: [
    { op: 'disable', credentials: of.credentials },
    { op: 'end-sessions', credentials: of.credentials },
    { op: 'observe-disabled', credentials: of.credentials },
  ],
  undo: [{ op: 'nothing' }],
  rollback: 'None here: access comes back by a case of its own, after the fence is lifted.',
  blastRadius: cutOff(of.consumersSeen),
  needs: [],
  produces: ['access-disabled'],
})

const review = lookStep({
  stepId: 'review',
  title: 'The containment is reviewed',
  needs: ['access-disabled'],
})

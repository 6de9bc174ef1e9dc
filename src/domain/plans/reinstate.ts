/**
 * reinstate: an identity that was contained gets access again, with a new secret and never the old one.
 * Three steps, each behind its own gate: enable, hand over, close.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { Plan } from '../shapes/plan.js'
import {
  closeStep,
  deliverTo,
  enableStep,
  lackingRight,
  type Planning,
  planBase,
} from './planning.js'

export const REINSTATE_STEPS = ['enable', 'hand-over', 'close'] as const

export function planReinstatement(input: Planning): Plan | Refusal {
  const { identity, seen, opened } = input
  const [first] = seen.credentials
  const living = seen.credentials.find(({ login }) => login === 'enabled')
  if (living !== undefined)
    return refuse('TARGET_UNSUITABLE', `/credentials/${living.credential}`, 'it has access')
  const wrong = seen.credentials.find(
    ({ login, memberOfGroup }) => login === 'absent' || memberOfGroup === 'no',
  )
  if (wrong !== undefined || first === undefined)
    return refuse('TARGET_UNSUITABLE', '/credentials', 'missing on the target or not in the group')
  const lacking = lackingRight(seen)
  if (lacking !== null) return lacking
  const { credential } = first
  return {
    ...planBase(input, { summary: `Reinstate ${identity.identityId}`, using: [] }),
    about: { kind: 'reinstate', incoming: credential },
    steps: [
      enableStep({ credential, needs: [] }),
      {
        ...deliverTo({ credential, identity, settings: opened.settings }),
        stepId: 'hand-over',
        title: `Consumers take ${credential}`,
        rollback: 'A containment or a rotation: consumers may hold the secret from here on.',
        blastRadius: `${identity.consumers.length} consumer(s) work again.`,
        needs: ['new-credential-works'],
      },
      closeStep,
    ],
  }
}

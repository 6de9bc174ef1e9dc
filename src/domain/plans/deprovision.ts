/**
 * deprovision: the identity loses access, stays so for a while, and is removed. Three steps, each behind
 * its own gate: disable (with the death of each living credential proved), remove, close. Until the
 * removal everything can be put back: the secrets stay, and the rollback lets them log in again.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { Plan, Step } from '../shapes/plan.js'
import {
  type AskedOf,
  closeStep,
  lackingRight,
  offStep,
  type Planning,
  planBase,
} from './planning.js'

export const DEPROVISION_STEPS = ['disable', 'remove', 'close'] as const

export function planDeprovision(input: Planning, asked: AskedOf<'deprovision'>): Plan | Refusal {
  const { identity, seen } = input
  const { reassignTo } = asked
  const unsuitable = whyNot(input, reassignTo)
  if (unsuitable !== null) return unsuitable
  const present = seen.credentials.filter(({ login }) => login !== 'absent')
  const living = present.filter(({ login }) => login === 'enabled').map((item) => item.credential)
  const { owned, ownedCount } = seen.holdings
  const base = planBase(input, {
    summary: `Deprovision ${identity.identityId}: ${identity.group} and its credentials`,
    using: present.map(({ credential }) => credential),
  })
  const { soakMs, withinMs } = input.opened.settings
  const disable = offStep({
    ...{ stepId: 'disable', present: present.map(({ credential }) => credential), living },
    ...{ consumersSeen: base.target.consumersSeen, watched: { soakMs, withinMs } },
  })
  return {
    ...base,
    about: { kind: 'deprovision', living, owned: [...owned], ownedCount, reassignTo },
    steps: [disable, remove(input, reassignTo), closeStep],
  }
}

function whyNot({ seen }: Planning, reassignTo: string | null): Refusal | null {
  const no = (where: string, detail: string) => refuse('TARGET_UNSUITABLE', where, detail)
  const { ownedCount, ownedElsewhere, privilegesOutOfReach } = seen.holdings
  if (seen.group === 'absent' || seen.credentials.every(({ login }) => login === 'absent'))
    return no('/credentials', 'there is nothing to remove')
  if (ownedElsewhere > 0)
    return no('/holdings', `${ownedElsewhere} object(s) in databases out of the connector's reach`)
  if (privilegesOutOfReach > 0)
    return no(
      '/holdings',
      `${privilegesOutOfReach} privilege(s) that only whoever gave them can revoke: have that done first`,
    )
  if (ownedCount > 0 && reassignTo === null)
    return no('/reassignTo', `it owns ${ownedCount} object(s): name the role that takes them over`)
  return lackingRight(seen)
}

const remove = ({ identity, seen }: Planning, reassignTo: string | null): Step => ({
  stepId: 'remove',
  title: `${identity.group} and its credentials are removed`,
  executor: 'connector',
  operations: [{ op: 'remove', reassignTo }, { op: 'verify-removed' }],
  undo: [{ op: 'nothing' }],
  rollback: 'None: from here on, going back is a new provision.',
  blastRadius:
    reassignTo === null
      ? 'Nobody could log in any more; it owns nothing.'
      : `Nobody could log in any more; ${seen.holdings.ownedCount} object(s) go to ${reassignTo}.`,
  needs: ['stayed-disabled'],
  produces: ['removed'],
})

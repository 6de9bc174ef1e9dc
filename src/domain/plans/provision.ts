/**
 * provision: a new identity on the target, with the rights that the plan lists and no other. Four
 * steps, each behind its own gate: create (disabled), enable, hand over, close. The business need, its
 * end and the owner come from the signed register; an identity that is not registered is not made.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { Plan, Step } from '../shapes/plan.js'
import {
  type AskedOf,
  closeStep,
  deliverTo,
  enableStep,
  lackingRight,
  type Planning,
  planBase,
} from './planning.js'

export const PROVISION_STEPS = ['create', 'enable', 'hand-over', 'close'] as const

export function planProvision(input: Planning, asked: AskedOf<'provision'>): Plan | Refusal {
  const { identity } = input
  const [incoming] = identity.credentials
  const unsuitable = whyNot(input)
  if (unsuitable !== null || incoming === undefined)
    return unsuitable ?? refuse('TARGET_UNSUITABLE', '/credentials')
  const { memberOf } = asked
  const summary = `Provision ${identity.identityId} for ${identity.need.reference}, until ${identity.need.until}`
  return {
    ...planBase(input, { summary: summary.slice(0, 200), using: [] }),
    about: { kind: 'provision', incoming, memberOf: [...memberOf], need: identity.need },
    steps: steps({ ...input, incoming, memberOf }),
  }
}

/** Nothing of it may be there yet: what somebody made before would keep rights that nobody signed for. */
function whyNot({ identity, seen }: Planning): Refusal | null {
  const there = [
    ...(seen.group === 'present' ? [identity.group] : []),
    ...seen.credentials.filter(({ login }) => login !== 'absent').map((item) => item.credential),
  ]
  if (there.length > 0)
    return refuse('TARGET_UNSUITABLE', '/credentials', `there already: ${there.join(', ')}`)
  if (identity.consumers.length === 0)
    return refuse('TARGET_UNSUITABLE', '/consumers', 'nobody is registered to receive the secret')
  return lackingRight(seen)
}

interface Parts extends Planning {
  readonly incoming: string
  readonly memberOf: readonly string[]
}

const steps = (parts: Parts): Step[] => [
  create(parts),
  enableStep({ credential: parts.incoming, needs: ['created-as-planned'] }),
  handOver(parts),
  closeStep,
]

const create = ({ identity, memberOf }: Parts): Step => ({
  stepId: 'create',
  title: `Create ${identity.group} and its credentials, disabled`,
  executor: 'connector',
  operations: [
    { op: 'create', memberOf: [...memberOf] },
    { op: 'verify-rights', memberOf: [...memberOf] },
  ],
  undo: [{ op: 'remove-created' }],
  rollback: `Drop ${identity.group} and its credentials. Nobody can log in as them yet.`,
  blastRadius: `None: nothing uses them. ${identity.group} gets the rights of ${memberOf.join(', ')} and no other.`,
  needs: [],
  produces: ['created-as-planned'],
})

const handOver = ({ incoming, identity, opened }: Parts): Step => ({
  ...deliverTo({ credential: incoming, identity, settings: opened.settings }),
  stepId: 'hand-over',
  title: `Consumers take ${incoming}`,
  rollback: 'A deprovision: consumers may hold the secret from here on.',
  blastRadius: `${identity.consumers.length} consumer(s) start to use it.`,
  needs: ['new-credential-works'],
})

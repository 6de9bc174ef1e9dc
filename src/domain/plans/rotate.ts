/**
 * rotate: request and what the target looks like -> plan. Works on the inactive of two credentials,
 * in four steps, each behind its own gate: issue, cut over, retire, close. Both credentials work from
 * issue to retire; after retire a rollback is a new rotation, and the plan says so.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { Settings } from '../shapes/asked.js'
import type { Identity } from '../shapes/authority.js'
import type { Plan, Step } from '../shapes/plan.js'
import {
  closeStep,
  deliverTo,
  lackingRight,
  type Planning,
  planBase,
  type Seen,
} from './planning.js'

export const ROTATION_STEPS = ['issue', 'cut-over', 'retire', 'close'] as const

export function planRotation(input: Planning): Plan | Refusal {
  const { opened, identity, seen } = input
  const pair = choose(seen)
  if ('refused' in pair) return pair
  const lacking = lackingRight(seen)
  if (lacking !== null) return lacking
  const { retiring, incoming } = pair
  const summary = `Rotate ${identity.identityId}: ${incoming} replaces ${retiring}`
  return {
    ...planBase(input, { summary, using: [retiring] }),
    about: { kind: 'rotate', retiring, incoming },
    steps: steps({ retiring, incoming, identity, settings: opened.settings }),
  }
}

/** The credential in use retires; the other one comes in. Two in use, or none that works, is a matter for people. */
function choose(seen: Seen): { retiring: string; incoming: string } | Refusal {
  const absent = seen.credentials.find(
    (item) => item.login === 'absent' || item.memberOfGroup === 'no',
  )
  if (absent !== undefined)
    return refuse(
      'TARGET_UNSUITABLE',
      `/credentials/${absent.credential}`,
      'missing on the target or not in the group',
    )
  const enabled = seen.credentials.filter((item) => item.login === 'enabled')
  const used = enabled.filter((item) => item.sessions.length > 0)
  if (used.length > 1)
    return refuse('TARGET_UNSUITABLE', '/credentials', 'both credentials are in use')
  const retiring = used[0] ?? (enabled.length === 1 ? enabled[0] : undefined)
  const incoming = seen.credentials.find((item) => item !== retiring)
  if (retiring === undefined || incoming === undefined)
    return refuse(
      'TARGET_UNSUITABLE',
      '/credentials',
      'which credential is the active one cannot be told',
    )
  return { retiring: retiring.credential, incoming: incoming.credential }
}

interface Parts {
  readonly retiring: string
  readonly incoming: string
  readonly identity: Identity
  readonly settings: Settings
}

const steps = (parts: Parts): Step[] => [issue(parts), cutOver(parts), retire(parts), closeStep]

const issue = ({ incoming }: Parts): Step => ({
  stepId: 'issue',
  title: `Set a new secret on the unused ${incoming}`,
  executor: 'connector',
  operations: [
    { op: 'stage', credential: incoming },
    { op: 'set', credential: incoming },
    { op: 'verify', credential: incoming },
  ],
  undo: [{ op: 'unset', credential: incoming }],
  rollback: `Disable ${incoming} and remove its secret. Nobody has received it yet.`,
  blastRadius: `None for consumers: ${incoming} is not in use.`,
  needs: [],
  produces: ['new-credential-works'],
})

const cutOver = ({ incoming, retiring, identity, settings }: Parts): Step => ({
  ...deliverTo({ credential: incoming, identity, settings }),
  stepId: 'cut-over',
  title: `Consumers take ${incoming}`,
  rollback: `${retiring} keeps working: consumers go back to it by their own configuration.`,
  blastRadius: `${identity.consumers.length} consumer(s) change credential. Both credentials work meanwhile.`,
  needs: ['new-credential-works'],
})

const retire = ({ incoming, retiring, settings }: Parts): Step => ({
  stepId: 'retire',
  title: `${retiring} is disabled and proved dead`,
  executor: 'connector',
  operations: [
    {
      op: 'observe-unused',
      credential: retiring,
      unusedForMs: settings.unusedForMs,
      withinMs: settings.withinMs,
    },
    { op: 'disable', credentials: [retiring] },
    { op: 'end-sessions', credentials: [retiring] },
    { op: 'prove-dead', credential: retiring, control: incoming },
  ],
  undo: [{ op: 'nothing' }],
  rollback: 'None: from here on, going back is a new rotation.',
  blastRadius: `Whatever still uses ${retiring} loses access. It is disabled only when no session of it was seen for the agreed time.`,
  needs: ['consumer-on-new'],
  produces: ['old-unused', 'old-refused', 'no-session-left'],
})

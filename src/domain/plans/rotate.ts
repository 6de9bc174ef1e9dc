/**
 * rotate: request and what the target looks like -> plan. Works on the inactive of two credentials,
 * in four steps, each behind its own gate: issue, cut over, retire, close. Both credentials work from
 * issue to retire; after retire a rollback is a new rotation, and the plan says so.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { Identity } from '../shapes/authority.js'
import type { CaseOpened, Settings } from '../shapes/event.js'
import type { Plan, Step } from '../shapes/plan.js'

export const ROTATION_STEPS = ['issue', 'cut-over', 'retire', 'close'] as const

/** What the connector saw on the target. */
export interface Seen {
  readonly credentials: readonly {
    readonly credential: string
    readonly login: 'enabled' | 'disabled' | 'absent'
    readonly memberOfGroup: 'yes' | 'no'
    readonly sessions: readonly { readonly application: string; readonly count: number }[]
  }[]
  /** Rights that the admin credential lacks, each with the statement that grants it. */
  readonly missing: readonly string[]
}

export interface PlanRotation {
  readonly opened: CaseOpened
  readonly identity: Identity
  readonly seen: Seen
  readonly attributes: readonly string[]
  readonly at: string
}

export function planRotation(input: PlanRotation): Plan | Refusal {
  const { opened, identity, seen } = input
  const pair = choose(seen)
  if ('refused' in pair) return pair
  const [lacking] = seen.missing
  if (lacking !== undefined) return refuse('TARGET_UNSUITABLE', '/missing', lacking.slice(0, 280))
  const { retiring, incoming } = pair
  return {
    v: 1,
    kind: 'rotate',
    identityId: identity.identityId,
    systemId: identity.systemId,
    objectiveId: identity.objectiveId,
    change: {
      type: opened.change,
      summary: `Rotate ${identity.identityId}: ${incoming} replaces ${retiring}`,
      risk: identity.tier === 'tier0' ? 'high' : identity.tier === 'tier1' ? 'moderate' : 'low',
      plannedAt: input.at,
    },
    group: identity.group,
    retiring,
    incoming,
    attributes: [...input.attributes],
    consumersSeen: sessionsOf(seen, retiring),
    warnings: warnings(identity, seen),
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

const sessionsOf = (seen: Seen, credential: string): string[] =>
  seen.credentials
    .filter((item) => item.credential === credential)
    .flatMap((item) => item.sessions.map((group) => `${group.application}: ${group.count}`))
    .slice(0, 64)

function warnings(identity: Identity, seen: Seen): string[] {
  const known = identity.consumers.map((consumer) => consumer.appears)
  const strangers = seen.credentials
    .flatMap((item) => item.sessions.map((group) => group.application))
    .filter((application) => !known.includes(application))
  return strangers.length === 0
    ? []
    : [
        `used by something that is no registered consumer: ${[...new Set(strangers)].join(', ')}`.slice(
          0,
          300,
        ),
      ]
}

interface Parts {
  readonly retiring: string
  readonly incoming: string
  readonly identity: Identity
  readonly settings: Settings
}

const steps = (parts: Parts): Step[] => [issue(parts), cutOver(parts), retire(parts), close()]

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

const cutOver = ({ incoming, retiring, identity, settings }: Parts): Step => {
  const consumers = identity.consumers.map((consumer) => consumer.consumerId)
  return {
    stepId: 'cut-over',
    title: `Consumers take ${incoming}`,
    executor: 'partner',
    operations: [
      { op: 'deliver', credential: incoming, to: consumers },
      {
        op: 'observe-consumers',
        credential: incoming,
        consumers,
        soakMs: settings.soakMs,
        withinMs: settings.withinMs,
      },
    ],
    undo: [{ op: 'nothing' }],
    rollback: `${retiring} keeps working: consumers go back to it by their own configuration.`,
    blastRadius: `${consumers.length} consumer(s) change credential. Both credentials work meanwhile.`,
    needs: ['new-credential-works'],
    produces: ['consumer-on-new'],
  }
}

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
    { op: 'disable', credential: retiring },
    { op: 'end-sessions', credential: retiring },
    { op: 'prove-dead', credential: retiring, control: incoming },
  ],
  undo: [{ op: 'nothing' }],
  rollback: 'None: from here on, going back is a new rotation.',
  blastRadius: `Whatever still uses ${retiring} loses access. It is disabled only when no session of it was seen for the agreed time.`,
  needs: ['consumer-on-new'],
  produces: ['old-unused', 'old-refused', 'no-session-left'],
})

const close = (): Step => ({
  stepId: 'close',
  title: 'The evidence is complete',
  executor: 'none',
  operations: [],
  undo: [{ op: 'nothing' }],
  rollback: 'Nothing changes on the target.',
  blastRadius: 'None.',
  needs: ['evidence-complete'],
  produces: [],
})

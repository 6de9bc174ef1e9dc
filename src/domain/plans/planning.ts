/** What every plan is drawn from, and the parts that plans of several kinds have in common. */

import { type Refusal, refuse } from '../refusal.js'
import type { Standing } from '../rights/fence.js'
import type { Settings } from '../shapes/asked.js'
import type { Identity } from '../shapes/authority.js'
import type { CaseOpened } from '../shapes/event.js'
import type { Plan, Step } from '../shapes/plan.js'

/** What the connector saw on the target. */
export interface Seen {
  readonly group: 'present' | 'absent'
  readonly credentials: readonly {
    readonly credential: string
    readonly login: 'enabled' | 'disabled' | 'absent'
    readonly memberOfGroup: 'yes' | 'no'
    readonly sessions: readonly { readonly application: string; readonly count: number }[]
  }[]
  readonly holdings: {
    readonly owned: readonly string[]
    readonly ownedCount: number
    readonly ownedElsewhere: number
    readonly privileges: number
    /** Of those: what the connector cannot take away, because somebody else gave it on what is somebody else's. */
    readonly privilegesOutOfReach: number
  }
  /** Rights that the admin credential lacks, each with the statement that grants it. */
  readonly missing: readonly string[]
}

export interface Planning {
  readonly opened: CaseOpened
  readonly identity: Identity
  readonly seen: Seen
  /** The fences that stand around the identity. */
  readonly fences: readonly Standing[]
  /** The names of the target's rights-bearing attributes. */
  readonly attributes: readonly string[]
  /** ISO time. */
  readonly at: string
}

export type AskedOf<Kind extends CaseOpened['asked']['kind']> = Extract<
  CaseOpened['asked'],
  { kind: Kind }
>

type TargetOfPlan = NonNullable<Plan['target']>

/** All of a plan but what its kind says: the change, its steps and its warnings. */
export const planBase = (
  { opened, identity, seen, attributes, at }: Planning,
  { summary, using }: { readonly summary: string; readonly using: readonly string[] },
): Omit<Plan, 'about' | 'steps' | 'target'> & { readonly target: TargetOfPlan } => ({
  v: 1,
  scope: opened.scope,
  systemId: identity.systemId,
  objectiveId: identity.objectiveId,
  change: {
    type: opened.change,
    summary,
    risk: riskOf(identity.tier),
    plannedAt: at,
  },
  target: {
    group: identity.group,
    credentials: [...identity.credentials],
    consumersSeen: sessionsOf(seen, using),
  },
  attributes: [...attributes],
  warnings: strangers(identity, seen),
})

/** What a plan is drawn from whose work is done in the evidence store. */
export interface RecordsPlanning {
  readonly opened: CaseOpened
  /** ISO time. */
  readonly at: string
}

/** The same for a plan without a target. */
export const recordsPlanBase = (
  { opened, at }: RecordsPlanning,
  summary: string,
): Omit<Plan, 'about' | 'steps'> => ({
  v: 1,
  scope: opened.scope,
  systemId: null,
  objectiveId: opened.objectiveId,
  change: { type: opened.change, summary, risk: riskOf(opened.tier), plannedAt: at },
  target: null,
  attributes: [],
  warnings: [],
})

const riskOf = (tier: Identity['tier']): Plan['change']['risk'] =>
  tier === 'tier0' ? 'high' : tier === 'tier1' ? 'moderate' : 'low'

const sessionsOf = (seen: Seen, using: readonly string[]): string[] =>
  seen.credentials
    .filter(({ credential }) => using.includes(credential))
    .flatMap(({ sessions }) => sessions.map((group) => `${group.application}: ${group.count}`))
    .slice(0, 64)

function strangers(identity: Identity, seen: Seen): string[] {
  const known = identity.consumers.map((consumer) => consumer.appears)
  const unknown = seen.credentials
    .flatMap((item) => item.sessions.map((group) => group.application))
    .filter((application) => !known.includes(application))
  const names = [...new Set(unknown)].join(', ')
  return unknown.length === 0
    ? []
    : [`used by something that is no registered consumer: ${names}`.slice(0, 300)]
}

/** The partner delivers the sealed secret; the probe sees every consumer on it. */
export const deliverTo = (input: {
  readonly credential: string
  readonly identity: Identity
  readonly settings: Settings
}): Pick<Step, 'executor' | 'operations' | 'undo' | 'produces'> => {
  const { credential, identity, settings } = input
  const consumers = identity.consumers.map((consumer) => consumer.consumerId)
  const { soakMs, withinMs } = settings
  return {
    executor: 'partner',
    operations: [
      { op: 'deliver', credential, to: consumers },
      { op: 'observe-consumers', credential, consumers, soakMs, withinMs },
    ],
    undo: [{ op: 'nothing' }],
    produces: ['consumer-on-new'],
  }
}

/** No credential can log in any more, and those that could are proved dead; the secrets stay, so that all of it can be put back. */
export const offStep = (input: {
  readonly stepId: string
  readonly present: readonly string[]
  /** Those of them that can log in. */
  readonly living: readonly string[]
  readonly consumersSeen: readonly string[]
  /** How long it is watched then; null: not at all. */
  readonly watched: Pick<Settings, 'soakMs' | 'withinMs'> | null
}): Step => {
  const { stepId, living, consumersSeen, watched } = input
  const credentials = [...input.present]
  return {
    stepId,
    title: 'No credential can log in any more',
    executor: 'connector',
    operations: [
      ...living.map((credential) => ({ op: 'observe-accepted' as const, credential })),
      { op: 'disable', credentials },
      { op: 'end-sessions', credentials },
      ...living.map((credential) => ({ op: 'prove-dead' as const, credential, control: null })),
      { op: 'observe-disabled', credentials },
      ...(watched === null
        ? []
        : [{ op: 'observe-stays-disabled' as const, credentials, ...watched }]),
    ],
    undo: living.length === 0 ? [{ op: 'nothing' }] : [{ op: 'enable', credentials: [...living] }],
    rollback:
      living.length === 0
        ? 'None is needed: nothing could log in before.'
        : `Let ${living.join(', ')} log in again, with the secret it had.`,
    blastRadius: cutOff(consumersSeen),
    needs: [],
    produces: [
      ...(living.length === 0 ? [] : (['old-refused', 'no-session-left'] as const)),
      'access-disabled',
      ...(watched === null ? [] : (['stayed-disabled'] as const)),
    ],
  }
}

/** A new secret on a credential that cannot log in, which then can. */
export const enableStep = (input: {
  readonly credential: string
  readonly needs: Step['needs']
}): Step => {
  const { credential, needs } = input
  return {
    stepId: 'enable',
    title: `Set a secret on ${credential} and let it log in`,
    executor: 'connector',
    operations: [
      { op: 'stage', credential },
      { op: 'set', credential },
      { op: 'verify', credential },
    ],
    undo: [{ op: 'unset', credential }],
    rollback: `Disable ${credential} and remove its secret. Nobody has received it yet.`,
    blastRadius: `From now on whoever holds the secret of ${credential} has its rights.`,
    needs,
    produces: ['new-credential-works'],
  }
}

/** The first right that the admin credential lacks, if any: nobody signs for what cannot be done. */
export const lackingRight = ({ missing }: Seen): Refusal | null => {
  const [lacking] = missing
  return lacking === undefined
    ? null
    : refuse('TARGET_UNSUITABLE', '/missing', lacking.slice(0, 280))
}

/** What losing access at once means, as the owner reads it. */
export const cutOff = (consumersSeen: readonly string[]): string =>
  (consumersSeen.length === 0
    ? 'Nobody was connected when the plan was drawn.'
    : `These lose access at once: ${consumersSeen.join(', ')}`
  ).slice(0, 400)

/** A step in which people look at what was observed; it does nothing itself. */
export const lookStep = (of: Pick<Step, 'stepId' | 'title' | 'needs'>): Step => ({
  ...of,
  executor: 'none',
  operations: [],
  undo: [{ op: 'nothing' }],
  rollback: 'Nothing changes on the target.',
  blastRadius: 'None.',
  produces: [],
})

export const closeStep: Step = lookStep({
  stepId: 'close',
  title: 'The evidence is complete',
  needs: ['evidence-complete'],
})

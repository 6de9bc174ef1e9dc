/**
 * Changes on the targets: what differs between one look at an identity and the next, and which case explains it. A
 * look is what the connector attested: the pre-state of a gate, or a look of its own. What a product's change leaves
 * on the target (the mark of its grant) says which grant made the last one; nothing else explains.
 */
import type { Recorded } from '../case/case.js'
import type { Identity } from '../shapes/authority.js'
import type { Operation, Plan, Step, TargetState, Undo } from '../shapes/plan.js'

/** An entry with its place in the log. */
export interface Placed extends Recorded {
  readonly index: number
}

/** A case as it was read. */
export interface Source {
  readonly caseId: string
  readonly recorded: readonly Placed[]
}

/** What an identity looked like at some moment. */
export interface Snapshot {
  readonly at: string
  readonly index: number
  readonly state: TargetState
}

export interface TargetChange {
  readonly identityId: string
  readonly role: string
  readonly attributes: readonly string[]
  /** The look before, and the one at which it was seen. */
  readonly between: readonly [string, string]
  /** The case whose change this is; null: no case explains it. */
  readonly by: string | null
}

type Roles = Pick<Identity, 'identityId' | 'group' | 'credentials'>

/** A grant to change an identity, and until when what was done under it was still being recorded. */
interface Granting {
  readonly caseId: string
  readonly grantId: string
  readonly grantedAt: string
  /** The last thing recorded under it; null: nothing yet. */
  readonly lastAt: string | null
  readonly step: Step
}

/** Every look at this identity, in the order of the log. */
export const snapshotsOf = (sources: readonly Source[], identityId: string): readonly Snapshot[] =>
  sources
    .flatMap(({ recorded }) =>
      recorded.flatMap((item) => snapshotIn(recorded, { item, identityId })),
    )
    .toSorted((left, right) => left.index - right.index)

function snapshotIn(
  recorded: readonly Placed[],
  { item, identityId }: { readonly item: Placed; readonly identityId: string },
): readonly Snapshot[] {
  const { event, at, index } = item
  if (event.type === 'TargetSeen')
    return event.identityId === identityId ? [{ at, index, state: event.state }] : []
  const opened = recorded[0]?.event
  return event.type === 'GateOpened' &&
    opened?.type === 'CaseOpened' &&
    opened.systemId !== null &&
    opened.scope.id === identityId
    ? [{ at, index, state: event.preState }]
    : []
}

/** What changed from look to look, by role and by the case that explains it. */
export function changesBetween(
  snapshots: readonly Snapshot[],
  of: { readonly identity: Roles; readonly sources: readonly Source[] },
): readonly TargetChange[] {
  const { identity, sources } = of
  const granted = sources.flatMap((source) => grantsIn(source, identity.identityId))
  return snapshots.slice(1).flatMap((now, place) => {
    const before = snapshots[place]
    if (before === undefined) return []
    return [identity.group, ...identity.credentials].flatMap((role) =>
      changesOfRole({ identity, role, before, now, granted }),
    )
  })
}

interface Comparing {
  readonly identity: Roles
  readonly role: string
  readonly before: Snapshot
  readonly now: Snapshot
  readonly granted: readonly Granting[]
}

function changesOfRole(comparing: Comparing): readonly TargetChange[] {
  const { identity, role, before, now } = comparing
  const changed = attributesOf(role, [before, now]).filter(
    (name) => readIn(before, { role, name }) !== readIn(now, { role, name }),
  )
  if (changed.length === 0) return []
  const by = explanation(comparing)
  const explained = by === null ? [] : changed.filter((name) => by.attributes(name))
  const rest = changed.filter((name) => !explained.includes(name))
  const { identityId } = identity
  const common = { identityId, role, between: [before.at, now.at] as const }
  return [
    ...(explained.length === 0
      ? []
      : [{ ...common, attributes: explained, by: by?.caseId ?? null }]),
    ...(rest.length === 0 ? [] : [{ ...common, attributes: rest, by: null }]),
  ]
}

const attributesOf = (role: string, snapshots: readonly Snapshot[]): readonly string[] => {
  const prefix = `${role}.`
  const names = snapshots
    .flatMap(({ state }) => Object.keys(state))
    .filter((name) => name.startsWith(prefix))
  return [...new Set(names)].map((name) => name.slice(prefix.length)).sort()
}

const readIn = ({ state }: Snapshot, of: { readonly role: string; readonly name: string }) =>
  state[`${of.role}.${of.name}`]

interface Explanation {
  readonly caseId: string
  readonly attributes: (name: string) => boolean
}

/** The attributes that a change of each name sets; the others it leaves as they are. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  set: ['login', 'verifier', 'grant'],
  unset: ['login', 'verifier', 'grant'],
  enable: ['login', 'grant'],
  disable: ['login', 'grant'],
}

/** A role that came or went is explained whole; another one in the attributes that its last marked change sets. */
function explanation(comparing: Comparing): Explanation | null {
  const { role, before, now, granted } = comparing
  const [was, is] = [isThere(before, role), isThere(now, role)]
  const whole = (by: Granting | undefined): Explanation | null =>
    by === undefined ? null : { caseId: by.caseId, attributes: () => true }
  if (was === 'yes' && is === 'no') return whole(granted.find((one) => removes(one, comparing)))
  const mark = markOf(comparing)
  if (mark === null) return null
  const by = granted.find((one) => one.grantId === mark.grantId && isSince(one, comparing))
  if (by === undefined || !does(by.step, { change: mark.change, role })) return null
  if (was === 'no') return mark.change === 'create' ? whole(by) : null
  const sets = SETS[mark.change] ?? []
  return { caseId: by.caseId, attributes: (name) => sets.includes(name) }
}

const isThere = ({ state }: Snapshot, role: string): 'yes' | 'no' =>
  (state[`${role}.login`] ?? 'absent') === 'absent' ? 'no' : 'yes'

/** The mark that was left since the look before; a group carries none of its own: its credentials were made with it. */
function markOf({ identity, role, before, now }: Comparing) {
  const carriers = role === identity.group ? identity.credentials : [role]
  for (const carrier of carriers) {
    const mark = readIn(now, { role: carrier, name: 'grant' })
    if (mark === undefined || mark === readIn(before, { role: carrier, name: 'grant' })) continue
    const [grantId = '', change = ''] = mark.split(':')
    if (change !== '' && (role !== identity.group || change === 'create'))
      return { grantId, change }
  }
  return null
}

/** Whether the step, or its rollback, does this to the role. */
const does = (
  { operations, undo }: Step,
  of: { readonly change: string; readonly role: string },
): boolean =>
  [...operations, ...undo].some(
    (op: Operation | Undo) =>
      op.op === of.change &&
      (op.op === 'create' ||
        ('credential' in op && op.credential === of.role) ||
        ('credentials' in op && op.credentials.includes(of.role))),
  )

/** Nothing that was removed carries a mark. */
const removes = (one: Granting, comparing: Comparing): boolean =>
  [...one.step.operations, ...one.step.undo].some(
    ({ op }) => op === 'remove' || op === 'remove-created',
  ) && isSince(one, comparing)

/** Granted by then, and not done with before the look before: an old mark that somebody puts back explains nothing. */
const isSince = ({ grantedAt, lastAt }: Granting, { before, now }: Comparing): boolean =>
  grantedAt <= now.at && (lastAt === null || before.at < lastAt)

function grantsIn({ caseId, recorded }: Source, identityId: string): readonly Granting[] {
  const [first] = recorded
  if (first?.event.type !== 'CaseOpened' || first.event.scope.id !== identityId) return []
  return recorded.flatMap(({ event, at }) => {
    if (event.type !== 'Granted') return []
    const { grantId, stepId } = event
    const step = planIn(recorded)?.steps.find((one) => one.stepId === stepId)
    const last = recorded.findLast(
      (one) =>
        one.event.type !== 'Granted' && 'grantId' in one.event && one.event.grantId === grantId,
    )
    return step === undefined
      ? []
      : [{ caseId, grantId, grantedAt: at, lastAt: last?.at ?? null, step }]
  })
}

function planIn(recorded: readonly Recorded[]): Plan | null {
  const planned = recorded.find(({ event }) => event.type === 'Planned')?.event
  return planned?.type === 'Planned' ? planned.plan : null
}

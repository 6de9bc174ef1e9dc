/**
 * The scope of an incident as the enterprise itself finds it: what is linked to the reported identities, across
 * partners and systems. A report is a claim; nothing in it makes the scope smaller, unless the enterprise says so.
 */
import type { Authority } from '../authority/authority.js'
import { livePerson, type Matter } from '../authority/matter.js'
import { type Refusal, refuse } from '../refusal.js'
import { scopesAround } from '../rights/fence.js'
import type { Asked } from '../shapes/asked.js'
import type { Identity } from '../shapes/authority.js'
import type { Fence, FenceScope } from '../shapes/envelope.js'
import type { CaseEvent } from '../shapes/event.js'
import type { IncidentScope } from '../shapes/plan.js'

type Report = Extract<Asked, { kind: 'incident' }>

/** Null when this may be reported so, by this requester; of other kinds of case nothing is asked here. */
export function admitReport(input: {
  readonly authority: Authority
  readonly matter: Matter
  readonly asked: Asked
  readonly requester: { readonly kind: string; readonly personId: string | null }
}): Refusal | null {
  const { authority, matter, asked: report, requester } = input
  if (report.kind !== 'incident') return null
  const known = new Set(matter.identities.map(({ identityId }) => identityId))
  if (report.suspected.some((id) => !known.has(id)))
    return refuse('IDENTITY_UNKNOWN', '/suspected', 'not an identity of what the report is about')
  if (requester.kind === 'partner')
    return report.cleared.length === 0
      ? null
      : refuse('NOT_ALLOWED', '/cleared', 'a partner clears nothing')
  return mayReport(authority, { matter, personId: requester.personId ?? '' })
    ? null
    : refuse('NOT_ALLOWED', '/requester/personId', 'neither a duty person nor an owner in scope')
}

const mayReport = (
  authority: Authority,
  { matter, personId }: { readonly matter: Matter; readonly personId: string },
): boolean =>
  livePerson(authority, personId) !== null &&
  (authority.persons.get(personId)?.duties.includes('duty-person') === true ||
    matter.ownerId === personId ||
    matter.identities.some(
      ({ ownerId, objectiveId }) =>
        ownerId === personId ||
        authority.objectives.get(objectiveId)?.owners.incidents === personId,
    ))

type Link = IncidentScope['linked'][number]['by'][number]

/** By what two identities hang together. The first two are enough to be in scope; the others are only near. */
const LINKS: Readonly<Record<Link, (one: Identity, other: Identity) => boolean>> = {
  consumer: (one, other) =>
    one.consumers.some(({ consumerId }) =>
      other.consumers.some((item) => item.consumerId === consumerId),
    ),
  need: (one, other) => one.need.reference === other.need.reference,
  system: (one, other) => one.systemId === other.systemId,
  custodian: (one, other) => one.custodian !== null && one.custodian === other.custodian,
}
const LINK_NAMES = ['consumer', 'need', 'system', 'custodian'] as const satisfies readonly Link[]

export const MAX_IN_SCOPE = 64
const MAX_NEAR = 64

/** The enterprise's own list beside the reporter's. Refuses TARGET_UNSUITABLE when one incident cannot hold what is in scope. */
export function incidentScope(authority: Authority, report: Report): IncidentScope | Refusal {
  const everybody = [...authority.identities.values()].toSorted((left, right) =>
    left.identityId < right.identityId ? -1 : 1,
  )
  const suspects = everybody.filter(({ identityId }) => report.suspected.includes(identityId))
  const others = everybody.filter(({ identityId }) => !report.suspected.includes(identityId))
  const linked = others.flatMap((identity) => {
    const by = LINK_NAMES.filter((name) => suspects.some((one) => LINKS[name](one, identity)))
    return by.length === 0 ? [] : [{ identityId: identity.identityId, by }]
  })
  const isTight = ({ by }: (typeof linked)[number]) =>
    by.includes('consumer') || by.includes('need')
  const tight = linked.filter(isTight)
  const near = linked.filter((item) => !isTight(item)).map(({ identityId }) => identityId)
  const cleared = tight
    .map(({ identityId }) => identityId)
    .filter((id) => report.cleared.includes(id))
  const inScope = [...suspects, ...tight]
    .map(({ identityId }) => identityId)
    .filter((id) => !cleared.includes(id))
    .sort()
  if (inScope.length > MAX_IN_SCOPE)
    return refuse('TARGET_UNSUITABLE', '/suspected', `${inScope.length} identities in one incident`)
  return {
    reported: suspects.map(({ identityId }) => identityId),
    ...{ linked: tight, cleared, inScope },
    ...{ near: near.slice(0, MAX_NEAR), nearCount: near.length },
  }
}

/** Every scope in which a fence stands around something of the incident, once and in order. */
export function scopesAroundAll(
  authority: Authority,
  inScope: readonly string[],
): readonly FenceScope[] {
  const all = inScope.flatMap((id) => {
    const identity = authority.identities.get(id)
    return identity === undefined ? [] : scopesAround(identity)
  })
  const keys = [...new Set(all.map(({ kind, id }) => `${kind}:${id}`))].sort()
  return keys.flatMap((key) => all.find(({ kind, id }) => `${kind}:${id}` === key) ?? [])
}

/** A fence with when it was lifted for whom. */
export interface Responding {
  readonly fence: Pick<Fence, 'fenceId' | 'scope' | 'personId'>
  readonly lifted: readonly { readonly identityId: string; readonly at: string }[]
}

/** A containment that a fence opened, with who signed in it that access be taken. */
export interface Containing {
  readonly fenceId: string
  readonly signedBy: readonly string[]
}

/** Who signed the first step of a containment, in its events up to some moment; null when they are of something else. */
export function containingOf(events: readonly CaseEvent[]): Containing | null {
  const [opened] = events
  if (opened?.type !== 'CaseOpened' || opened.asked.kind !== 'contain') return null
  const signedBy = events.flatMap((event) =>
    event.type === 'DecisionAdmitted' && event.stepId === 'contain' && event.verdict === 'approve'
      ? [event.votes, event.signedBy]
      : [],
  )
  return { fenceId: opened.asked.fenceId, signedBy }
}

/**
 * Who responded: whoever signed a fence around something of the incident that was not lifted for all of it before
 * the case opened, or the containment that such a fence opened. They validate nothing of what they did.
 */
export function respondersOf(input: {
  readonly fences: readonly Responding[]
  readonly containments: readonly Containing[]
  readonly inScope: readonly string[]
  readonly openedAt: string
  readonly authority: Authority
}): readonly string[] {
  const { fences, containments, inScope, openedAt, authority } = input
  const identities = inScope.flatMap((id) => authority.identities.get(id) ?? [])
  const counts = ({ fence, lifted }: Responding): boolean =>
    identities
      .filter((identity) => scopesAround(identity).some((scope) => isSame(scope, fence.scope)))
      .some(
        ({ identityId }) =>
          !lifted.some((one) => one.identityId === identityId && one.at < openedAt),
      )
  const counted = fences.filter(counts)
  const persons = counted.flatMap(({ fence }) => [
    ...(fence.personId === null ? [] : [fence.personId]),
    ...containments
      .filter(({ fenceId }) => fenceId === fence.fenceId)
      .flatMap(({ signedBy }) => signedBy),
  ])
  return [...new Set(persons)].sort()
}

const isSame = (one: FenceScope, other: FenceScope): boolean =>
  one.kind === other.kind && one.id === other.id

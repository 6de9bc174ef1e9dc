/**
 * Who answers for what: each control outcome of each objective has one name, whichever partners share the work.
 * A *gap* is an identity or an outcome whose one owner is no live person of the enterprise, or is reported gone: it
 * owes a succession, a case that stays open until it has an owner who is there.
 */
import type { Authority } from '../authority/authority.js'
import { livePerson } from '../authority/matter.js'
import { KINDS } from '../kinds.js'
import type { KnownOfSuccession } from '../plans/succession.js'
import { withDuty } from '../policy/policy.js'
import { type Refusal, refuse } from '../refusal.js'
import type { SuccessionTerms } from '../shapes/asked.js'
import { CaseKind, type Outcome } from '../shapes/basic.js'
import type { Pack } from '../shapes/policy.js'

export interface Responsibility {
  readonly objectiveId: string
  readonly outcome: Outcome
  readonly ownerId: string
  /** Companies that keep identities of this objective. */
  readonly partners: readonly string[]
  readonly identities: readonly string[]
}

export function responsibilities(authority: Authority): readonly Responsibility[] {
  const all = [...authority.identities.values()]
  return [...authority.objectives.values()].flatMap(({ objectiveId, owners }) => {
    const held = all.filter((identity) => identity.objectiveId === objectiveId)
    const partners = [...new Set(held.flatMap(({ custodian }) => custodian ?? []))].sort()
    const identities = held.map(({ identityId }) => identityId).sort()
    return Object.entries(owners).map(([outcome, ownerId]) => ({
      ...{ objectiveId, outcome: outcome as Outcome, ownerId, partners, identities },
    }))
  })
}

/** The kinds of case whose evidence is about this outcome. */
export const kindsFor = (outcome: Outcome): readonly CaseKind[] =>
  CaseKind.options.filter((kind) => KINDS[kind].outcome === outcome)

export interface OwnershipGap {
  /** `nhi_…`, or `obj_… <outcome>`. */
  readonly of: string
  readonly ownerId: string
  readonly because: 'unknown' | 'disabled' | 'not of the enterprise' | 'reported gone'
}

/** Reports are believed by nothing: a person who is reported gone still owns, and is listed. */
export function ownershipGaps(
  authority: Authority,
  reportedGone: ReadonlySet<string>,
): readonly OwnershipGap[] {
  return everythingOwned(authority).flatMap(({ of, ownerId }) => {
    const because =
      whyNot(authority, ownerId) ?? (reportedGone.has(ownerId) ? 'reported gone' : null)
    return because === null ? [] : [{ of, ownerId, because }]
  })
}

/** Everything that has an owner: each identity, and each outcome of each objective. */
const everythingOwned = (authority: Authority) => [
  ...[...authority.identities.values()].map(({ identityId: of, ownerId }) => ({ of, ownerId })),
  ...responsibilities(authority).map(({ objectiveId, outcome, ownerId }) => ({
    ...{ of: `${objectiveId} ${outcome}`, ownerId },
  })),
]

function whyNot(authority: Authority, ownerId: string): OwnershipGap['because'] | null {
  const person = authority.persons.get(ownerId)
  if (person === undefined) return 'unknown'
  if (person.status === 'disabled') return 'disabled'
  return livePerson(authority, ownerId) === null ? 'not of the enterprise' : null
}

/** What has an owner who is there, with that one owner. */
export const liveOwners = (
  authority: Authority,
): readonly { readonly of: string; readonly ownerId: string }[] =>
  everythingOwned(authority).filter(({ ownerId }) => livePerson(authority, ownerId) !== null)

type Owners = Readonly<Record<string, string>>

/** Who owns each of these, by the names that gaps have. Refuses IDENTITY_UNKNOWN for what is not registered any more. */
export function ownersOf(authority: Authority, owned: readonly string[]): Owners | Refusal {
  const all = new Map(everythingOwned(authority).map(({ of, ownerId }) => [of, ownerId]))
  const unknown = owned.find((of) => !all.has(of))
  if (unknown !== undefined) return refuse('IDENTITY_UNKNOWN', '/owned', `nothing is ${unknown}`)
  return Object.fromEntries(owned.map((of) => [of, all.get(of) ?? '']))
}

/**
 * The owners of what somebody gone left behind, each of them there and somebody else. What is registered no more needs
 * none. Refuses NO_OWNER, naming the first that has none.
 */
export function successorsOf(
  authority: Authority,
  { gone, owned }: SuccessionTerms,
): Owners | Refusal {
  const left = everythingOwned(authority).filter(({ of }) => owned.some((one) => one === of))
  const orphan = left.find(
    ({ ownerId }) => ownerId === gone || livePerson(authority, ownerId) === null,
  )
  return orphan === undefined
    ? Object.fromEntries(left.map(({ of, ownerId }) => [of, ownerId]))
    : refuse('NO_OWNER', '/owned', `${orphan.of} is still owned by ${orphan.ownerId}`)
}

/** What the plan of a succession is drawn from: who owns it now, and whom the policy names as candidates. */
export function knownOfSuccession(
  authority: Authority,
  { pack, terms }: { readonly pack: Pack; readonly terms: SuccessionTerms },
): KnownOfSuccession {
  const duties = pack.rules.flatMap(({ candidates }) => candidates ?? [])
  const able = new Set(duties.flatMap((duty) => withDuty(authority, duty)))
  able.delete(terms.gone)
  return { owners: ownersOf(authority, terms.owned), candidates: [...able].sort().slice(0, 64) }
}

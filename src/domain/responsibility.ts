/**
 * Who answers for what: each control outcome of each objective has one name, whichever partners share the work.
 * A *gap* is an identity or an outcome whose one owner is no live person of the enterprise, or is reported gone: it
 * owes a succession, whose successor the enterprise has to name.
 */
import type { Authority } from './authority.js'
import { KINDS } from './kinds.js'
import { livePerson } from './matter.js'
import { CaseKind, type Outcome } from './shapes/basic.js'

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
  const owned = [
    ...[...authority.identities.values()].map(({ identityId: of, ownerId }) => ({ of, ownerId })),
    ...responsibilities(authority).map(({ objectiveId, outcome, ownerId }) => ({
      ...{ of: `${objectiveId} ${outcome}`, ownerId },
    })),
  ]
  return owned.flatMap(({ of, ownerId }) => {
    const because =
      whyNot(authority, ownerId) ?? (reportedGone.has(ownerId) ? 'reported gone' : null)
    return because === null ? [] : [{ of, ownerId, because }]
  })
}

function whyNot(authority: Authority, ownerId: string): OwnershipGap['because'] | null {
  const person = authority.persons.get(ownerId)
  if (person === undefined) return 'unknown'
  if (person.status === 'disabled') return 'disabled'
  return livePerson(authority, ownerId) === null ? 'not of the enterprise' : null
}

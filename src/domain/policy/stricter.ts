/**
 * stricter: the least requirement that implies two, as far as groups can say it. `normal` and `checked` give every
 * requirement the one form in which it is compared and hashed.
 */
import { canonical } from '../bytes/digest.js'
import { type Refusal, refuse } from '../refusal.js'
import type { WeeklyHours } from '../shapes/basic.js'
import type { ApproverGroup, Requirement } from '../shapes/requirement.js'

const sorted = <T extends string>(values: Iterable<T>): T[] => [...new Set(values)].sort()

/**
 * Votes that satisfy the result satisfy both. Commutative and associative; idempotent on what `resolve`
 * and `stricter` return, where each quorum is the sum of the needs. Refuses NO_APPROVER when nobody is
 * left in a group, UNSIGNABLE when more persons are needed than a requirement can name. Throws RangeError
 * for requirements of two steps.
 */
export function stricter(left: Requirement, right: Requirement): Requirement | Refusal {
  if (left.stepId !== right.stepId) throw new RangeError('requirements of two steps have no join')
  const [a, b] = [normal(left), normal(right)]
  const names = sorted([...a.groups, ...b.groups].map(({ name }) => name))
  const groups = names.flatMap((name) => {
    const same = [...a.groups, ...b.groups].filter((group) => group.name === name)
    return same.length === 0 ? [] : [same.reduce(joinGroups)]
  })
  return checked({
    v: 1,
    stepId: a.stepId,
    groups,
    quorum: seatsIn(groups),
    assurance: a.assurance === 'passkey' ? a.assurance : b.assurance,
    ahead: a.ahead === 'forbidden' ? a.ahead : b.ahead,
    facts: sorted([...a.facts, ...b.facts]),
    escalateAfterMs: Math.min(a.escalateAfterMs, b.escalateAfterMs),
    expireAfterMs: Math.min(a.expireAfterMs, b.expireAfterMs),
    decisionMaxAgeMs: Math.min(a.decisionMaxAgeMs, b.decisionMaxAgeMs),
    ...joinBusinessDays(a.businessDays, b.businessDays),
    ...windowsAmong([...(a.windows ?? []), ...(b.windows ?? [])]),
  })
}

type BusinessDays = Requirement['businessDays']

function joinBusinessDays(
  a: BusinessDays,
  b: BusinessDays,
): { readonly businessDays?: NonNullable<BusinessDays> } {
  if (a === undefined || b === undefined) {
    const businessDays = a ?? b
    return businessDays === undefined ? {} : { businessDays }
  }
  return {
    businessDays: {
      escalateAfter: Math.min(a.escalateAfter, b.escalateAfter),
      expireAfter: Math.min(a.expireAfter, b.expireAfter),
    },
  }
}

/** Each once, in the order of their canonical text; without any there is no such term. */
function windowsAmong(all: readonly WeeklyHours[]): { readonly windows?: WeeklyHours[] } {
  const byText = new Map(all.map((hours) => [canonical(hours), hours]))
  const windows = sorted(byText.keys()).flatMap((text) => byText.get(text) ?? [])
  return windows.length === 0 ? {} : { windows }
}

const joinGroups = (a: ApproverGroup, b: ApproverGroup): ApproverGroup => ({
  name: a.name,
  persons: sorted(a.persons.filter((person) => b.persons.includes(person))),
  need: Math.max(a.need, b.need),
})

export const seatsIn = (groups: readonly ApproverGroup[]): number =>
  groups.reduce((sum, { need }) => sum + need, 0)

/** The seats of a quorum above the needs, when several groups could fill them. */
const ANY_APPROVER = 'any-approver'

/**
 * The same requirement with a seat for each person of its quorum. A bare number could be reached by
 * persons of a group that only the other side of a join has; seats keep who may sit on them.
 */
export function normal(requirement: Requirement): Requirement {
  const facts = sorted(requirement.facts)
  const groups = requirement.groups
    .map((group) => ({ ...group, persons: sorted(group.persons) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const spare = requirement.quorum - seatsIn(groups)
  const [only, ...others] = groups
  if (only === undefined || spare <= 0)
    return { ...requirement, groups, facts, quorum: seatsIn(groups) }
  if (others.length === 0)
    return { ...requirement, facts, groups: [{ ...only, need: requirement.quorum }] }
  const persons = sorted(groups.flatMap((group) => group.persons))
  return withSpare({ ...requirement, facts, groups }, { name: ANY_APPROVER, persons, need: spare })
}

const withSpare = (requirement: Requirement, spare: ApproverGroup): Requirement => ({
  ...requirement,
  groups: [...requirement.groups, spare].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
})

const MAX_GROUPS = 8
const MAX_QUORUM = 20
const MAX_WINDOWS = 8

/** Afterwards every group has somebody in it, and the shape of a requirement can hold it. */
export function checked(requirement: Requirement): Requirement | Refusal {
  const where = `/steps/${requirement.stepId}`
  const empty = requirement.groups.find(({ persons }) => persons.length === 0)
  if (empty !== undefined || requirement.groups.length === 0)
    return refuse('NO_APPROVER', where, `nobody can approve as ${empty?.name ?? 'anything'}`)
  if (requirement.groups.length > MAX_GROUPS || requirement.quorum > MAX_QUORUM)
    return refuse('UNSIGNABLE', where, 'more persons are asked for than a requirement can name')
  return (requirement.windows ?? []).length > MAX_WINDOWS
    ? refuse('UNSIGNABLE', where, 'more windows are asked for than a requirement can name')
    : requirement
}

/**
 * A *subject* is one gate to be ruled: which step, on what, and who stands in each role today.
 *   resolve      pack + subject -> requirement: every matching rule, joined by `stricter`
 *   settingsFor  pack + scope   -> durations and evidence of the whole case
 *   stricter     the least requirement that implies both, as far as groups can say it
 *   preflight    can each gate still be signed, by persons who exist and keys that last?
 * Nobody who is missing, excluded or a partner's is ever counted in; an empty group is a refusal.
 */
import { type Authority, within } from './authority.js'
import { digest } from './digest.js'
import { KINDS } from './kinds.js'
import { contractsWith, livePerson, type Matter } from './matter.js'
import { countedOf, unfilledGroup } from './quorum.js'
import { isRefusal, type Refusal, refuse } from './refusal.js'
import { type Asked, personsNamedIn, personsServedBy, type Settings } from './shapes/asked.js'
import type { Identity, Person, PersonKey } from './shapes/authority.js'
import { AuthorityKind, type CaseKind, type Change, type Fact } from './shapes/basic.js'
import type { Pack, Role, Rule, StepTerms } from './shapes/policy.js'
import type { ApproverGroup, Requirement, ResolvedRequirement } from './shapes/requirement.js'

export interface Scope {
  readonly kind: CaseKind
  readonly tier: Identity['tier']
  readonly systemId: string | null
  readonly change: Change
}

export interface Subject extends Scope {
  readonly stepId: string
  readonly roles: Readonly<Record<Role, readonly string[]>>
  /** Never approvers here: who asks, whose own doing it is about, and everybody of the companies that ask or execute. */
  readonly exclude: readonly string[]
}

/** The subject of one step, with the live persons of the enterprise who stand in each role. */
export function subjectOf(input: {
  readonly authority: Authority
  readonly matter: Matter
  readonly asked: Asked
  readonly change: Change
  readonly stepId: string
  readonly requester: { readonly personId: string | null; readonly companyId: string }
  readonly executorCompany: string
  /** Persons whose own doing the case is about. */
  readonly involved: readonly string[]
}): Subject {
  const { authority, matter, asked, change, stepId, requester, executorCompany, involved } = input
  const { kind } = asked
  const { identity, tier, systemId } = matter
  const everybody = [...authority.persons.values()]
  const live = (ids: readonly string[]) =>
    sorted(ids.filter((id) => livePerson(authority, id) !== null))
  const asksForPartner = authority.companies.get(requester.companyId)?.kind === 'partner'
  const partnerExecutes = authority.companies.get(executorCompany)?.kind === 'partner'
  const served = personsServedBy(asked)
  const out = (person: Person) =>
    person.personId === requester.personId ||
    involved.includes(person.personId) ||
    served.includes(person.personId) ||
    (person.companyId === executorCompany && partnerExecutes) ||
    (asksForPartner && person.companyId === requester.companyId)
  return {
    ...{ kind, change, stepId, tier, systemId },
    roles: {
      'identity-owner': live(identity === null ? [] : [identity.ownerId]),
      'objective-owner': live(outcomeOwners(authority, { matter, kind })),
      'contract-owner': live(contractOwners(authority, matter)),
      'named-person': live(personsNamedIn(asked)),
      'duty-person': withDuty(authority, 'duty-person'),
      'risk-owner': withDuty(authority, 'risk-owner'),
      officer: withDuty(authority, 'officer'),
    },
    exclude: sorted(everybody.filter(out).map(({ personId }) => personId)),
  }
}

/** Whoever owns the outcome that this kind of case serves, for an identity of the matter. */
function outcomeOwners(
  authority: Authority,
  { matter, kind }: { readonly matter: Matter; readonly kind: CaseKind },
): readonly string[] {
  const { outcome } = KINDS[kind]
  if (outcome === null) return []
  return matter.identities.flatMap(({ objectiveId }) => {
    const owner = authority.objectives.get(objectiveId)?.owners[outcome]
    return owner === undefined ? [] : [owner]
  })
}

/** Owners of the contracts with the partner that the matter is about, or that keeps its identity. */
function contractOwners(authority: Authority, { scope, identity }: Matter): readonly string[] {
  const companyId = scope.kind === 'partner' ? scope.id : identity?.custodian
  return contractsWith(authority, companyId ?? '').map(({ ownerId }) => ownerId)
}

const sorted = <T extends string>(values: Iterable<T>): T[] => [...new Set(values)].sort()

/** Whether the rule is for cases of this scope. */
export const matches = (rule: Rule, { kind, tier, systemId, change }: Scope): boolean =>
  rule.kind === kind &&
  rule.when.tiers.includes(tier) &&
  (rule.when.systems === null || (systemId !== null && rule.when.systems.includes(systemId))) &&
  (rule.when.change === null || rule.when.change.includes(change))

/** Refuses NO_RULE, NO_APPROVER (naming the role) or UNSIGNABLE; the rules that determined it are listed. */
export function resolve(input: {
  readonly pack: Pack
  readonly packHash: ResolvedRequirement['pack']['hash']
  readonly subject: Subject
}): ResolvedRequirement | Refusal {
  const { pack, packHash, subject } = input
  const rules = pack.rules.filter(
    (rule) => matches(rule, subject) && Object.hasOwn(rule.steps, subject.stepId),
  )
  let joined: Requirement | Refusal = refuse('NO_RULE', `/steps/${subject.stepId}`)
  for (const [index, rule] of rules.entries()) {
    const own = requirementOf(rule.steps[subject.stepId], subject)
    if (isRefusal(own)) return own
    joined = index === 0 || isRefusal(joined) ? own : stricter(joined, own)
    if (isRefusal(joined)) return joined
  }
  if (isRefusal(joined)) return joined
  return {
    requirement: joined,
    requirementHash: digest(joined),
    pack: { packId: pack.id, version: pack.version, hash: packHash },
    rules: sorted(rules.map(({ id }) => id)),
  }
}

/** Who signs a mandate today, as a requirement. Refuses NO_APPROVER, naming the role, when a group is empty. */
export function mandateRequirement(input: {
  readonly authority: Authority
  readonly pack: Pack
}): Requirement | Refusal {
  const { approvers, assurance } = input.pack.mandates
  const groups = approvers.map(({ role, need }) => ({
    name: role,
    persons: withDuty(input.authority, role),
    need,
  }))
  return checked(
    normal({
      ...{ v: 1, stepId: 'mandate', groups, quorum: seatsIn(groups), assurance },
      ...{ ahead: 'forbidden', facts: [] },
      ...{ escalateAfterMs: 0, expireAfterMs: 1, decisionMaxAgeMs: 1 },
    }),
  )
}

/** The live persons of the enterprise who have this duty, sorted. */
export const withDuty = (authority: Authority, duty: Person['duties'][number]): string[] =>
  sorted(
    [...authority.persons.values()]
      .filter(({ personId, duties }) => duties.includes(duty) && livePerson(authority, personId))
      .map(({ personId }) => personId),
  )

function requirementOf(terms: StepTerms | undefined, subject: Subject): Requirement | Refusal {
  if (terms === undefined) return refuse('NO_RULE', `/steps/${subject.stepId}`)
  const { approvers, ...rest } = terms
  const groups = approvers.map(({ role, need }) => ({
    name: role,
    persons: sorted(subject.roles[role].filter((person) => !subject.exclude.includes(person))),
    need: role === 'named-person' ? needOfNamed(subject, need) : need,
  }))
  const { stepId } = subject
  return checked(normal({ v: 1, stepId, ...rest, groups, facts: sorted(rest.facts) }))
}

/** Whoever is to answer for a change of the authority accepts it: all of them, also those who may not sign. */
const needOfNamed = ({ kind, roles }: Subject, need: number): number =>
  AuthorityKind.safeParse(kind).success ? Math.max(need, roles['named-person'].length) : need

/** Durations and evidence of all matching rules: what is observed takes the longest, what a partner holds ends soonest. */
export function settingsFor(
  input: Scope & { readonly pack: Pack },
): { readonly settings: Settings; readonly evidence: readonly Fact[] } | Refusal {
  const rules = input.pack.rules.filter((rule) => matches(rule, input))
  if (rules.length === 0) return refuse('NO_RULE', '/settings')
  const all = (name: keyof Settings) => rules.map(({ settings }) => settings[name])
  return {
    settings: {
      soakMs: Math.max(...all('soakMs')),
      unusedForMs: Math.max(...all('unusedForMs')),
      withinMs: Math.max(...all('withinMs')),
      leaseMs: Math.min(...all('leaseMs')),
      claimWithinMs: Math.min(...all('claimWithinMs')),
    },
    evidence: sorted(rules.flatMap(({ evidence }) => evidence)),
  }
}

/**
 * A pack's freeze in which no case opens, as the refusal of a request made at that time. It holds up no emergency
 * for which the pack has a rule of its own, and no kind that is done at once.
 */
export function frozen(
  asked: Scope & { readonly pack: Pack; readonly at: string },
): Refusal | null {
  const { pack, at, kind, change } = asked
  const isEmergency =
    change === 'emergency' &&
    pack.rules.some((rule) => matches(rule, asked) && rule.when.change?.includes(change))
  if (isEmergency || KINDS[kind].urgency === 'at-once') return null
  const freeze = pack.calendar.freezes.find(({ from, until }) => from <= at && at < until)
  return freeze === undefined
    ? null
    : refuse('NO_RULE', '/calendar/freezes', `frozen until ${freeze.until}: ${freeze.name}`)
}

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
  })
}

const joinGroups = (a: ApproverGroup, b: ApproverGroup): ApproverGroup => ({
  name: a.name,
  persons: sorted(a.persons.filter((person) => b.persons.includes(person))),
  need: Math.max(a.need, b.need),
})

const seatsIn = (groups: readonly ApproverGroup[]): number =>
  groups.reduce((sum, { need }) => sum + need, 0)

/** The seats of a quorum above the needs, when several groups could fill them. */
const ANY_APPROVER = 'any-approver'

/**
 * The same requirement with a seat for each person of its quorum. A bare number could be reached by
 * persons of a group that only the other side of a join has; seats keep who may sit on them.
 */
function normal(requirement: Requirement): Requirement {
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

/** Afterwards every group has somebody in it, and the shape of a requirement can hold it. */
function checked(requirement: Requirement): Requirement | Refusal {
  const where = `/steps/${requirement.stepId}`
  const empty = requirement.groups.find(({ persons }) => persons.length === 0)
  if (empty !== undefined || requirement.groups.length === 0)
    return refuse('NO_APPROVER', where, `nobody can approve as ${empty?.name ?? 'anything'}`)
  return requirement.groups.length > MAX_GROUPS || requirement.quorum > MAX_QUORUM
    ? refuse('UNSIGNABLE', where, 'more persons are asked for than a requirement can name')
    : requirement
}

/** Null when each gate has enough distinct live persons whose keys are strong enough and outlast its deadline. */
export function preflight(input: {
  readonly requirements: Readonly<Record<string, Pick<ResolvedRequirement, 'requirement'>>>
  readonly authority: Authority
  readonly at: string
}): Refusal | null {
  for (const { requirement } of Object.values(input.requirements)) {
    const short = shortOf({ ...input, requirement })
    if (short === null) continue
    const detail = `${requirement.stepId} cannot be signed before its deadline: too few can act as ${short}`
    return refuse('UNSIGNABLE', `/steps/${requirement.stepId}`, detail)
  }
  return null
}

interface Signing {
  readonly requirement: Requirement
  readonly authority: Authority
  readonly at: string
}

function shortOf(signing: Signing): string | null {
  const { groups, quorum } = signing.requirement
  const named = groups.flatMap(({ persons }) => persons)
  const persons = countedOf({ groups, persons: named }).filter((id) => canSign(signing, id))
  const short = unfilledGroup({ groups, persons })
  if (short !== null) return short.name
  return persons.length < quorum ? `one of ${groups.map(({ name }) => name).join(', ')}` : null
}

function canSign({ requirement, authority, at }: Signing, personId: string): boolean {
  const until = new Date(Date.parse(at) + requirement.expireAfterMs).toISOString()
  const keys = livePerson(authority, personId)?.keys ?? []
  return keys.some((key) => isStrong(key, requirement.assurance) && lasts({ key, at, until }))
}

/** A passkey without a relying party verifies nothing, so it is no key at all. */
const isStrong = (key: PersonKey, assurance: Requirement['assurance']): boolean =>
  key.assurance === 'passkey' ? key.relyingParty !== null : assurance === 'key'

const lasts = (input: { key: PersonKey; at: string; until: string }): boolean =>
  within(input.key, input.at) &&
  input.until < input.key.notAfter &&
  (input.key.revokedAt === null || input.until < input.key.revokedAt)

/**
 * A *subject* is one gate to be ruled: which step, on what, and who stands in each role today.
 *   resolve      pack + subject -> requirement: every matching rule, joined by `stricter`
 *   settingsFor  pack + scope   -> durations and evidence of the whole case
 *   preflight    can each gate still be signed, by persons who exist and keys that last?
 * Nobody who is missing, excluded or a partner's is ever counted in; an empty group is a refusal.
 */

import { type Authority, within } from '../authority/authority.js'
import { contractsWith, livePerson, type Matter } from '../authority/matter.js'
import { digest } from '../bytes/digest.js'
import { KINDS } from '../kinds.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import { type Asked, personsNamedIn, personsServedBy, type Settings } from '../shapes/asked.js'
import type { Identity, Person, PersonKey } from '../shapes/authority.js'
import {
  AuthorityKind,
  type CaseKind,
  type Change,
  type Fact,
  type WeeklyHours,
} from '../shapes/basic.js'
import type { Circumstances } from '../shapes/cedar.js'
import type { Pack, Role, Rule, StepTerms } from '../shapes/policy.js'
import type { Requirement, ResolvedRequirement } from '../shapes/requirement.js'
import { barredFrom, circumstancesOf, forbiddenToAsk } from './authorisation.js'
import { countedOf, unfilledGroup } from './quorum.js'
import { checked, normal, seatsIn, stricter } from './stricter.js'

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
  /** What Cedar policies look at; on paper none is asked. */
  readonly circumstances: Circumstances | 'on-paper'
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
  /** ISO time of the request. */
  readonly askedAt: string
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
  const roles = {
    'identity-owner': live(identity === null ? [] : [identity.ownerId]),
    'objective-owner': live(outcomeOwners(authority, { matter, kind })),
    'contract-owner': live(contractOwners(authority, matter)),
    'named-person': live(personsNamedIn(asked)),
    'duty-person': withDuty(authority, 'duty-person'),
    'risk-owner': withDuty(authority, 'risk-owner'),
    officer: withDuty(authority, 'officer'),
    accountable: accountableFor(authority, { matter, kind }),
  }
  return {
    ...{ kind, change, stepId, tier, systemId, roles },
    circumstances: circumstancesOf({ ...input, persons: Object.values(roles).flat() }),
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

/** Everybody who answers for it: its owner, who owns the outcome, and whoever has a duty for the enterprise. */
export const accountableFor = (
  authority: Authority,
  of: { readonly matter: Matter; readonly kind: CaseKind },
): string[] =>
  sorted([
    ...[of.matter.ownerId, ...outcomeOwners(authority, of)].filter(
      (id) => livePerson(authority, id) !== null,
    ),
    ...(['duty-person', 'risk-owner', 'officer'] as const).flatMap((duty) =>
      withDuty(authority, duty),
    ),
  ])

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

/**
 * Refuses FORBIDDEN (naming the Cedar policies), NO_RULE, NO_APPROVER (naming the role) or UNSIGNABLE. The rules that
 * determined it are listed, and as `cedar/<id>` the policies that keep somebody from signing.
 */
export function resolve(input: {
  readonly pack: Pack
  readonly packHash: ResolvedRequirement['pack']['hash']
  readonly subject: Subject
}): ResolvedRequirement | Refusal {
  const { pack, packHash } = input
  const forbidden = forbiddenToAsk(input)
  if (forbidden !== null) return forbidden
  const barred = barredFrom(input, sorted(Object.values(input.subject.roles).flat()))
  const subject = { ...input.subject, exclude: [...input.subject.exclude, ...barred.persons] }
  const rules = pack.rules.filter(
    (rule) => matches(rule, subject) && Object.hasOwn(rule.steps, subject.stepId),
  )
  let joined: Requirement | Refusal = refuse('NO_RULE', `/steps/${subject.stepId}`)
  for (const [index, rule] of rules.entries()) {
    const own = requirementOf(rule.steps[subject.stepId], { pack, subject })
    if (isRefusal(own)) return withBarring(own, barred.by)
    joined = index === 0 || isRefusal(joined) ? own : stricter(joined, own)
    if (isRefusal(joined)) return withBarring(joined, barred.by)
  }
  if (isRefusal(joined)) return joined
  return {
    requirement: joined,
    requirementHash: digest(joined),
    pack: { packId: pack.id, version: pack.version, hash: packHash },
    rules: sorted([...rules.map(({ id }) => id), ...barred.by.map((id) => `cedar/${id}`)]),
  }
}

const withBarring = (refusal: Refusal, by: readonly string[]): Refusal =>
  refusal.refused === 'NO_APPROVER' && by.length > 0
    ? { ...refusal, detail: `${refusal.detail}; kept from signing by ${by.join(', ')}` }
    : refusal

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

function requirementOf(
  terms: StepTerms | undefined,
  { pack, subject }: { readonly pack: Pack; readonly subject: Subject },
): Requirement | Refusal {
  if (terms === undefined) return refuse('NO_RULE', `/steps/${subject.stepId}`)
  const { approvers, window, businessDays, ...rest } = terms
  const groups = approvers.map(({ role, need }) => ({
    name: role,
    persons: sorted(subject.roles[role].filter((person) => !subject.exclude.includes(person))),
    need: role === 'named-person' ? needOfNamed(subject, need) : need,
  }))
  const { stepId } = subject
  const hours = window === null || waitsForNothing(pack, subject) ? null : hoursOf(pack, window)
  return checked(
    normal({
      ...{ v: 1, stepId, ...rest, groups, facts: sorted(rest.facts) },
      ...(businessDays === null ? {} : { businessDays }),
      ...(hours === null ? {} : { windows: [hours] }),
    }),
  )
}

/** The hours of a window by the clock of the pack; null: it has no such window. */
export function hoursOf({ zone, calendar }: Pack, name: string): WeeklyHours | null {
  const window = Object.hasOwn(calendar.windows, name) ? calendar.windows[name] : undefined
  if (window === undefined) return null
  const { days, fromMinute, toMinute } = window
  const weekdays = days === 'business' ? calendar.weekdays : days
  return { zone, weekdays: weekdays.toSorted((a, b) => a - b), fromMinute, toMinute }
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

/** No freeze and no window holds up an emergency for which the pack has a rule of its own, nor a kind that is done at once. */
function waitsForNothing(pack: Pack, scope: Scope): boolean {
  const { kind, change } = scope
  const isEmergency =
    change === 'emergency' &&
    pack.rules.some((rule) => matches(rule, scope) && rule.when.change?.includes(change))
  return isEmergency || KINDS[kind].urgency === 'at-once'
}

/** A pack's freeze in which no case opens, as the refusal of a request made at that time. */
export function frozen(
  asked: Scope & { readonly pack: Pack; readonly at: string },
): Refusal | null {
  const { pack, at } = asked
  if (waitsForNothing(pack, asked)) return null
  const freeze = pack.calendar.freezes.find(({ from, until }) => from <= at && at < until)
  return freeze === undefined
    ? null
    : refuse('NO_RULE', '/calendar/freezes', `frozen until ${freeze.until}: ${freeze.name}`)
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

/**
 * Packs beside each other: what each would ask for in the same situation. *Situations* are all gates that a pack can
 * rule: kind, step, tier, system and change. Roles are filled with persons who exist on paper only, enough of them for
 * every quorum, so that what is compared is what the packs say and not who works there today.
 */

import type { Authority } from '../domain/authority/authority.js'
import { matterOf } from '../domain/authority/matter.js'
import { canonical, type Digest, digest } from '../domain/bytes/digest.js'
import { KINDS } from '../domain/kinds.js'
import { isAsked } from '../domain/policy/authorisation.js'
import { preflight, resolve, type Subject } from '../domain/policy/policy.js'
import { requirementOf } from '../domain/policy/requirements.js'
import { stricter } from '../domain/policy/stricter.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { CaseKind, Change, Tier, type WeeklyHours } from '../domain/shapes/basic.js'
import type { CaseOpened } from '../domain/shapes/event.js'
import { type Pack, Role } from '../domain/shapes/policy.js'
import type { AskedOnPaper } from '../domain/shapes/policy-test.js'
import type { Requirement, ResolvedRequirement } from '../domain/shapes/requirement.js'
import { circumstancesOnPaper } from './on-paper.js'

export type Situation = Omit<Subject, 'roles' | 'exclude' | 'circumstances'>

/** `neither`: stricter in some terms and looser in others. */
export type Comparison = 'same' | 'stricter' | 'looser' | 'neither'

export interface Difference {
  readonly situation: Situation
  readonly comparison: Exclude<Comparison, 'same'>
  /** The terms that differ, as `quorum: 2 -> 1`. */
  readonly terms: readonly string[]
}

export interface Hashed {
  readonly pack: Pack
  readonly hash: Digest
}

const PERSONS_A_ROLE = 20
const ON_PAPER = Object.fromEntries(
  Role.options.map((role) => [
    role,
    Array.from({ length: PERSONS_A_ROLE }, (_, index) => `per_${role}-${index + 10}`),
  ]),
) as Record<Role, string[]>

/** What the pack asks for in this situation, with the rules that determine it. Cedar policies only when somebody asks. */
export const explainStep = (
  { pack, hash }: Hashed,
  situation: Situation,
  asked: AskedOnPaper | null = null,
): ResolvedRequirement | Refusal => {
  const { kind } = situation
  const circumstances =
    asked === null ? 'on-paper' : circumstancesOnPaper({ kind, roles: ON_PAPER, asked })
  const subject = { ...situation, roles: ON_PAPER, exclude: [], circumstances } as const
  return resolve({ pack, packHash: hash, subject })
}

/** Which Cedar policies can keep somebody from asking for this, or from signing it. */
export const cedarAbout = ({ pack }: Hashed, { kind, stepId }: Situation): readonly string[] =>
  isAsked(kind)
    ? [...pack.cedar.about(`ask:${kind}`), ...pack.cedar.about(`sign:${kind}/${stepId}`)]
    : []

/** Every situation in which the two ask for something else, in the order of the kinds. */
export const comparePacks = (before: Hashed, after: Hashed): readonly Difference[] =>
  situationsOf([before.pack, after.pack]).flatMap((situation) => {
    const [left, right] = [explainStep(before, situation), explainStep(after, situation)]
    const comparison = compare(left, right)
    return comparison === 'same'
      ? []
      : [{ situation, comparison, terms: differingTerms(left, right) }]
  })

export interface CedarDifference {
  readonly comparison: Exclude<Comparison, 'same'>
  /** `+ id`, `- id`, and `~ id` where a policy of this id says something else. */
  readonly policies: readonly string[]
}

/** Policies only forbid: with more of them a pack is stricter. What another text forbids is not compared. */
export function compareCedar(before: Pack, after: Pack): CedarDifference | null {
  const [left, right] = [before.cedar.policies, after.cedar.policies]
  const ids = Object.keys({ ...left, ...right }).sort()
  const removed = ids.filter((id) => !Object.hasOwn(right, id)).map((id) => `- ${id}`)
  const added = ids.filter((id) => !Object.hasOwn(left, id)).map((id) => `+ ${id}`)
  const changed = ids
    .filter((id) => Object.hasOwn(left, id) && Object.hasOwn(right, id))
    .filter((id) => canonical(left[id]) !== canonical(right[id]))
    .map((id) => `~ ${id}`)
  const policies = [...removed, ...added, ...changed]
  if (policies.length === 0) return null
  if (policies.length === added.length) return { comparison: 'stricter', policies }
  return { comparison: policies.length === removed.length ? 'looser' : 'neither', policies }
}

/**
 * What differs besides the gates, by name: durations, evidence and maximum age of rules, and what the head says on
 * time and on mandates. With this empty and no difference at a gate or in Cedar, two packs differ
 * in words only.
 */
export function otherDifferences(before: Pack, after: Pack): readonly string[] {
  const [left, right] = [besidesGates(before), besidesGates(after)]
  return Object.keys({ ...left, ...right })
    .filter((name) => digest(left[name] ?? null) !== digest(right[name] ?? null))
    .sort()
}

function besidesGates({ rules, zone, calendar, mandates, effectiveFrom }: Pack) {
  const ruled = rules.map(({ id, settings, evidence, maximumAge, candidates, ...rule }) => [
    [`settings of ${id}`, settings],
    [`evidence of ${id}`, evidence.toSorted()],
    [`maximum age of ${id}`, maximumAge],
    [`retention of ${id}`, rule.retention],
    [`period of ${id}`, rule.campaign ?? rule.review ?? rule.drill ?? null],
    [`candidates of ${id}`, candidates?.toSorted()],
  ])
  const head = { zone, calendar, mandates, effectiveFrom }
  return { ...head, ...Object.fromEntries(ruled.flat()) } as Record<string, unknown>
}

/** Who refuses is stricter than who asks for anything. */
export function compare(
  before: ResolvedRequirement | Refusal,
  after: ResolvedRequirement | Refusal,
): Comparison {
  if (isRefusal(before)) return isRefusal(after) ? 'same' : 'looser'
  if (isRefusal(after)) return 'stricter'
  const joined = stricter(before.requirement, after.requirement)
  if (before.requirementHash === after.requirementHash) return 'same'
  if (isRefusal(joined)) return 'neither'
  const hash = digest(joined)
  if (hash === after.requirementHash) return 'stricter'
  return hash === before.requirementHash ? 'looser' : 'neither'
}

/** Systems that no rule names are one situation: null. */
function situationsOf(packs: readonly Pack[]): readonly Situation[] {
  const rules = packs.flatMap((pack) => pack.rules)
  const systems = [null, ...new Set(rules.flatMap(({ when }) => when.systems ?? []))]
  return CaseKind.options.flatMap((kind) =>
    KINDS[kind].steps.flatMap((stepId) =>
      Tier.options.flatMap((tier) =>
        systems.flatMap((systemId) =>
          Change.options.map((change) => ({ kind, stepId, tier, systemId, change })),
        ),
      ),
    ),
  )
}

/** The terms of a requirement as words, without who stands in each role. */
export const termsInWords = (answer: ResolvedRequirement | Refusal): Record<string, string> =>
  isRefusal(answer) ? { answer: answer.refused } : wordsOf(answer.requirement)

const wordsOf = (requirement: Requirement): Record<string, string> => ({
  answer: 'a gate',
  approvers: requirement.groups.map(({ name, need }) => `${need} ${name}`).join(', '),
  quorum: String(requirement.quorum),
  assurance: requirement.assurance,
  ahead: requirement.ahead,
  facts: requirement.facts.join(', ') || 'none',
  'escalates after': `${requirement.escalateAfterMs} ms${businessDays(requirement, 'escalateAfter')}`,
  'expires after': `${requirement.expireAfterMs} ms${businessDays(requirement, 'expireAfter')}`,
  'decisions last': `${requirement.decisionMaxAgeMs} ms`,
  begins: (requirement.windows ?? []).map(hoursInWords).join(' and ') || 'whenever it is approved',
})

const businessDays = (
  { businessDays: days }: Requirement,
  deadline: keyof NonNullable<Requirement['businessDays']>,
): string => (days === undefined ? '' : ` or ${days[deadline]} business days`)

const hoursInWords = ({ zone, weekdays, fromMinute, toMinute }: WeeklyHours): string =>
  `${clock(fromMinute)} to ${clock(toMinute)} on days ${weekdays.join(', ')} in ${zone}`

const clock = (minutes: number): string =>
  [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':')

function differingTerms(
  before: ResolvedRequirement | Refusal,
  after: ResolvedRequirement | Refusal,
): readonly string[] {
  const [left, right] = [termsInWords(before), termsInWords(after)]
  return Object.keys({ ...left, ...right })
    .filter((name) => left[name] !== right[name])
    .map((name) => `${name}: ${left[name] ?? 'nothing'} -> ${right[name] ?? 'nothing'}`)
}

export interface SimulatedGate {
  readonly stepId: string
  readonly comparison: Comparison
  /** Null when it would be asked for; else the code of the refusal. */
  readonly refused: string | null
  readonly quorum: number
  /** How many persons could sign: with as many as the quorum, the next absence stops the case. */
  readonly eligible: number
}

/** Each gate of a past case as this pack would have ruled it, with the persons of that time. */
export function simulateCase(input: {
  readonly opened: CaseOpened
  /** As the case opened under it. */
  readonly authority: Authority
  readonly at: string
  readonly under: Hashed
}): readonly SimulatedGate[] | Refusal {
  const { opened, authority, at, under } = input
  const matter = matterOf(authority, opened.scope)
  if (isRefusal(matter)) return matter
  return KINDS[opened.asked.kind].steps.map((stepId) => {
    const before =
      opened.requirements[stepId] ?? refuse('NO_RULE', `/requirements/${stepId}`, 'it had no gate')
    const after = requirementOf({
      ...{ authority, matter, stepId, pack: under.pack, packHash: under.hash },
      ...{ asked: opened.asked, change: opened.change, requester: opened.requester },
      executorCompany: opened.executor,
      involved: [],
      askedAt: at,
    })
    const comparison = compare(before, after)
    if (isRefusal(after))
      return { stepId, comparison, refused: after.refused, quorum: 0, eligible: 0 }
    const { requirement } = after
    const unsignable = preflight({ requirements: { [stepId]: after }, authority, at })
    const eligible = new Set(requirement.groups.flatMap(({ persons }) => persons)).size
    const refused = unsignable?.refused ?? null
    return { stepId, comparison, refused, quorum: requirement.quorum, eligible }
  })
}

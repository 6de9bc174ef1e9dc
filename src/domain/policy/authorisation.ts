/**
 * Cedar, on top of the rules of a pack. Two things are asked: may this company or person *ask* for this kind of case,
 * and may this person *sign* this step. Policies only forbid, so that more of them never allow more.
 */
import type { Authority } from '../authority/authority.js'
import { contractsWith, type Matter } from '../authority/matter.js'
import { KINDS } from '../kinds.js'
import { type Refusal, refuse } from '../refusal.js'
import type { Identity, Person } from '../shapes/authority.js'
import type { CaseKind, Change } from '../shapes/basic.js'
import type { Cedar, Circumstances, CompanyFacts, Question } from '../shapes/cedar.js'
import { clockAt } from './calendar.js'

/** No policy is asked about what is done at once, nor about its own replacement: nobody forbids the way out. */
export const isAsked = (kind: CaseKind): boolean =>
  KINDS[kind].urgency !== 'at-once' && kind !== 'change-policy'

interface Asking {
  readonly pack: { readonly cedar: Cedar; readonly zone: string }
  readonly subject: {
    readonly kind: CaseKind
    readonly stepId: string
    readonly tier: Identity['tier']
    readonly systemId: string | null
    readonly change: Change
    readonly circumstances: Circumstances | 'on-paper'
  }
}

/** FORBIDDEN, naming the policies, when whoever asked may not ask for this. Nobody asks on paper. */
export function forbiddenToAsk(asking: Asking): Refusal | null {
  const { circumstances: about, kind } = asking.subject
  if (about === 'on-paper') return null
  const { personId, companyId } = about.requester
  const by = askedAbout(
    asking,
    `ask:${kind}`,
  )(personId === null ? { type: 'Company', id: companyId } : { type: 'Person', id: personId })
  return by.length === 0
    ? null
    : refuse('FORBIDDEN', `/cedar/${by[0]}`, `forbidden by ${by.join(', ')}`)
}

/** Whoever of these persons may not sign the step, with the policies that say so. */
export function barredFrom(
  asking: Asking,
  persons: readonly string[],
): { readonly persons: readonly string[]; readonly by: readonly string[] } {
  const { kind, stepId } = asking.subject
  const forbiddenTo = askedAbout(asking, `sign:${kind}/${stepId}`)
  const answers = persons.map((id) => ({ id, by: forbiddenTo({ type: 'Person', id }) }))
  return {
    persons: answers.filter(({ by }) => by.length > 0).map(({ id }) => id),
    by: [...new Set(answers.flatMap(({ by }) => by))].sort(),
  }
}

/** Which policies forbid the action to a principal. */
function askedAbout(
  { pack, subject }: Asking,
  action: string,
): (principal: Question['principal']) => readonly string[] {
  const { circumstances: about, kind, tier, systemId, change } = subject
  const speaks = isAsked(kind) && pack.cedar.about(action).length > 0
  if (about === 'on-paper' || !speaks) return () => []
  const clock = clockAt(about.askedAt, pack.zone)
  if (clock === null) throw new RangeError(`a pack has no zone ${pack.zone}`)
  const asked = { weekday: clock.weekday, hour: Math.floor(clock.minute / 60) }
  return (principal) =>
    pack.cedar.forbids({ action, principal, about, tier, systemId, change, asked })
}

/** What the authority says of the case and of the persons and companies in it. */
export function circumstancesOf(input: {
  readonly authority: Authority
  readonly matter: Matter
  readonly requester: Circumstances['requester']
  readonly executorCompany: string
  readonly askedAt: string
  /** Whoever may be asked about besides owner and requester. */
  readonly persons: readonly string[]
}): Circumstances {
  const { authority, matter, requester, executorCompany: executor, askedAt } = input
  const { scope, objectiveId, ownerId, identity } = matter
  const custodian = identity?.custodian ?? null
  const { personId, companyId } = requester
  const persons = [
    ...new Set([...input.persons, ownerId, ...(personId === null ? [] : [personId])]),
  ]
    .map((id) => authority.persons.get(id))
    .filter((person): person is Person => person !== undefined)
  const scoped = scope.kind === 'partner' ? [scope.id] : []
  const companies = [
    ...[companyId, executor, ...scoped, ...(custodian === null ? [] : [custodian])],
    ...persons.map((person) => person.companyId),
  ]
  return {
    scope: { ...scope },
    ...{ objectiveId, ownerId, custodian, executor, askedAt },
    requester: { personId, companyId },
    persons: Object.fromEntries(
      persons.map((person) => [
        person.personId,
        { companyId: person.companyId, duties: person.duties },
      ]),
    ),
    companies: Object.fromEntries(
      companies.map((id) => [id, companyFacts(authority, id)] as const),
    ),
  }
}

const companyFacts = (authority: Authority, companyId: string): CompanyFacts => ({
  kind: authority.companies.get(companyId)?.kind ?? 'partner',
  rank: Math.max(
    0,
    ...contractsWith(authority, companyId).map(({ subcontractorRank }) => subcontractorRank),
  ),
})

/**
 * The hands of the tour: what the parties do, each by its own profile through the HTTP API, and what is then seen of
 * the case by the same door. A line is said when it happened. What does not come about ends the chapter.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { ulid } from 'ulid'
import { signDecision } from '../../cli/owners/sign-decision.js'
import { choicesOf, type Named } from '../../cli/session/choices.js'
import type { CaseRow, CaseSummary, OpenCaseRequest } from '../../contract/http.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { CaseKind } from '../../domain/shapes/basic.js'
import { type DemoPerson, PARTNERS, type Party, PEOPLE } from '../enterprise.js'
import type { Consumer } from '../processes.js'
import { type Stage, until } from '../stage.js'

export interface Tour {
  readonly stage: Stage
  readonly say: (line: string) => void
  /** The application that uses this account, started when it is first asked for. */
  readonly consumer: (account: string) => Promise<Consumer>
  /** Somebody with the rights of the target's DBA changes it with no case, which the end of the tour expects. */
  readonly byHand: (sql: string) => Promise<void>
}

export interface Chapter {
  readonly title: string
  readonly play: (tour: Tour) => Promise<void>
}

export interface At {
  readonly caseId: string
  readonly stepId: string
}

/** Between two looks at a case. */
const LOOK_EVERY_MS = 100
/** A gate that opens again oftener than this means that something is wrong. */
const MOST_ROUNDS = 6

export function accepted<T>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new Error(`${answer.refused} at ${answer.where}: ${answer.detail}`)
  return answer
}

export const names = (persons: readonly DemoPerson[]): string =>
  persons.map((person) => PEOPLE[person].name).join(' and ')

const whose = (by: Party): string =>
  Object.entries(PARTNERS).find(([, { profile }]) => profile === by)?.[0] ??
  PEOPLE[by.replace('-second', '') as DemoPerson].name

/** Asks for a case by the party's own account. */
export async function ask(
  tour: Tour,
  { by, request }: { readonly by: Party; readonly request: OpenCaseRequest },
): Promise<string> {
  const api = await tour.stage.api(by)
  const { caseId } = accepted(await api.openCase({ idempotencyKey: ulid(), request }))
  tour.say(`${whose(by)} asked for ${caseId}`)
  return caseId
}

/** The case as a person of the enterprise sees it. */
export async function look({ stage }: Tour, caseId: string): Promise<CaseSummary> {
  await pause(LOOK_EVERY_MS)
  return accepted(await (await stage.api('per_ana')).readCase({ caseId }))
}

/** Waits until the case stands so; the case as it then is. */
export async function whenCase(
  tour: Tour,
  of: {
    readonly caseId: string
    readonly what: string
    readonly is: (seen: CaseSummary) => boolean
  },
): Promise<CaseSummary> {
  let seen = await look(tour, of.caseId)
  await until(`${of.caseId} ${of.what}`, async () => {
    if (of.is(seen)) return true
    seen = await look(tour, of.caseId)
    return false
  }).catch((error: Error) => {
    throw new Error(`${error.message}; it stands so: ${seen.why}`)
  })
  return seen
}

/** The step is carried out, or handed to the partner. */
const isPast = ({ due }: CaseSummary, stepId: string): boolean =>
  due.kind === 'closed' || due.kind === 'claim' || (due.stepId !== null && due.stepId !== stepId)

const roundOf = (seen: CaseSummary, stepId: string): number =>
  seen.steps.find((step) => step.stepId === stepId)?.round ?? 0

const awaits = (seen: CaseSummary, stepId: string): boolean =>
  seen.due.kind === 'decision' && seen.due.stepId === stepId

export const awaited = (tour: Tour, { caseId, stepId }: At): Promise<CaseSummary> =>
  whenCase(tour, {
    ...{ caseId, what: `waits for its owners at ${stepId}` },
    is: (seen) => awaits(seen, stepId),
  })

/** Signed as the command line signs: the review is fetched, hashed again, and exactly what it shows is signed. */
export async function decide(
  { stage }: Tour,
  input: At & {
    readonly person: DemoPerson
    readonly verdict?: 'approve' | 'decline'
    readonly form?: 'gate' | 'ahead'
    readonly named?: Named
  },
): Promise<void> {
  const { caseId, stepId, person, verdict = 'approve', form = 'gate', named = {} } = input
  const api = await stage.api(person)
  const review = accepted(await api.review({ caseId, stepId }))
  const choices = accepted(choicesOf({ review, verdict }, named))
  const key = await stage.system.genesis.key(`key_${person.slice('per_'.length)}`)
  const signed = accepted(signDecision({ review, verdict, form, reason: null, choices, ...key }))
  accepted(await api.decide(signed))
}

/** A later step, signed ahead on what must have been observed by then. */
export async function ahead(
  tour: Tour,
  { by, ...at }: At & { readonly by: DemoPerson },
): Promise<void> {
  await decide(tour, { ...at, person: by, form: 'ahead' })
  tour.say(`  ${at.stepId}: signed ahead by ${names([by])}`)
}

/** Waits for the gate, has each person sign at it, and waits until the step is carried out; what opened again is signed again. */
export async function pass(
  tour: Tour,
  step: At & { readonly by: readonly DemoPerson[]; readonly named?: Named },
): Promise<CaseSummary> {
  const { caseId, stepId, by } = step
  for (let tries = 0; tries < MOST_ROUNDS; tries += 1) {
    const before = await awaited(tour, step)
    for (const person of by) await decide(tour, { ...step, person })
    const round = roundOf(before, stepId)
    const seen = await whenCase(tour, {
      ...{ caseId, what: `carries out ${stepId}` },
      is: (now) => isPast(now, stepId) || (awaits(now, stepId) && roundOf(now, stepId) > round),
    })
    if (isPast(seen, stepId)) {
      const facts = seen.facts.filter((fact) => !before.facts.includes(fact))
      const seenNow = facts.length === 0 ? '' : `; observed: ${facts.join(', ')}`
      tour.say(`  ${stepId}: signed by ${names(by)}${seenNow}`)
      return seen
    }
    const because = seen.steps.find((item) => item.stepId === stepId)?.because
    tour.say(`  ${stepId}: signed by ${names(by)}; asked again, because ${because}`)
  }
  throw new Error(`${caseId}: ${stepId} was signed ${MOST_ROUNDS} times and is not done`)
}

export async function declines(
  tour: Tour,
  { by, ...at }: At & { readonly by: DemoPerson },
): Promise<void> {
  await awaited(tour, at)
  await decide(tour, { ...at, person: by, verdict: 'decline' })
  tour.say(`  ${at.stepId}: declined by ${names([by])}`)
}

/** Waits until it is closed, and holds it to how it must end. */
export async function closes(
  tour: Tour,
  of: { readonly caseId: string; readonly outcome: string },
): Promise<CaseSummary> {
  const { caseId, outcome } = of
  const seen = await whenCase(tour, {
    ...{ caseId, what: 'closes' },
    is: ({ due }) => due.kind === 'closed',
  })
  if (seen.outcome !== outcome)
    throw new Error(`${caseId} closed ${seen.outcome} instead of ${outcome}`)
  tour.say(`  closed: ${seen.outcome}`)
  return seen
}

/** Waits until a step that nobody was asked about is carried out, and holds it to the mandate in its grant. */
export async function unattended(tour: Tour, at: At): Promise<void> {
  const { caseId, stepId } = at
  await whenCase(tour, {
    ...{ caseId, what: `carries out ${stepId} by itself` },
    is: (seen) => isPast(seen, stepId),
  })
  const granted = (await entriesOf(tour, caseId)).findLast(
    ({ body }) => body.type === 'Granted' && body['stepId'] === stepId,
  )
  const mandateId = granted?.body['mandateId']
  if (typeof mandateId !== 'string') throw new Error(`${caseId}: ${stepId} is under no mandate`)
  tour.say(`  ${stepId}: nobody was asked; granted under mandate ${mandateId}`)
}

async function entriesOf({ stage }: Tour, caseId: string) {
  const api = await stage.api('per_ana')
  const { entries } = accepted(await api.entries({ caseId, limit: 200 }))
  return entries
}

/** All that the enterprise has, newest first. */
export async function allCases({ stage }: Tour): Promise<readonly CaseRow[]> {
  const api = await stage.api('per_ana')
  const found: CaseRow[] = []
  let cursor: string | undefined
  do {
    const page = accepted(await api.listCases({ cursor, limit: 100 }))
    found.push(...page.cases)
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  return found
}

/** Waits for a case that nobody asked for. */
export async function opensByItself(
  tour: Tour,
  of: { readonly kind: CaseKind; readonly about: string; readonly because: string },
): Promise<string> {
  const find = async () => {
    await pause(LOOK_EVERY_MS)
    const all = await allCases(tour)
    return all.find(
      ({ kind, scope, phase }) => kind === of.kind && scope.id === of.about && phase === 'open',
    )
  }
  let found = await find()
  await until(`a ${of.kind} of ${of.about} opens by itself`, async () => {
    found ??= await find()
    return found !== undefined
  })
  const caseId = found?.caseId ?? ''
  tour.say(`${of.because}: ${caseId} opened by itself`)
  return caseId
}

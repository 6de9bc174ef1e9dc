/**
 * What the entries of a case have to tell. Whoever is awaited hears of it at once, together with everybody who may vote
 * for them; is reminded half-way to the escalation; and hears a last time before the end.
 */
import { type CaseState, initial, isOpening, type Recorded, stepOf } from '../case/case.js'
import { awaited } from '../case/due.js'
import { evolve } from '../case/evolve.js'
import { findingsIn } from '../case/finding.js'
import type { CaseOpened, EventOf } from '../shapes/event.js'
import type { Notice } from '../shapes/notice.js'
import { between, type People, person, type Telling, tell } from './notice.js'

interface OfCase {
  readonly caseId: string
  /** The whole case, as far as it is known. */
  readonly recorded: readonly Recorded[]
  /** Told are the entries after this one. */
  readonly after: number
  readonly people: People
}

export function noticesOfCase({ caseId, recorded, after, people }: OfCase): readonly Notice[] {
  let state = initial(caseId)
  return recorded.flatMap((item) => {
    state = evolve(state, item)
    return item.seq <= after ? [] : toldBy({ state, item, recorded, people })
  })
}

interface Entered {
  /** The case with this entry. */
  readonly state: CaseState
  readonly item: Recorded
  readonly recorded: readonly Recorded[]
  readonly people: People
}

function toldBy(at: Entered): readonly Notice[] {
  const { event } = at.item
  switch (event.type) {
    case 'CaseOpened':
      return event.asked.kind === 'break-glass' ? emergency(at, 'is asked for') : []
    case 'GateOpened':
      return gateOpened(at, event)
    case 'GateEscalated':
      return gateEscalated(at, event)
    case 'TaskOffered':
      return tell([`partner:${event.companyId}`], {
        ...about(at, { topic: 'awaited', stepId: event.stepId }),
        ...{
          until: event.until,
          look: `countersign task lease ${at.state.caseId} ${event.stepId}`,
        },
        says: `${nameOf(at.state)}: ${titleOf(at.state, event.stepId)} is yours to do until ${event.until}.`,
      })
    case 'ClaimContradicted':
      return tell([`partner:${at.state.opened?.executor ?? ''}`], {
        ...about(at, { topic: 'contradicted', stepId: event.stepId }),
        says: `${nameOf(at.state)}: the enterprise does not see what was claimed of ${titleOf(at.state, event.stepId)}. The task is open again.`,
      })
    case 'Granted':
      return at.state.opened !== null && isOpening(at.state.opened, event.stepId)
        ? emergency(at, 'is given')
        : []
    case 'FindingRecorded':
      return tell(['ops'], {
        ...about(at, { topic: 'finding' }),
        says: `${nameOf(at.state)}: ${event.code} at ${event.where}: ${event.detail}`,
      })
    case 'CaseClosed':
      return caseClosed(at, event)
    default:
      return []
  }
}

const nameOf = ({ caseId, opened }: CaseState): string =>
  opened === null ? caseId : `${opened.asked.kind} of ${opened.scope.id}`

const titleOf = (state: CaseState, stepId: string): string =>
  `${stepId} (${stepOf(state, stepId)?.step.title ?? ''})`

const about = (
  { state, item }: Entered,
  said: Pick<Notice, 'topic'> & { readonly stepId?: string },
): Omit<Telling, 'says'> => ({
  ...{ cause: item.hash, at: item.at, caseId: state.caseId, ...said },
  look: `countersign show ${state.caseId}`,
})

/** Awaited persons, each with those who may vote for them. */
function asked({ state, item, people }: Entered, stepId: string): readonly Asked[] {
  const step = stepOf(state, stepId)
  const { opened } = state
  if (step === null || opened === null) return []
  const { at } = item
  const persons = [...new Set(awaited(step, at).flatMap((group) => group.persons))]
  return persons.flatMap((personId) => [
    { to: personId, onBehalfOf: null },
    ...people
      .delegatesOf(personId, { opened, at })
      .filter((to) => !persons.includes(to))
      .map((to) => ({ to, onBehalfOf: personId })),
  ])
}

interface Asked {
  readonly to: string
  readonly onBehalfOf: string | null
}

const tellAsked = (all: readonly Asked[], telling: Telling): readonly Notice[] =>
  all.flatMap(({ to, onBehalfOf }) => tell([person(to)], { ...telling, onBehalfOf }))

/** A gate that a mandate or decisions given ahead satisfied at once awaits nobody. */
function gateOpened(at: Entered, event: EventOf<'GateOpened'>): readonly Notice[] {
  const { state, recorded } = at
  const { stepId, round, because, expiresAt, escalatesAt } = event
  const same = (other: Recorded): boolean =>
    other.event.type === 'GateSatisfied' &&
    other.event.stepId === stepId &&
    other.event.round === round
  if (recorded.some(same)) return []
  const all = asked(at, stepId)
  const again = because === null ? '' : ` again, because of ${because}`
  const gate: Telling = {
    ...about(at, { topic: 'awaited', stepId }),
    ...{ round, until: expiresAt, look: `countersign review ${state.caseId} ${stepId}` },
    says: `${nameOf(state)}: you are asked${again} to decide on ${titleOf(state, stepId)}, until ${expiresAt}.`,
  }
  const reminder = {
    ...{ topic: 'reminder' as const, from: between(at.item.at, escalatesAt, HALF) },
    says: `${nameOf(state)}: ${titleOf(state, stepId)} still awaits your decision. It escalates at ${escalatesAt} and ends at ${expiresAt}.`,
  }
  return [...tellAsked(all, gate), ...tellAsked(all, { ...gate, ...reminder })]
}

const HALF = 1 / 2
const LATE = 3 / 4

function gateEscalated(
  at: Entered,
  { stepId, round }: EventOf<'GateEscalated'>,
): readonly Notice[] {
  const { state, item, people } = at
  const expiresAt = stepOf(state, stepId)?.gate?.expiresAt ?? item.at
  const all = asked(at, stepId)
  const escalated: Telling = {
    ...about(at, { topic: 'escalated', stepId }),
    ...{ round, until: expiresAt, look: `countersign review ${state.caseId} ${stepId}` },
    says: `${nameOf(state)}: nobody decided on ${titleOf(state, stepId)} in time. The case ends at ${expiresAt} unless they do.`,
  }
  const lastCall = {
    ...{ topic: 'last-call' as const, from: between(item.at, expiresAt, LATE) },
    says: `${nameOf(state)}: ${titleOf(state, stepId)} ends at ${expiresAt} without your decision. Silence approves nothing.`,
  }
  const answering = [state.opened?.ownerId ?? '', ...people.onDuty]
    .filter((id) => id !== '' && !all.some(({ to }) => to === id))
    .map(person)
  return [
    ...tellAsked(all, escalated),
    ...tell(answering, { ...escalated, round: null }),
    ...tellAsked(all, { ...escalated, ...lastCall }),
  ]
}

/** Everybody whom the policy names at any gate of it, and everybody on duty. */
function emergency(at: Entered, what: string): readonly Notice[] {
  const { opened } = at.state
  if (opened === null) return []
  const named = Object.values(opened.requirements).flatMap(({ requirement }) =>
    requirement.groups.flatMap(({ persons }) => persons),
  )
  const { onDuty, officers } = at.people
  const all = [opened.ownerId, ...named, ...onDuty, ...officers].map(person)
  return tell([...all, 'ops'], {
    ...about(at, { topic: 'break-glass' }),
    says: `Emergency access to ${opened.scope.id} ${what}${askedBy(opened)}. It ends by itself and is reviewed; whoever doubts it stops it with: countersign fence stop --identity ${opened.scope.id}`,
  })
}

const askedBy = ({ requester }: CaseOpened): string =>
  `, asked for by ${requester.personId ?? requester.companyId}`

function caseClosed(at: Entered, { outcome }: EventOf<'CaseClosed'>): readonly Notice[] {
  const { state, recorded } = at
  const { opened, caseId } = state
  if (opened === null) return []
  const { requester, executor, contract, ownerId } = opened
  const partners = [
    ...(requester.kind === 'partner' ? [requester.companyId] : []),
    ...(contract === null ? [] : [executor]),
  ].map((id) => `partner:${id}`)
  const persons = [ownerId, ...(requester.personId === null ? [] : [requester.personId])]
  const found = findingsIn(caseId, recorded)
  return [
    ...tell([...persons.map(person), ...partners], {
      ...about(at, { topic: 'case-ended' }),
      says: `${nameOf(state)} ended: ${outcome}.`,
    }),
    ...found.flatMap(({ finding, about: what, item }) =>
      tell([`partner:${partnerIn(opened)}`, person(ownerId)], {
        ...about(at, { topic: 'finding' }),
        ...{
          cause: `${at.item.hash}/${item ?? 0}`,
          look: `countersign findings ${partnerIn(opened)}`,
        },
        says: `Finding against ${partnerIn(opened)}: ${finding}${what === '' ? '' : ` (${what})`}. The partner can dispute it.`,
      }),
    ),
  ]
}

const partnerIn = ({ scope, executor }: CaseOpened): string =>
  scope.kind === 'partner' ? scope.id : executor

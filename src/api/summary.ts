/**
 * The summary of a case as its entries tell it: steps, who is awaited, whose *turn* it is and since when, and
 * how the time was spent between owner, partner and system. Pure; opaque ids only.
 */
import type { CaseSummary, StepSummary } from '../contract/http.js'
import { type CaseState, initial, type Recorded, type StepState } from '../domain/case.js'
import { awaited, due, waitingOn } from '../domain/due.js'
import { missing } from '../domain/evidence.js'
import { evolve } from '../domain/evolve.js'

/** Null when the entries hold no case. */
export function summaryOf(input: {
  readonly caseId: string
  readonly recorded: readonly Recorded[]
  readonly at: string
  readonly questions: CaseSummary['questions']
}): CaseSummary | null {
  const { caseId, recorded, at, questions } = input
  const state = recorded.reduce(evolve, initial(caseId))
  const { opened, openedAt } = state
  if (opened === null || openedAt === null) return null
  const { scope, systemId, tier, ownerId, objectiveId } = opened
  const { contract, requester, executor } = opened
  return {
    ...{
      caseId,
      kind: opened.asked.kind,
      scope,
      systemId,
      tier,
      ownerId,
      objectiveId,
      contract,
    },
    partnerId: executor,
    requester,
    openedAt,
    phase: state.outcome === null ? 'open' : 'closed',
    outcome: state.outcome,
    ending: state.ending,
    due: dueOf(state),
    turn: turnOf({ caseId, recorded, at, openedAt }),
    planHash: state.planHash,
    steps: state.steps.map((item) => stepSummary(item, at)),
    facts: [...state.facts],
    missing: [...missing(state)],
    findings: recorded.flatMap(({ event, at: found }) =>
      event.type === 'FindingRecorded'
        ? [{ code: event.code, where: event.where, detail: event.detail, at: found }]
        : [],
    ),
    questions,
    refusals: state.refusals,
    seq: state.seq,
    head: state.head,
    links: linksOf(state),
  }
}

function dueOf(state: CaseState): CaseSummary['due'] {
  const next = due(state)
  return {
    kind: next.kind,
    stepId: 'stepId' in next ? next.stepId : null,
    until: 'until' in next ? next.until : null,
  }
}

const linksOf = ({ caseId, steps }: CaseState): CaseSummary['links'] => ({
  entries: `/v1/cases/${caseId}/entries`,
  packet: `/v1/cases/${caseId}/packet`,
  reviews: steps.map(({ step }) => `/v1/cases/${caseId}/steps/${step.stepId}/review`),
})

function stepSummary(item: StepState, at: string): StepSummary {
  const { step, phase, round, because, task } = item
  return {
    stepId: step.stepId,
    title: step.title,
    executor: step.executor,
    phase,
    round,
    because,
    gate: gateTimes(item),
    awaited: awaitedOf(item, at),
    votes: votesOf(item),
    task: task === null ? null : { until: task.until, leasedUntil: task.lease?.until ?? null },
  }
}

export const gateTimes = ({ gate }: StepState): StepSummary['gate'] =>
  gate === null
    ? null
    : {
        openedAt: gate.openedAt,
        escalatesAt: gate.escalatesAt,
        expiresAt: gate.expiresAt,
        escalated: gate.escalated,
      }

export const awaitedOf = (item: StepState, at: string): StepSummary['awaited'] =>
  awaited(item, at).map(({ group, persons }) => ({ group, persons: [...persons] }))

export const votesOf = (item: StepState): StepSummary['votes'] =>
  item.votes.map(({ person, verdict, round, notAfter }) => ({ person, verdict, round, notAfter }))

type Holder = keyof CaseSummary['turn']['spent']

/** Folds the entries once more, looking at each moment at which the turn passes to somebody else. */
function turnOf(input: {
  readonly caseId: string
  readonly recorded: readonly Recorded[]
  readonly at: string
  readonly openedAt: string
}): CaseSummary['turn'] {
  const spent: Record<Holder, number> = { owner: 0, partner: 0, system: 0 }
  let state = initial(input.caseId)
  let held = { by: ['system'] as readonly string[], since: input.openedAt }
  for (const item of input.recorded) {
    state = evolve(state, item)
    const by = waitingOn(state, item.at)
    if (by.join() === held.by.join()) continue
    spend(spent, { ...held, until: item.at })
    held = { by, since: item.at }
  }
  spend(spent, { ...held, until: input.at })
  return { waitingOn: [...held.by], since: held.since, spent }
}

function spend(
  spent: Record<Holder, number>,
  held: { readonly by: readonly string[]; readonly since: string; readonly until: string },
): void {
  const [first] = held.by
  if (first === undefined) return
  const holder: Holder = first.startsWith('owner:')
    ? 'owner'
    : first.startsWith('partner:')
      ? 'partner'
      : 'system'
  spent[holder] += Math.max(0, Date.parse(held.until) - Date.parse(held.since))
}

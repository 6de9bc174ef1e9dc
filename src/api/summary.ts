/**
 * The summary of a case as its entries tell it: steps, who is awaited, whose *turn* it is and since when, and
 * whose clock ran how long. Pure; opaque ids only.
 */
import type { CaseSummary, StepSummary } from '../contract/http.js'
import { whyOf } from '../contract/why.js'
import { expiredUnder } from '../domain/authority/grace.js'
import type { CaseState, Recorded, StepState } from '../domain/case/case.js'
import { awaited, deadlinesOf, due } from '../domain/case/due.js'
import { missing } from '../domain/case/evidence.js'
import { follow, unread } from '../domain/case/evolve.js'
import { wholeClock } from '../domain/review/clock.js'

/** Null when the entries hold no case. */
export function summaryOf(input: {
  readonly caseId: string
  readonly recorded: readonly Recorded[]
  readonly at: string
  readonly questions: CaseSummary['questions']
}): CaseSummary | null {
  const { caseId, recorded, at, questions } = input
  const { state, turn } = follow(unread(caseId), recorded)
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
    turn: { waitingOn: [...turn.by], since: turn.since },
    clock: wholeClock({ caseId, recorded, until: at }),
    why: whyOf({ state, turn }),
    underExpired: [...expiredUnder(recorded)],
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
    ...deadlinesOf(state),
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
    task: taskTimes(task),
  }
}

const taskTimes = (task: StepState['task']): StepSummary['task'] =>
  task === null
    ? null
    : { expiresAt: task.until, lease: task.lease === null ? null : leaseTimes(task.lease) }

export const leaseTimes = ({
  number,
  until,
}: {
  readonly number: number
  readonly until: string
}) => ({
  number,
  expiresAt: until,
})

export const gateTimes = ({ gate }: StepState): StepSummary['gate'] =>
  gate === null
    ? null
    : {
        openedAt: gate.openedAt,
        escalatesAt: gate.escalatesAt,
        expiresAt: gate.expiresAt,
        escalated: gate.escalated,
        window: gate.window === null ? null : { from: gate.window.from, until: gate.window.until },
      }

export const awaitedOf = (item: StepState, at: string): StepSummary['awaited'] =>
  awaited(item, at).map(({ group, persons }) => ({ group, persons: [...persons] }))

export const votesOf = (item: StepState): StepSummary['votes'] =>
  item.votes.map(({ person, verdict, round, notAfter }) => ({ person, verdict, round, notAfter }))

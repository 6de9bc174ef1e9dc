/**
 * What happens before anything is executed: the plan is drawn, gates open with what was signed for,
 * are satisfied, or run out of time.
 */

import { digest } from '../bytes/digest.js'
import type { Attest } from '../case/attestation.js'
import {
  type CaseState,
  countingVotes,
  type GateWindow,
  isEnding,
  type StepState,
  stepOf,
} from '../case/case.js'
import { currentStep } from '../case/due.js'
import { factsObserved } from '../case/evidence.js'
import { deadlinesFrom, earliest, windowAt } from '../policy/calendar.js'
import { satisfied } from '../policy/quorum.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { CaseEvent, EventOf } from '../shapes/event.js'
import type { Plan, TargetState } from '../shapes/plan.js'
import type { Pack } from '../shapes/policy.js'
import type { ResolvedRequirement } from '../shapes/requirement.js'
import { settled } from './ending.js'

export function plan(
  state: CaseState,
  command: { plan: Plan; attest: Attest },
): CaseEvent[] | Refusal {
  if (state.opened === null || state.plan !== null || isEnding(state))
    return refuse('NOT_DUE', '/plan')
  const planHash = digest(command.plan)
  return [command.attest({ type: 'Planned', plan: command.plan, planHash })]
}

export interface OpenGate {
  readonly stepId: string
  readonly preState: TargetState
  /** stricter(requirement of the case, today's). */
  readonly resolved: ResolvedRequirement
  /** The pack in force, by whose calendar deadlines and windows are counted. */
  readonly pack: Pick<Pack, 'zone' | 'calendar'>
  /** A mandate that was judged to cover this step now. It counts where no decisions given ahead do. */
  readonly mandateId: string | null
  readonly at: string
  readonly attest: Attest
}

/** Opens the gate of the current step. Decisions given ahead are counted at once, if what they wait for was observed. */
export function openGate(state: CaseState, command: OpenGate): CaseEvent[] | Refusal {
  const step = currentStep(state)
  if (step === null || step.step.stepId !== command.stepId || step.phase !== 'pending')
    return refuse('NOT_DUE', `/steps/${command.stepId}`)
  if (isEnding(state)) return refuse('NOT_DUE', '/ending')
  const unmet = step.step.needs.find((fact) => !state.facts.includes(fact))
  if (unmet !== undefined)
    return refuse('CONDITION_UNMET', `/steps/${command.stepId}`, `${unmet} was not observed`)
  const when = whenItRuns({ step, command })
  if (isRefusal(when)) return when
  const opened = command.attest({
    type: 'GateOpened',
    stepId: command.stepId,
    round: step.round + 1,
    preState: command.preState,
    preStateHash: digest(command.preState),
    resolved: command.resolved,
    because: step.because,
    ...when,
  }) as EventOf<'GateOpened'>
  const ahead = whenSatisfiedAhead({ state, step, opened, at: command.at })
  // What was refused under a mandate for another reason than the target's state is a matter for people.
  const again = step.because === null || step.because === 'PRESTATE_CHANGED'
  const mandateId = again ? command.mandateId : null
  return [opened, ...(ahead.length > 0 ? ahead : whenMandated({ opened, mandateId }))]
}

/** Deadlines for silence, and the window that is open or opens next. */
function whenItRuns({
  step,
  command,
}: {
  readonly step: StepState
  readonly command: OpenGate
}): Pick<EventOf<'GateOpened'>, 'escalatesAt' | 'expiresAt' | 'window'> | Refusal {
  const { pack, at, stepId } = command
  const { requirement } = command.resolved
  const { escalatesAt, expiresAt } = deadlinesFrom({ requirement, pack, at })
  const { silence } = step
  const deadlines = {
    escalatesAt: earliest(escalatesAt, silence?.escalatesAt ?? escalatesAt),
    expiresAt: earliest(expiresAt, silence?.expiresAt ?? expiresAt),
  }
  const { windows } = requirement
  if (windows === undefined) return deadlines
  const window = windowAt({ windows, calendar: pack.calendar, at })
  return window === null
    ? refuse('UNSIGNABLE', `/steps/${stepId}/window`, 'no window opens within a year')
    : { ...deadlines, window }
}

const whenMandated = (input: {
  readonly opened: EventOf<'GateOpened'>
  readonly mandateId: string | null
}): CaseEvent[] => {
  const { stepId, round } = input.opened
  const { mandateId } = input
  return mandateId === null
    ? []
    : [{ type: 'GateSatisfied', stepId, round, decisionIds: [], mandateId }]
}

function whenSatisfiedAhead(input: {
  state: CaseState
  step: StepState
  opened: EventOf<'GateOpened'>
  at: string
}): CaseEvent[] {
  const { state, step, opened, at } = input
  const pinned = state.opened?.requirements[opened.stepId]?.requirementHash
  if (
    pinned !== opened.resolved.requirementHash ||
    !factsObserved(state, opened.resolved.requirement)
  )
    return []
  const gate = {
    nonce: opened.preStateHash,
    preStateHash: opened.preStateHash,
    resolved: opened.resolved,
    openedAt: at,
    escalatesAt: opened.escalatesAt,
    expiresAt: opened.expiresAt,
    escalated: 'no',
    window: null,
  } as const
  return whenSatisfied({ ...step, phase: 'open', round: opened.round, gate }, at)
}

/** The end of the wait for signatures, when those that count suffice. */
export function whenSatisfied(step: StepState, at: string): CaseEvent[] {
  const requirement = step.gate?.resolved.requirement
  if (requirement === undefined) return []
  const votes = countingVotes(step, at)
  if (!satisfied({ requirement, votes: votes.map((vote) => vote.person) })) return []
  return [
    {
      type: 'GateSatisfied',
      stepId: step.step.stepId,
      round: step.round,
      decisionIds: votes.map((vote) => vote.decisionId),
      mandateId: null,
    },
  ]
}

/** Silence never approves: it escalates, then expires. An early timer gets "not yet". */
export function passDeadline(
  state: CaseState,
  command: { stepId: string; at: string },
): CaseEvent[] | Refusal {
  const step = stepOf(state, command.stepId)
  const where = `/steps/${command.stepId}`
  if (step === null) return refuse('NOT_DUE', where)
  if (step.phase === 'open' && !isEnding(state) && step.gate !== null)
    return passGate({ state, step, gate: step.gate, at: command.at })
  if (step.phase === 'satisfied' && !isEnding(state) && step.gate?.window != null)
    return passWindow({ step, window: step.gate.window, at: command.at })
  if (step.phase === 'offered' && step.task !== null && step.grant !== null) {
    if (command.at < step.task.until) return refuse('NOT_DUE', where)
    const { grantId } = step.grant
    return settled(state, [{ type: 'TaskExpired', stepId: command.stepId, grantId }])
  }
  return refuse('NOT_DUE', where)
}

function passGate(input: {
  state: CaseState
  step: StepState
  gate: NonNullable<StepState['gate']>
  at: string
}): CaseEvent[] | Refusal {
  const { state, step, gate, at } = input
  const { stepId } = step.step
  if (at >= gate.expiresAt)
    return settled(state, [{ type: 'GateExpired', stepId, round: step.round }])
  if (gate.window !== null && at >= gate.window.until)
    return [{ type: 'WindowClosed', stepId, round: step.round }]
  if (at >= gate.escalatesAt && gate.escalated === 'no')
    return [{ type: 'GateEscalated', stepId, round: step.round }]
  return refuse('NOT_DUE', `/steps/${stepId}`, 'not yet')
}

/** An approval waits for its window, and ends with it. */
function passWindow(input: {
  readonly step: StepState
  readonly window: GateWindow
  readonly at: string
}): CaseEvent[] | Refusal {
  const { step, window, at } = input
  const { stepId } = step.step
  if (at >= window.until) return [{ type: 'WindowClosed', stepId, round: step.round }]
  return window.now === 'shut' && at >= window.from
    ? [{ type: 'WindowOpened', stepId, round: step.round }]
    : refuse('NOT_DUE', `/steps/${stepId}`, 'not yet')
}

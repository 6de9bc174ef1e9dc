/**
 * decide: what may be appended to a case. Each function takes the folded case and a command whose
 * facts were gathered by the caller, and returns the events to append or a refusal. Pure: time is a
 * field, keys are in the authority, the connector's signature is passed in as `attest`.
 */
import { type Judged, judge } from './approval.js'
import type { Authority } from './authority.js'
import {
  type CaseState,
  currentStep,
  evolve,
  inFlight,
  type StepState,
  stepOf,
  undoable,
  type Vote,
} from './case.js'
import { type Digest, digest } from './digest.js'
import type { Verify } from './envelope.js'
import { missing } from './evidence.js'
import { satisfied } from './quorum.js'
import { isRefusal, type Refusal, type RefusalCode, refuse } from './refusal.js'
import type { Fact } from './shapes/basic.js'
import type { Envelope } from './shapes/envelope.js'
import type { AttestedEvent, CaseEvent, EventOf } from './shapes/event.js'
import type { Plan, TargetState } from './shapes/plan.js'
import type { Requirement, ResolvedRequirement } from './shapes/requirement.js'

/** Recorded refusals per case; further ones are counted, so that noise cannot fill a case. */
export const MAX_RECORDED_REFUSALS = 50

type Unattested<Event extends AttestedEvent = AttestedEvent> = Event extends AttestedEvent
  ? Omit<Event, 'attestation'>
  : never
/** Signs the event for this case with the connector's key. */
export type Attest = (event: Unattested) => AttestedEvent

// ---- decisions -----------------------------------------------------------------------------------

export interface AdmitDecision {
  readonly envelope: Envelope
  readonly authority: Authority
  readonly verify: Verify
  readonly at: string
}

export interface Admitted {
  readonly judged: Judged
  readonly events: readonly CaseEvent[]
}

/** A decision is admitted once: the same one again is not a new event, another one under its id is a replay. */
export function admitDecision(state: CaseState, command: AdmitDecision): Admitted | Refusal {
  const judged = judge({ ...command, state })
  if (isRefusal(judged)) return judged
  const { decision, votes } = judged
  if (decision.decisionId in state.decisions) return refuse('REPLAYED', '/decisionId')
  const step = stepOf(state, decision.stepId)
  if (step === null) return refuse('WRONG_STEP', '/stepId')
  const again = countingVotes(step, command.at).some((vote) => vote.person === votes)
  if (again && decision.verdict === 'approve') return refuse('PERSON_COUNTED', '/personId')
  const { version, hash } = command.authority
  const admitted: EventOf<'DecisionAdmitted'> = {
    type: 'DecisionAdmitted',
    stepId: decision.stepId,
    round: judged.round,
    decisionId: decision.decisionId,
    verdict: decision.verdict,
    votes,
    signedBy: judged.signedBy,
    notAfter: decision.notAfter,
    envelope: command.envelope,
    authority: { version, hash },
  }
  const events = [admitted, ...consequences({ step, judged, at: command.at })]
  return { judged, events: settled(state, events) }
}

function consequences(input: { step: StepState; judged: Judged; at: string }): CaseEvent[] {
  const { step, judged, at } = input
  const { decision } = judged
  const { stepId } = step.step
  if (decision.verdict === 'ask') return []
  if (decision.verdict === 'decline') {
    const declined: CaseEvent = { type: 'GateDeclined', stepId, decisionId: decision.decisionId }
    return [declined]
  }
  if (step.phase !== 'open') return []
  const vote: Vote = {
    decisionId: decision.decisionId,
    person: judged.votes,
    verdict: decision.verdict,
    round: judged.round,
    notAfter: decision.notAfter,
  }
  return whenSatisfied({ ...step, votes: [...step.votes, vote] }, at)
}

/**
 * Adds the end of the case when these events leave it nothing to do: it is ending, no step is in
 * flight, and nothing is left that can be undone.
 */
function settled(state: CaseState, events: readonly CaseEvent[]): CaseEvent[] {
  const after = events.reduce<CaseState>(
    (folded, event) => evolve(folded, { seq: folded.seq + 1, hash: NO_HASH, at: '', event }),
    state,
  )
  const { ending } = after
  if (ending === null || after.outcome !== null) return [...events]
  if (inFlight(after) !== null || undoable(after) !== null) return [...events]
  const undone = after.steps.some((item) => item.phase === 'undone')
  return [...events, { type: 'CaseClosed', outcome: undone ? 'rolled-back' : ending }]
}
const NO_HASH: Digest = 'sha256:'

const isEnding = (state: CaseState): boolean => state.ending !== null || state.outcome !== null

/** The approvals that count at this gate now: of this round or given ahead, and still in force. */
export const countingVotes = (step: StepState, at: string): readonly Vote[] =>
  step.votes.filter(
    (vote) =>
      vote.verdict === 'approve' &&
      (vote.round === 0 || vote.round === step.round) &&
      at < vote.notAfter,
  )

function whenSatisfied(step: StepState, at: string): CaseEvent[] {
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
    },
  ]
}

/** How a refused message is recorded: one entry each up to the cap, then a count. */
export function recordRefusal(
  state: CaseState,
  refused: { refusal: Refusal; sent: Digest; door: 'api' | 'signal' },
): CaseEvent[] {
  if (state.opened === null) return []
  const { refusal, sent, door } = refused
  if (state.refusals >= MAX_RECORDED_REFUSALS) return [{ type: 'RefusalsCounted', count: 1 }]
  const { refused: code, where } = refusal
  return [{ type: 'DecisionRefused', code, where: where.slice(0, 200), sent, door }]
}

// ---- plan and gates ------------------------------------------------------------------------------

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
  readonly at: string
  readonly attest: Attest
}

/** Opens the gate of the current step. Decisions given ahead are counted at once, if what they wait for was observed. */
export function openGate(state: CaseState, command: OpenGate): CaseEvent[] | Refusal {
  const step = currentStep(state)
  if (step === null || step.step.stepId !== command.stepId || step.phase !== 'pending')
    return refuse('NOT_DUE', `/steps/${command.stepId}`)
  if (state.ending !== null || state.outcome !== null) return refuse('NOT_DUE', '/ending')
  const unmet = step.step.needs.find((fact) => !state.facts.includes(fact))
  if (unmet !== undefined)
    return refuse('CONDITION_UNMET', `/steps/${command.stepId}`, `${unmet} was not observed`)
  const { requirement } = command.resolved
  const opened = command.attest({
    type: 'GateOpened',
    stepId: command.stepId,
    round: step.round + 1,
    preState: command.preState,
    preStateHash: digest(command.preState),
    resolved: command.resolved,
    escalatesAt: later(command.at, requirement.escalateAfterMs),
    expiresAt: later(command.at, requirement.expireAfterMs),
    because: step.because,
  }) as EventOf<'GateOpened'>
  return [opened, ...whenSatisfiedAhead({ state, step, opened, at: command.at })]
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
  } as const
  return whenSatisfied({ ...step, phase: 'open', round: opened.round, gate }, at)
}

export const factsObserved = (state: CaseState, requirement: Requirement): boolean =>
  requirement.facts.every((fact) => state.facts.includes(fact))

const later = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString()

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
  if (at >= gate.escalatesAt && gate.escalated === 'no')
    return [{ type: 'GateEscalated', stepId, round: step.round }]
  return refuse('NOT_DUE', `/steps/${stepId}`, 'not yet')
}

export function fence(
  state: CaseState,
  command: Omit<EventOf<'CaseFenced'>, 'type'>,
): CaseEvent[] | Refusal {
  if (state.opened === null || isEnding(state)) return refuse('NOT_DUE', '/ending')
  const offered = state.steps.find((item) => item.phase === 'offered')
  const { stepId } = offered?.step ?? {}
  const withdrawn: CaseEvent[] =
    offered?.grant && stepId !== undefined
      ? [{ type: 'TaskExpired', stepId, grantId: offered.grant.grantId }]
      : []
  return settled(state, [{ type: 'CaseFenced', ...command }, ...withdrawn])
}

// ---- execution (connector only) ------------------------------------------------------------------

export interface Grant {
  readonly stepId: string
  readonly grantId: string
  readonly fencingToken: number
  readonly decisionIds: readonly string[]
  readonly authority: { readonly version: number; readonly hash: Digest }
  readonly attest: Attest
}

export function grant(state: CaseState, command: Grant): CaseEvent[] | Refusal {
  const step = stepOf(state, command.stepId)
  if (
    step?.gate === null ||
    step?.gate === undefined ||
    state.planHash === null ||
    step.phase !== 'satisfied' ||
    isEnding(state)
  )
    return refuse('NOT_DUE', `/steps/${command.stepId}`)
  return [
    command.attest({
      type: 'Granted',
      stepId: command.stepId,
      round: step.round,
      grantId: command.grantId,
      fencingToken: command.fencingToken,
      planHash: state.planHash,
      requirementHash: step.gate.resolved.requirementHash,
      preStateHash: step.gate.preStateHash,
      decisionIds: [...command.decisionIds],
      mandateId: null,
      authority: { ...command.authority },
    }),
  ]
}

export function refuseAtGate(
  state: CaseState,
  command: { stepId: string; refusal: Refusal; attest: Attest },
): CaseEvent[] | Refusal {
  const step = stepOf(state, command.stepId)
  if (step === null || step.phase !== 'satisfied' || isEnding(state))
    return refuse('NOT_DUE', `/steps/${command.stepId}`)
  const { refused: code, detail } = command.refusal
  const { stepId, attest } = command
  return [
    attest({ type: 'GateRefused', stepId, round: step.round, code, detail: detail.slice(0, 300) }),
  ]
}

/** Afterwards the step holds exactly this grant, and is not finished. */
export function holdsGrant(
  state: CaseState,
  held: { stepId: string; grantId: string },
): StepState | Refusal {
  const step = stepOf(state, held.stepId)
  const where = `/steps/${held.stepId}`
  if (step === null || step.grant?.grantId !== held.grantId)
    return refuse('NOT_DUE', where, 'another grant')
  if (state.outcome !== null) return refuse('NOT_DUE', where, 'the case is closed')
  const live = ['granted', 'offered', 'claimed', 'failed'].includes(step.phase)
  return live ? step : refuse('NOT_DUE', where, 'the step is finished')
}

/** The last step's end closes the case; `evidence-complete` is a fact once nothing required is missing. */
export function finishStep(
  state: CaseState,
  command: { stepId: string; grantId: string; facts: readonly Fact[]; attest: Attest },
): CaseEvent[] | Refusal {
  const step = holdsGrant(state, command)
  if (isRefusal(step)) return step
  const until = step.step.executor === 'partner' ? 'claimed' : 'granted'
  if (step.phase !== until) return refuse('NOT_DUE', `/steps/${command.stepId}`, `not ${until}`)
  const facts = [...new Set([...command.facts])]
  const known: CaseState = { ...state, facts: [...state.facts, ...facts] }
  const complete: Fact[] = missing(known).length === 0 ? ['evidence-complete'] : []
  const { stepId, grantId, attest } = command
  const performed = attest({
    type: 'StepPerformed',
    stepId,
    grantId,
    facts: [...new Set([...facts, ...complete])],
  })
  const last = state.steps.at(-1)?.step.stepId === stepId
  if (last && !isEnding(state)) return [performed, { type: 'CaseClosed', outcome: 'completed' }]
  return settled(state, [performed])
}

export function failStep(
  state: CaseState,
  command: {
    stepId: string
    grantId: string
    code: RefusalCode
    target: 'clean' | 'dirty'
    attest: Attest
  },
): CaseEvent[] | Refusal {
  const step = holdsGrant(state, command)
  if (isRefusal(step)) return step
  if (step.phase !== 'granted' && step.phase !== 'claimed')
    return refuse('NOT_DUE', `/steps/${command.stepId}`, 'not in progress')
  const { stepId, grantId, code, target, attest } = command
  return settled(state, [attest({ type: 'StepFailed', stepId, grantId, code, target })])
}

/** A rollback ends the step's failure, or, when the case is ending, is followed by the next step to undo. */
export function undoStep(
  state: CaseState,
  command: { stepId: string; grantId: string; observed: Record<string, string>; attest: Attest },
): CaseEvent[] | Refusal {
  const { stepId, grantId, observed, attest } = command
  const step = stepOf(state, command.stepId)
  if (step === null || step.grant?.grantId !== command.grantId)
    return refuse('NOT_DUE', `/steps/${command.stepId}`)
  const owed = step.phase === 'failed' || (state.ending !== null && undoable(state) === step)
  if (!owed) return refuse('NOT_DUE', `/steps/${command.stepId}`)
  return settled(state, [attest({ type: 'StepUndone', stepId, grantId, observed })])
}

/** The claim counts for nothing: the task is open again, unless the case is ending. */
export function contradictClaim(
  state: CaseState,
  command: { stepId: string; claimId: string; observed: Record<string, string>; attest: Attest },
): CaseEvent[] | Refusal {
  const { stepId, claimId, observed, attest } = command
  const step = stepOf(state, stepId)
  if (step?.phase !== 'claimed' || step.task?.claimId !== claimId || step.grant === null)
    return refuse('NOT_DUE', `/steps/${stepId}`)
  const { grantId } = step.grant
  const contradicted = attest({ type: 'ClaimContradicted', stepId, grantId, claimId, observed })
  const expired: CaseEvent[] = isEnding(state) ? [{ type: 'TaskExpired', stepId, grantId }] : []
  return settled(state, [contradicted, ...expired])
}

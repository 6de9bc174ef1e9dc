/**
 * evolve: how an entry changes a case. The only writer of state; a case is the fold of its entries.
 * Part of the workflow bundle: no cryptography and no policy here.
 */

import type { RefusalCode } from '../refusal.js'
import type { Fact, Span } from '../shapes/basic.js'
import type { CaseEvent, EventOf } from '../shapes/event.js'
import type { Step } from '../shapes/plan.js'
import {
  type CaseState,
  type Gate,
  type GateWindow,
  hasRollback,
  initial,
  type Recorded,
  type StepState,
  type Task,
  type Vote,
} from './case.js'
import { isInFlight, type Turn, turnAfter } from './due.js'

export function evolve(state: CaseState, recorded: Recorded): CaseState {
  const moved = { ...state, seq: recorded.seq, head: recorded.hash }
  const { event } = recorded
  switch (event.type) {
    case 'CaseOpened':
      return { ...moved, opened: event, openedAt: recorded.at }
    case 'Planned':
      return {
        ...moved,
        plan: event.plan,
        planHash: event.planHash,
        steps: event.plan.steps.map(fresh),
      }
    case 'DecisionAdmitted':
      return {
        ...withStep(moved, event.stepId, (item) => ({
          ...item,
          votes: [...item.votes, voteOf(event)],
        })),
        decisions: { ...state.decisions, [event.decisionId]: event.stepId },
      }
    case 'DecisionRefused':
      return { ...moved, refusals: state.refusals + 1 }
    case 'RefusalsCounted':
      return { ...moved, refusals: state.refusals + event.count }
    case 'OperationObserved':
      return { ...moved, facts: union(state.facts, event.facts) }
    case 'StepPerformed':
      return {
        ...withStep(moved, event.stepId, (item) => ({
          ...item,
          phase: 'performed',
          because: null,
          left: 'something',
        })),
        facts: union(state.facts, event.facts),
      }
    case 'GateDeclined':
      return {
        ...withStep(moved, event.stepId, (item) => ({ ...item, phase: 'declined' })),
        ending: 'declined',
      }
    case 'GateExpired':
      return {
        ...withStep(moved, event.stepId, (item) => ({ ...item, phase: 'expired' })),
        ending: 'expired',
      }
    case 'CaseFenced':
      return { ...moved, ending: event.speed === 'cut' ? 'superseded' : 'fenced' }
    case 'CaseClosed':
      return { ...moved, outcome: event.outcome }
    case 'CaseResumed':
      return { ...moved, steps: state.steps.map((item) => resumed(item, event)) }
    case 'FindingRecorded':
    case 'WorkflowRecovered':
    case 'TargetSeen':
      return moved
    case 'StepFailed':
    case 'TaskExpired':
      return withStep(withoutAhead(moved, event.stepId), event.stepId, (item) =>
        evolveStep({ item, event, recorded, state }),
      )
    default:
      return withStep(moved, event.stepId, (item) => evolveStep({ item, event, recorded, state }))
  }
}

type StepEvent = Exclude<
  CaseEvent,
  EventOf<
    | 'CaseOpened'
    | 'Planned'
    | 'DecisionAdmitted'
    | 'DecisionRefused'
    | 'RefusalsCounted'
    | 'OperationObserved'
    | 'StepPerformed'
    | 'GateDeclined'
    | 'GateExpired'
    | 'CaseFenced'
    | 'CaseClosed'
    | 'FindingRecorded'
    | 'WorkflowRecovered'
    | 'TargetSeen'
    | 'CaseResumed'
  >
>

interface StepChange {
  readonly item: StepState
  readonly event: StepEvent
  readonly recorded: Recorded
  readonly state: CaseState
}

function evolveStep({ item, event, recorded, state }: StepChange): StepState {
  switch (event.type) {
    case 'GateOpened':
      return {
        ...item,
        phase: 'open',
        round: event.round,
        gate: gateOf(event, recorded),
        silence: null,
        votes: isPinned(state, event) ? item.votes : [],
        mandateId: null,
        grant: null,
        task: null,
      }
    case 'GateSatisfied':
      return { ...windowAt(item, recorded.at), phase: 'satisfied', mandateId: event.mandateId }
    case 'WindowOpened':
      return item.gate?.window == null
        ? item
        : { ...item, gate: { ...item.gate, window: { ...item.gate.window, now: 'open' } } }
    case 'WindowClosed':
      return {
        ...again(item, 'OUTSIDE_WINDOW'),
        silence: item.phase === 'open' ? silenceAt(item.gate) : null,
      }
    case 'GateEscalated':
      return { ...item, gate: item.gate === null ? null : { ...item.gate, escalated: 'yes' } }
    case 'GateRefused':
      return again(item, event.code)
    case 'Granted':
      return {
        ...item,
        phase: 'granted',
        grant: { grantId: event.grantId, fencingToken: event.fencingToken },
      }
    case 'TaskOffered':
      return {
        ...item,
        phase: 'offered',
        task: { until: event.until, leases: 0, lease: null, claimId: null },
      }
    case 'TaskLeased':
      return {
        ...withTask(item, {
          leases: event.lease,
          lease: { number: event.lease, until: event.until },
        }),
        left: 'something',
      }
    case 'ClaimRecorded':
      return { ...withTask(item, { claimId: event.claimId }), phase: 'claimed' }
    case 'ClaimContradicted':
      return {
        ...withTask(item, { claimId: null, lease: null }),
        phase: 'offered',
        because: 'CLAIM_CONTRADICTED',
      }
    case 'TaskExpired':
      return again(item, 'LEASE_LOST')
    case 'StepFailed':
      return event.target === 'dirty'
        ? { ...item, phase: 'failed', because: event.code as RefusalCode, left: 'something' }
        : again(item, event.code)
    case 'StepUndone':
      return undone({ item, event, state })
  }
}

function undone(change: {
  readonly item: StepState
  readonly event: EventOf<'StepUndone'>
  readonly state: CaseState
}): StepState {
  const { item, event, state } = change
  const after: StepState = hasRollback(item.step) ? { ...item, left: event.left } : item
  return state.ending === null ? again(after, item.because) : { ...after, phase: 'undone' }
}

const fresh = (step: Step): StepState => ({
  step,
  phase: 'pending',
  round: 0,
  because: null,
  gate: null,
  silence: null,
  votes: [],
  mandateId: null,
  grant: null,
  task: null,
  left: 'nothing',
})

/** Back before the gate: what was signed for this gate no longer counts, and the record says why. */
const again = (item: StepState, because: string | null): StepState => ({
  ...fresh(item.step),
  round: item.round,
  left: item.left,
  because: because as RefusalCode | null,
})

/** Grants and signatures of before are over; what they did stays as it is. */
function resumed(item: StepState, { voided }: EventOf<'CaseResumed'>): StepState {
  const flying = isInFlight(item)
  const left = flying || item.left !== 'nothing' ? 'for-good' : 'nothing'
  if (voided.includes(item.step.stepId)) return again({ ...item, left }, 'ENTRIES_LOST')
  return flying ? item : { ...item, left }
}

/** What was signed ahead was signed for the requirement of the opening; a gate with another one voids it. */
const isPinned = (state: CaseState, { stepId, resolved }: EventOf<'GateOpened'>): boolean =>
  state.opened?.requirements[stepId]?.requirementHash === resolved.requirementHash

/** A decision given ahead counts on every step before it going as planned. */
const withoutAhead = (state: CaseState, failed: string): CaseState => {
  const from = state.steps.findIndex((item) => item.step.stepId === failed)
  const later = (index: number) => from >= 0 && index > from
  const steps = state.steps.map((item, index) => (later(index) ? { ...item, votes: [] } : item))
  return { ...state, steps }
}

const gateOf = (event: EventOf<'GateOpened'>, recorded: Recorded): Gate => ({
  nonce: recorded.hash,
  preStateHash: event.preStateHash,
  resolved: event.resolved,
  openedAt: recorded.at,
  escalatesAt: event.escalatesAt,
  expiresAt: event.expiresAt,
  escalated: 'no',
  window: event.window === undefined ? null : windowNow(event.window, recorded.at),
})

const windowNow = ({ from, until }: Span, at: string): GateWindow => ({
  from,
  until,
  now: at < from ? 'shut' : 'open',
})

const silenceAt = (gate: Gate | null): StepState['silence'] =>
  gate === null ? null : { escalatesAt: gate.escalatesAt, expiresAt: gate.expiresAt }

const windowAt = (item: StepState, at: string): StepState =>
  item.gate?.window == null
    ? item
    : { ...item, gate: { ...item.gate, window: windowNow(item.gate.window, at) } }

const voteOf = (event: EventOf<'DecisionAdmitted'>): Vote => ({
  decisionId: event.decisionId,
  person: event.votes,
  signedBy: event.signedBy,
  verdict: event.verdict,
  round: event.round,
  notAfter: event.notAfter,
})

const withTask = (item: StepState, change: Partial<Task>): StepState => ({
  ...item,
  task: item.task === null ? null : { ...item.task, ...change },
})

const withStep = (
  state: CaseState,
  stepId: string,
  change: (item: StepState) => StepState,
): CaseState => ({
  ...state,
  steps: state.steps.map((item) => (item.step.stepId === stepId ? change(item) : item)),
})

const union = (left: readonly Fact[], right: readonly Fact[]): readonly Fact[] => [
  ...left,
  ...right.filter((fact) => !left.includes(fact)),
]

export const fold = (caseId: string, recorded: readonly Recorded[]): CaseState =>
  recorded.reduce(evolve, initial(caseId))

/** A case, and whose turn it is, as somebody has read it so far. */
export interface Followed {
  readonly state: CaseState
  readonly turn: Turn
}

export const unread = (caseId: string): Followed => ({
  state: initial(caseId),
  turn: { by: [], since: '' },
})

/**
 * Two sources may tell the same events: each is folded once, in order. Events that begin again with the
 * first mean that the reader was told something that the ledger does not hold; then all is folded anew.
 */
export function follow(followed: Followed, events: readonly Recorded[]): Followed {
  let { state, turn } =
    followed.state.seq > 0 && events[0]?.seq === 1 ? unread(followed.state.caseId) : followed
  for (const event of events) {
    if (event.seq !== state.seq + 1) continue
    state = evolve(state, event)
    turn = turnAfter(turn, { state, at: event.at })
  }
  return { state, turn }
}

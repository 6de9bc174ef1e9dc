/**
 * A case is the fold of its entries.
 *   evolve(state, recorded) -> state   the only writer of state
 *   due(state) -> Due                  what the world owes this case next
 * Both are pure and free of cryptography and policy, so they run inside the workflow as they run in
 * the store, the API and the verifier. What may be appended is decided in decide.ts.
 */
import type { Digest } from './digest.js'
import type { RefusalCode } from './refusal.js'
import type { Fact } from './shapes/basic.js'
import type { Verdict } from './shapes/envelope.js'
import type { CaseEvent, CaseOpened, EventOf } from './shapes/event.js'
import type { Plan, Step } from './shapes/plan.js'
import type { ResolvedRequirement } from './shapes/requirement.js'

/** An event as the ledger holds it. `hash` is the leaf hash of its entry; `at` is the database's clock. */
export interface Recorded<Event extends CaseEvent = CaseEvent> {
  readonly seq: number
  readonly hash: Digest
  readonly at: string
  readonly event: Event
}

export interface Vote {
  readonly decisionId: string
  readonly person: string
  readonly verdict: Verdict
  /** 0 when given ahead. */
  readonly round: number
  readonly notAfter: string
}

/** pending → open → satisfied → granted → (offered → claimed →) performed; failed is undone, then pending again. */
export type StepPhase =
  | 'pending'
  | 'open'
  | 'satisfied'
  | 'granted'
  | 'offered'
  | 'claimed'
  | 'failed'
  | 'performed'
  | 'declined'
  | 'expired'
  | 'undone'

export interface Gate {
  readonly nonce: Digest
  readonly preStateHash: Digest
  readonly resolved: ResolvedRequirement
  readonly openedAt: string
  readonly escalatesAt: string
  readonly expiresAt: string
  readonly escalated: 'no' | 'yes'
}

export interface Task {
  readonly until: string
  /** How often it was leased so far: a lease's number is never used twice. */
  readonly leases: number
  readonly lease: { readonly number: number; readonly until: string } | null
  readonly claimId: string | null
}

export interface StepState {
  readonly step: Step
  readonly phase: StepPhase
  readonly round: number
  readonly because: RefusalCode | null
  readonly gate: Gate | null
  readonly votes: readonly Vote[]
  readonly grant: { readonly grantId: string; readonly fencingToken: number } | null
  readonly task: Task | null
}

type Ending = 'declined' | 'expired' | 'fenced'
export type CaseOutcome = EventOf<'CaseClosed'>['outcome']

export interface CaseState {
  readonly caseId: string
  readonly seq: number
  readonly head: Digest | null
  readonly opened: CaseOpened | null
  readonly openedAt: string | null
  readonly plan: Plan | null
  readonly planHash: Digest | null
  readonly steps: readonly StepState[]
  readonly facts: readonly Fact[]
  /** Every decision ever admitted, so that none counts twice. */
  readonly decisions: Readonly<Record<string, string>>
  readonly refusals: number
  readonly ending: Ending | null
  readonly outcome: CaseOutcome | null
}

export const initial = (caseId: string): CaseState => ({
  caseId,
  seq: 0,
  head: null,
  opened: null,
  openedAt: null,
  plan: null,
  planHash: null,
  steps: [],
  facts: [],
  decisions: {},
  refusals: 0,
  ending: null,
  outcome: null,
})

/** What the world owes this case. Exactly one thing at a time. */
export type Due =
  | { readonly kind: 'plan' }
  | { readonly kind: 'open-gate'; readonly stepId: string }
  | {
      readonly kind: 'decision'
      readonly stepId: string
      readonly round: number
      readonly until: string
    }
  | { readonly kind: 'perform'; readonly stepId: string }
  | { readonly kind: 'claim'; readonly stepId: string; readonly until: string }
  | { readonly kind: 'observe'; readonly stepId: string }
  | { readonly kind: 'undo'; readonly stepId: string }
  | { readonly kind: 'closed'; readonly outcome: CaseOutcome }

export function due(state: CaseState): Due {
  if (state.outcome !== null) return { kind: 'closed', outcome: state.outcome }
  if (state.plan === null) return { kind: 'plan' }
  if (state.ending !== null) return dueAtTheEnd(state)
  const current = currentStep(state)
  if (current === null) return { kind: 'closed', outcome: 'completed' }
  return dueOf(current)
}

/** A step that was granted before the case began to end is finished first; then what can be undone is undone. */
function dueAtTheEnd(state: CaseState): Due {
  const flying = inFlight(state)
  if (flying !== null) return dueOf(flying)
  const last = undoable(state)
  if (last !== null) return { kind: 'undo', stepId: last.step.stepId }
  return { kind: 'closed', outcome: state.ending ?? 'completed' }
}

function dueOf(current: StepState): Due {
  const { stepId } = current.step
  switch (current.phase) {
    case 'open':
      return { kind: 'decision', stepId, round: current.round, until: nextDeadline(current) }
    case 'satisfied':
    case 'granted':
      return { kind: 'perform', stepId }
    case 'offered':
      return { kind: 'claim', stepId, until: current.task?.until ?? '' }
    case 'claimed':
      return { kind: 'observe', stepId }
    case 'failed':
      return { kind: 'undo', stepId }
    default:
      return { kind: 'open-gate', stepId }
  }
}

const nextDeadline = ({ gate }: StepState): string =>
  gate === null ? '' : gate.escalated === 'yes' ? gate.expiresAt : gate.escalatesAt

/** The first step that is not performed. Steps are performed in the plan's order only. */
export const currentStep = (state: CaseState): StepState | null =>
  state.steps.find((item) => item.phase !== 'performed' && item.phase !== 'undone') ?? null

export const stepOf = (state: CaseState, stepId: string): StepState | null =>
  state.steps.find((item) => item.step.stepId === stepId) ?? null

/**
 * The step whose own rollback is due when a case ends early: the last one with an effect, as long as
 * it can be undone. A step that cannot be undone protects everything before it.
 */
export function undoable(state: CaseState): StepState | null {
  const last = state.steps.findLast((item) => item.phase === 'performed' || item.phase === 'failed')
  if (last === undefined) return null
  return last.step.undo.some((undo) => undo.op !== 'nothing') ? last : null
}

const IN_FLIGHT: readonly StepPhase[] = ['granted', 'offered', 'claimed', 'failed']

/** The step whose grant has no outcome yet. */
export const inFlight = (state: CaseState): StepState | null =>
  state.steps.find((item) => IN_FLIGHT.includes(item.phase)) ?? null

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
      return { ...moved, ending: 'fenced' }
    case 'CaseClosed':
      return { ...moved, outcome: event.outcome }
    case 'FindingRecorded':
    case 'WorkflowRecovered':
      return moved
    case 'StepFailed':
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
        votes: isPinned(state, event) ? item.votes : [],
        grant: null,
        task: null,
      }
    case 'GateSatisfied':
      return { ...item, phase: 'satisfied' }
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
      return withTask(item, {
        leases: event.lease,
        lease: { number: event.lease, until: event.until },
      })
    case 'ClaimRecorded':
      return { ...withTask(item, { claimId: event.claimId }), phase: 'claimed' }
    case 'ClaimContradicted':
      return { ...withTask(item, { claimId: null, lease: null }), phase: 'offered' }
    case 'TaskExpired':
      return again(item, 'LEASE_LOST')
    case 'StepFailed':
      return event.target === 'dirty'
        ? { ...item, phase: 'failed', because: event.code as RefusalCode }
        : again(item, event.code)
    case 'StepUndone':
      return state.ending === null ? again(item, item.because) : { ...item, phase: 'undone' }
  }
}

const fresh = (step: Step): StepState => ({
  step,
  phase: 'pending',
  round: 0,
  because: null,
  gate: null,
  votes: [],
  grant: null,
  task: null,
})

/** Back before the gate: what was signed for this gate no longer counts, and the record says why. */
const again = (item: StepState, because: string | null): StepState => ({
  ...fresh(item.step),
  round: item.round,
  because: because as RefusalCode | null,
})

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
})

const voteOf = (event: EventOf<'DecisionAdmitted'>): Vote => ({
  decisionId: event.decisionId,
  person: event.votes,
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

/** The approver groups that still lack votes, for whoever asks "who is awaited?". */
export function awaited(
  item: StepState,
): readonly { readonly group: string; readonly persons: readonly string[] }[] {
  if (item.gate === null || item.phase !== 'open') return []
  const voted = item.votes.filter((vote) => vote.verdict === 'approve').map((vote) => vote.person)
  return item.gate.resolved.requirement.groups
    .map((group) => ({
      group: group.name,
      persons: group.persons.filter((person) => !voted.includes(person)),
      missing: group.need - group.persons.filter((person) => voted.includes(person)).length,
    }))
    .filter((group) => group.missing > 0)
    .map(({ group, persons }) => ({ group, persons }))
}

/** Who holds the ball, as opaque words for lists and search attributes: `owner:per_ana`, `partner:com_acme`, `system`. */
export function waitingOn(state: CaseState): readonly string[] {
  const next = due(state)
  if (next.kind === 'closed') return []
  if (next.kind === 'claim') return [`partner:${state.opened?.executor ?? ''}`]
  if (next.kind !== 'decision') return ['system']
  const step = stepOf(state, next.stepId)
  const persons = step === null ? [] : awaited(step).flatMap((group) => group.persons)
  return [...new Set(persons)].sort().map((person) => `owner:${person}`)
}

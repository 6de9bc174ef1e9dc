/**
 * What a case is, and the questions that its state alone answers.
 *   evolve.ts   evolve(state, recorded) -> state   the only writer of state
 *   due.ts      due(state) -> Due                  what the world owes this case next
 *   decide/     command, state -> events | refusal what may be appended
 * The first two are pure and free of cryptography and policy, so they run inside the workflow as they
 * run in the store, the API and the verifier.
 */
import type { Digest } from '../bytes/digest.js'
import type { RefusalCode } from '../refusal.js'
import type { Fact, Span } from '../shapes/basic.js'
import type { Verdict } from '../shapes/envelope.js'
import type { CaseEvent, CaseOpened, EventOf } from '../shapes/event.js'
import type { Plan, Step } from '../shapes/plan.js'
import type { ResolvedRequirement } from '../shapes/requirement.js'

/** An event as the ledger holds it. `hash` is the leaf hash of its entry; `at` is the database's clock. */
export interface Recorded<Event extends CaseEvent = CaseEvent> {
  readonly seq: number
  readonly hash: Digest
  readonly at: string
  readonly event: Event
}

export interface Vote {
  readonly decisionId: string
  /** Whose one vote this is. */
  readonly person: string
  /** Who signed it: that person, or a delegate. */
  readonly signedBy: string
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
  /** The window in which the step begins; null: whenever it is approved. */
  readonly window: GateWindow | null
}

export interface GateWindow extends Span {
  /** Whether what is approved still waits for it. */
  readonly now: 'shut' | 'open'
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
  /** Deadlines of a gate that nobody satisfied before its window was over; the next one keeps them. */
  readonly silence: Pick<Gate, 'escalatesAt' | 'expiresAt'> | null
  readonly votes: readonly Vote[]
  /** The mandate that satisfied the gate instead of decisions. */
  readonly mandateId: string | null
  readonly grant: { readonly grantId: string; readonly fencingToken: number } | null
  readonly task: Task | null
  /**
   * What it may have left behind that no rollback of its own took away: an effect on the target, or a
   * secret with whoever took the task. It outlives the round. `for-good`: from before entries were lost; what became of
   * it since nobody knows, so no rollback touches it.
   */
  readonly left: 'nothing' | 'something' | 'for-good'
}

type Ending = 'declined' | 'expired' | 'fenced' | 'superseded'
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

export const stepOf = (state: CaseState, stepId: string): StepState | null =>
  state.steps.find((item) => item.step.stepId === stepId) ?? null

/** Tests whether the plan has a rollback for this step; without one, what the step leaves behind stays. */
export const hasRollback = (step: Step): boolean => step.undo.some(({ op }) => op !== 'nothing')

/** Tests whether the rollback of this step lets somebody log in again. */
export const givesBack = (step: Step): boolean => step.undo.some(({ op }) => op === 'enable')

/** The approvals that count at this gate now: of this round or given ahead, and still in force. */
export const countingVotes = (step: StepState, at: string): readonly Vote[] =>
  step.votes.filter(
    (vote) =>
      vote.verdict === 'approve' &&
      (vote.round === 0 || vote.round === step.round) &&
      at < vote.notAfter,
  )

/** Tests whether this step gives access in an emergency. */
export const isOpening = (opened: CaseOpened, stepId: string): boolean =>
  opened.asked.kind === 'break-glass' && stepId === 'open'

/** A case that has begun to end gets no new grant; one that has ended, nothing at all. */
export const isEnding = (state: CaseState): boolean =>
  state.ending !== null || state.outcome !== null

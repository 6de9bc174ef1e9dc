/**
 * What the world owes a case next, and who is to give it. Part of the workflow bundle: no cryptography and no policy here.
 */
import {
  type CaseOutcome,
  type CaseState,
  countingVotes,
  givesBack,
  hasRollback,
  type StepPhase,
  type StepState,
  stepOf,
} from './case.js'

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
  | {
      /** It is approved, and its window is not open yet. */
      readonly kind: 'wait'
      readonly stepId: string
      readonly round: number
      readonly until: string
    }
  | {
      readonly kind: 'perform'
      readonly stepId: string
      /** When its window is over, and with it what was approved. */
      readonly until?: string
    }
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
      return dueUnder(current)
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

/** What was approved is performed, within its window if it has one. */
function dueUnder({ step: { stepId }, round, gate }: StepState): Due {
  const window = gate?.window ?? null
  if (window === null) return { kind: 'perform', stepId }
  return window.now === 'shut'
    ? { kind: 'wait', stepId, round, until: window.from }
    : { kind: 'perform', stepId, until: window.until }
}

/** The first moment at which something passes while signatures are awaited. */
function nextDeadline({ gate }: StepState): string {
  if (gate === null) return ''
  const next = gate.escalated === 'yes' ? gate.expiresAt : gate.escalatesAt
  return gate.window !== null && gate.window.until < next ? gate.window.until : next
}

/** When something passes for what is due, if nobody acts; null: nothing does. */
export const dueUntil = (next: Due): string | null =>
  'until' in next && next.until !== undefined && next.until !== '' ? next.until : null

/** The first step that is not performed. Steps are performed in the plan's order only. */
export const currentStep = (state: CaseState): StepState | null =>
  state.steps.find((item) => item.phase !== 'performed' && item.phase !== 'undone') ?? null

/**
 * The step whose own rollback is due when a case ends early: the last one that left anything behind, if
 * it can be undone. One that cannot be undone, or that let a secret out and was not undone since,
 * protects everything before it. Access that was taken away comes back when a person says so, and by no
 * silence and no fence.
 */
export function undoable(state: CaseState): StepState | null {
  const last = state.steps.findLast(({ left }) => left === 'something')
  if (last === undefined || !hasRollback(last.step)) return null
  if (givesBack(last.step) && state.ending !== 'declined') return null
  return last.phase === 'performed' || last.phase === 'failed' ? last : null
}

const IN_FLIGHT: readonly StepPhase[] = ['granted', 'offered', 'claimed', 'failed']

/** The step whose grant has no outcome yet. */
export const inFlight = (state: CaseState): StepState | null => state.steps.find(isInFlight) ?? null

/** Tests whether the step has a grant without an outcome. */
export const isInFlight = ({ phase }: StepState): boolean => IN_FLIGHT.includes(phase)

/** The approver groups that still lack votes that count at `at`, for whoever asks "who is awaited?". */
export function awaited(
  item: StepState,
  at: string,
): readonly { readonly group: string; readonly persons: readonly string[] }[] {
  if (item.gate === null || item.phase !== 'open') return []
  const voted = countingVotes(item, at).map((vote) => vote.person)
  return item.gate.resolved.requirement.groups
    .map((group) => ({
      group: group.name,
      persons: group.persons.filter((person) => !voted.includes(person)),
      missing: group.need - group.persons.filter((person) => voted.includes(person)).length,
    }))
    .filter((group) => group.missing > 0)
    .map(({ group, persons }) => ({ group, persons }))
}

/** Who holds the ball at `at`, as opaque words for lists and search attributes: `owner:per_ana`, `partner:com_acme`, `window`, `system`. */
export function waitingOn(state: CaseState, at: string): readonly string[] {
  const next = due(state)
  if (next.kind === 'closed') return []
  if (next.kind === 'claim') return [`partner:${state.opened?.executor ?? ''}`]
  if (next.kind === 'wait') return ['window']
  if (next.kind !== 'decision') return ['system']
  const step = stepOf(state, next.stepId)
  const persons = step === null ? [] : awaited(step, at).flatMap((group) => group.persons)
  return [...new Set(persons)].sort().map((person) => `owner:${person}`)
}

/** Who holds the ball, and since when nobody else did. */
export interface Turn {
  readonly by: readonly string[]
  readonly since: string
}

/** The turn after what was recorded at `at` has made the case what it is now. */
export function turnAfter(
  turn: Turn,
  input: { readonly state: CaseState; readonly at: string },
): Turn {
  const by = waitingOn(input.state, input.at)
  return turn.since !== '' && by.join() === turn.by.join() ? turn : { by, since: input.at }
}

/** When what the case waits for escalates and expires; null what does not, or no more. */
export interface Deadlines {
  readonly escalatesAt: string | null
  readonly expiresAt: string | null
}

export function deadlinesOf(state: CaseState): Deadlines {
  const next = due(state)
  if (next.kind === 'claim') return { escalatesAt: null, expiresAt: next.until }
  const gate = next.kind === 'decision' ? stepOf(state, next.stepId)?.gate : null
  if (gate === null || gate === undefined) return { escalatesAt: null, expiresAt: null }
  return {
    escalatesAt: gate.escalated === 'yes' ? null : gate.escalatesAt,
    expiresAt: gate.expiresAt,
  }
}

/**
 * Why a case stands where it stands, in words that are the same in the command line, in the API and in Temporal's
 * details: who holds the ball, since when, for what, when that escalates and expires, and what happens when nobody
 * acts. Pure, and part of the workflow bundle. Opaque ids only.
 */
import { type CaseState, givesBack, stepOf } from '../domain/case/case.js'
import { type Deadlines, type Due, deadlinesOf, due, type Turn } from '../domain/case/due.js'
import type { Span } from '../domain/shapes/basic.js'

/** `escalates at …, expires at …`: the only words for these two moments; empty for neither. */
export const deadlineWords = ({ escalatesAt, expiresAt }: Deadlines): string =>
  [
    ...(escalatesAt === null ? [] : [`escalates at ${escalatesAt}`]),
    ...(expiresAt === null ? [] : [`expires at ${expiresAt}`]),
  ].join(', ')

/** The only words for the window in which a step begins. */
export const windowWords = ({ from, until }: Span): string => `the window from ${from} to ${until}`

/** The same for a gate, which keeps the moment at which it escalated, and says in which window its step begins. */
export const gateWords = (gate: {
  readonly escalatesAt: string
  readonly expiresAt: string
  readonly escalated: 'no' | 'yes'
  readonly window: Span | null
}): string =>
  [
    gate.escalated === 'yes'
      ? `escalated, ${deadlineWords({ escalatesAt: null, expiresAt: gate.expiresAt })}`
      : deadlineWords(gate),
    ...(gate.window === null ? [] : [`for ${windowWords(gate.window)}`]),
  ].join(', ')

const WORK: Readonly<
  Record<Exclude<Due['kind'], 'closed' | 'decision' | 'wait' | 'claim'>, string>
> = {
  plan: 'looks at the target and draws the plan',
  'open-gate': 'observes the target and opens the gate of',
  perform: 'performs',
  observe: 'checks on the target what was claimed of',
  undo: 'rolls back',
}

export function whyOf({ state, turn }: { readonly state: CaseState; readonly turn: Turn }): string {
  const next = due(state)
  if (next.kind === 'closed')
    return `Nobody holds the ball: the case is closed, ${next.outcome}, since ${turn.since}.`
  const holders = turn.by.join(', ')
  const what = 'stepId' in next ? stepWords(state, next.stepId) : ''
  const when = deadlineWords(deadlinesOf(state))
  const gate = 'stepId' in next ? stepOf(state, next.stepId)?.gate : null
  const window = gate?.window == null ? '' : windowWords(gate.window)
  if (next.kind === 'decision') {
    const begins = window === '' ? '' : ` It is for ${window}, and ends with it.`
    return `${holders} holds the ball since ${turn.since}, to decide on ${what}: ${when}.${begins} ${silenceAtGate(state)}`
  }
  if (next.kind === 'wait')
    return `${holders} holds the ball since ${turn.since}: ${what} is approved, waits for ${window}. No person is awaited, and a decline still stops it; what is not begun by then is no longer approved, and its gate opens again.`
  if (next.kind === 'claim')
    return `${holders} holds the ball since ${turn.since}, to do ${what}: ${when}. When nobody acts the task ends, and the gate opens again for its owners.`
  const target = state.opened?.systemId ?? 'the target'
  const work = [WORK[next.kind], what].filter((text) => text !== '').join(' ')
  return `${holders} holds the ball since ${turn.since}: the connector of ${target} ${work}. No person is awaited; a fault is tried again, and nothing is changed beyond what was granted.`
}

function silenceAtGate(state: CaseState): string {
  const off = state.steps.some(({ step, left }) => left === 'something' && givesBack(step))
  const after = off
    ? 'and what was taken away stays away'
    : 'and what can be rolled back is rolled back'
  return deadlinesOf(state).escalatesAt === null
    ? `When nobody acts the case ends expired, ${after}.`
    : `When nobody acts the gate escalates; then the case ends expired, ${after}.`
}

function stepWords(state: CaseState, stepId: string): string {
  const item = stepOf(state, stepId)
  if (item === null) return stepId
  const again = item.because === null ? '' : `, again because of ${item.because}`
  return `${stepId} (${item.step.title}${again})`
}

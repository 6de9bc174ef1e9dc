/** Observations of a step's operations as the case holds them, and what follows from them for the next. */
import type { Recorded, StepState } from '../domain/case/case.js'
import type { Fact } from '../domain/shapes/basic.js'
import type { CaseEvent, EventOf } from '../domain/shapes/event.js'
import type { Operation, TargetState } from '../domain/shapes/plan.js'
import type { StepOf } from './deps.js'
import type { Seen } from './seen.js'

/** What is recorded of one operation, before it is attested. */
export type Observation = Omit<EventOf<'OperationObserved'>, 'attestation'>

export const observation = (input: {
  at: StepOf
  grantId: string
  place: number
  op: Operation
  seen: Seen
  startedAt: string
}): Observation => ({
  type: 'OperationObserved',
  stepId: input.at.stepId,
  grantId: input.grantId,
  place: input.place,
  op: input.op.op,
  outcome: input.seen.outcome,
  code: input.seen.code,
  facts: [...input.seen.facts],
  observed: { ...input.seen.observed },
  startedAt: input.startedAt,
  endedAt: new Date().toISOString(),
})

export const isDone = (
  recorded: readonly Recorded[],
  of: { readonly grantId: string; readonly place: number },
): boolean =>
  recorded.some(
    ({ event }) =>
      event.type === 'OperationObserved' &&
      event.grantId === of.grantId &&
      event.place === of.place &&
      (event.outcome === 'done' || event.outcome === 'already'),
  )

/** The pre-state of the gate under which the grant was given. */
export function signedState(input: {
  recorded: readonly Recorded[]
  step: StepState
}): TargetState {
  const nonce = input.step.gate?.nonce
  const opened = input.recorded.find(({ hash }) => hash === nonce)?.event
  if (opened?.type !== 'GateOpened') throw new TypeError('a granted step without its gate')
  return opened.preState
}

const CONTROLS: readonly string[] = ['observe-unused', 'observe-accepted', 'hold-open']

/** The credentials whose stored secret was seen to log in earlier in this case: the control of their death. */
export const controlledIn = (events: readonly (CaseEvent | Observation)[]): ReadonlySet<string> =>
  new Set(
    events.flatMap((event) =>
      event.type === 'OperationObserved' &&
      CONTROLS.includes(event.op) &&
      event.outcome === 'done' &&
      event.observed.control === 'accepted'
        ? [event.observed.credential ?? '']
        : [],
    ),
  )

export const factsUnder = (recorded: readonly Recorded[], grantId: string): Fact[] =>
  recorded.flatMap(({ event }) =>
    event.type === 'OperationObserved' && event.grantId === grantId ? event.facts : [],
  )

/**
 * How a case ends early. A fence ends it at once; whatever else does, no step stays in flight and
 * nothing that can be undone is left behind before it closes.
 */

import type { Digest } from '../bytes/digest.js'
import { type CaseState, isEnding } from '../case/case.js'
import { inFlight, undoable } from '../case/due.js'
import { evolve } from '../case/evolve.js'
import { type Refusal, refuse } from '../refusal.js'
import type { CaseEvent, EventOf } from '../shapes/event.js'

/**
 * Adds the end of the case when these events leave it nothing to do: it is ending, no step is in
 * flight, and nothing is left that can be undone.
 */
export function settled(state: CaseState, events: readonly CaseEvent[]): CaseEvent[] {
  const after = events.reduce<CaseState>(
    (folded, event) => evolve(folded, { seq: folded.seq + 1, hash: NO_HASH, at: '', event }),
    state,
  )
  const { ending } = after
  if (ending === null || after.outcome !== null) return [...events]
  if (inFlight(after) !== null || undoable(after) !== null) return [...events]
  // What went before is why it is over, rolled back or not.
  const outcome = ending !== 'superseded' && isRolledBack(after) ? 'rolled-back' : ending
  return [...events, { type: 'CaseClosed', outcome }]
}
const NO_HASH: Digest = 'sha256:'

/** Something was undone, and nothing is left of what any step did. */
const isRolledBack = ({ steps }: CaseState): boolean =>
  steps.some(({ phase }) => phase === 'undone') && steps.every(({ left }) => left === 'nothing')

/** A task that nobody has claimed yet is withdrawn with it. */

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

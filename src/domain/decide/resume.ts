/**
 * A case that was open when entries of the log were lost goes on in the successor log. Nobody knows what was declined,
 * granted or done in between, so everybody signs anew and no grant of before is used; what takes access away at once
 * goes on.
 */

import type { Digest } from '../bytes/digest.js'
import { type CaseState, isOpening, type Recorded, type StepState } from '../case/case.js'
import { effectOf } from '../case/effect.js'
import { KINDS } from '../kinds.js'
import { type Refusal, refuse } from '../refusal.js'
import type { CaseEvent, CaseOpened } from '../shapes/event.js'
import { settled } from './ending.js'

/** What is done at once is done without the signer too, but for giving access. */
export const goesUnproved = (opened: CaseOpened, stepId: string): boolean =>
  KINDS[opened.asked.kind].urgency === 'at-once' && !isOpening(opened, stepId)

/** A containment, and the end of emergency access. */
const goesOn = (opened: CaseOpened, { step }: StepState): boolean =>
  goesUnproved(opened, step.stepId) && effectOf(step) === 'reduces'

const OVER = ['performed', 'declined', 'expired', 'undone']

/** Refuses NOT_DUE for a case that has ended. */
export function resume(
  state: CaseState,
  { successor }: { readonly successor: Digest },
): CaseEvent[] | Refusal {
  const { opened, outcome } = state
  if (opened === null || outcome !== null) return refuse('NOT_DUE', '/outcome')
  const voided = state.steps
    .filter((item) => !OVER.includes(item.phase) && !goesOn(opened, item))
    .map(({ step }) => step.stepId)
  return settled(state, [{ type: 'CaseResumed', successor, voided }])
}

/** The first entry of a successor log, as far as it bears on cases. */
export interface Successor {
  readonly hash: Digest
  /** The time of the entry. */
  readonly at: string
}

/** The first entry after a successor's beginning of a case that was open then and had not been resumed; null: there is none. */
export function unresumed(
  recorded: readonly Recorded[],
  successors: readonly Successor[],
): Recorded | null {
  for (const { hash, at } of successors) {
    const [first] = recorded
    const before = recorded.filter((item) => item.at <= at)
    const ended = before.some(({ event }) => event.type === 'CaseClosed')
    if (first === undefined || first.at >= at || ended) continue
    const next = recorded.find(
      ({ event }) => event.type === 'CaseResumed' && event.successor === hash,
    )
    const later = recorded.find((item) => item.at > at && item.seq < (next?.seq ?? Infinity))
    if (later !== undefined) return later
  }
  return null
}

/**
 * Findings against a partner are no register: each follows from the entries of one closed demand, for whoever
 * folds them. A dispute that the enterprise upheld withdraws it.
 */
import { type Recorded, stepOf } from './case.js'
import { fold } from './evolve.js'
import type { FindingKind } from './shapes/finding.js'

export interface Finding {
  /** The demand that it follows from. */
  readonly caseId: string
  readonly finding: FindingKind
  /** When the demand was closed. */
  readonly at: string
}

/** The gravest finding that follows from a demand; null while it is open, and when the partner did what it was asked. */
export function findingIn(caseId: string, recorded: readonly Recorded[]): Finding | null {
  const state = fold(caseId, recorded)
  const at = recorded.at(-1)?.at
  if (state.opened?.asked.kind !== 'demand' || state.outcome === null || at === undefined)
    return null
  const finding = gravest({
    lapsed: recorded.some(({ event }) => event.type === 'TaskExpired'),
    answered: stepOf(state, 'ask')?.phase === 'performed',
    declined: stepOf(state, 'accept')?.phase === 'declined',
  })
  return finding === null ? null : { caseId, finding, at }
}

/** Silence of the enterprise is nothing against the partner: only what lapsed, or was declined, is. */
function gravest(demand: {
  readonly lapsed: boolean
  readonly answered: boolean
  readonly declined: boolean
}): FindingKind | null {
  if (demand.declined) return 'rejected'
  if (!demand.lapsed) return null
  return demand.answered ? 'late' : 'missing'
}

/** What became of a dispute: over which demand, and what the enterprise says. Silence withdraws nothing. Null for one that was never planned. */
export function disputeIn(
  caseId: string,
  recorded: readonly Recorded[],
): { readonly demand: string; readonly says: 'open' | 'withdrawn' | 'stands' } | null {
  const { plan, outcome } = fold(caseId, recorded)
  if (plan?.about.kind !== 'dispute') return null
  const { demand } = plan.about
  if (outcome === null) return { demand, says: 'open' }
  return { demand, says: outcome === 'completed' ? 'withdrawn' : 'stands' }
}

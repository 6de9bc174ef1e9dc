/**
 * Findings against a partner are no register: each follows from the entries of one closed demand, or of one signed
 * review, for whoever folds them. A dispute that the enterprise upheld withdraws it.
 */

import type { FindingKind } from '../shapes/finding.js'
import { type Recorded, stepOf } from './case.js'
import { fold } from './evolve.js'

export interface Finding {
  /** The demand or the review that it follows from. */
  readonly caseId: string
  /** Which one of a review, from 1; null of a demand, which has one. */
  readonly item: number | null
  readonly finding: FindingKind
  /** What it is about; empty for a demand, which says so itself. */
  readonly about: string
  /** When the case was closed. */
  readonly at: string
}

/** What follows from a closed demand or a signed review; nothing while it is open. */
export function findingsIn(caseId: string, recorded: readonly Recorded[]): readonly Finding[] {
  const demanded = findingIn(caseId, recorded)
  if (demanded !== null) return [demanded]
  const { plan, outcome } = fold(caseId, recorded)
  const at = recorded.at(-1)?.at ?? ''
  if (plan?.about.kind !== 'partner-review' || outcome !== 'completed') return []
  return plan.about.findings.map(({ finding, about }, place) => ({
    ...{ caseId, item: place + 1, finding, about, at },
  }))
}

/** The finding that a dispute names among those that follow from the case; null when there is none. */
export const findingNamed = (
  findings: readonly Finding[],
  item: number | undefined,
): Finding | null => findings.find((one) => one.item === (item ?? null)) ?? null

/** The gravest finding that follows from a demand; null while it is open, and when the partner did what it was asked. */
function findingIn(caseId: string, recorded: readonly Recorded[]): Finding | null {
  const state = fold(caseId, recorded)
  const at = recorded.at(-1)?.at
  if (state.opened?.asked.kind !== 'demand' || state.outcome === null || at === undefined)
    return null
  const finding = gravest({
    lapsed: recorded.some(({ event }) => event.type === 'TaskExpired'),
    answered: stepOf(state, 'ask')?.phase === 'performed',
    declined: stepOf(state, 'accept')?.phase === 'declined',
  })
  return finding === null ? null : { caseId, item: null, finding, about: '', at }
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

/** What became of a dispute: over which finding, and what the enterprise says. Silence withdraws nothing. Null for one that was never planned. */
export function disputeIn(
  caseId: string,
  recorded: readonly Recorded[],
): {
  readonly demand: string
  readonly item: number | null
  readonly says: 'open' | 'withdrawn' | 'stands'
} | null {
  const { plan, outcome } = fold(caseId, recorded)
  if (plan?.about.kind !== 'dispute') return null
  const { demand, item = null } = plan.about
  if (outcome === null) return { demand, item, says: 'open' }
  return { demand, item, says: outcome === 'completed' ? 'withdrawn' : 'stands' }
}

/** What evidence a case still lacks: before it may close, and before a step may be granted. */

import type { Fact } from '../shapes/basic.js'
import type { Requirement } from '../shapes/requirement.js'
import type { CaseState } from './case.js'

/** Required facts that no probe has observed yet, `evidence-complete` aside, which says that this list is empty. */
export const missing = (state: CaseState): readonly Fact[] =>
  (state.opened?.evidence ?? []).filter(
    (fact) => fact !== 'evidence-complete' && !state.facts.includes(fact),
  )

/** Tests whether all that the requirement makes a condition of the grant was observed. */
export const factsObserved = (state: CaseState, requirement: Requirement): boolean =>
  requirement.facts.every((fact) => state.facts.includes(fact))

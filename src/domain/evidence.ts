/** What evidence a case still lacks before it may close. */
import type { CaseState } from './case.js'
import type { Fact } from './shapes/basic.js'

/** Required facts that no probe has observed yet, `evidence-complete` aside, which says that this list is empty. */
export const missing = (state: CaseState): readonly Fact[] =>
  (state.opened?.evidence ?? []).filter(
    (fact) => fact !== 'evidence-complete' && !state.facts.includes(fact),
  )

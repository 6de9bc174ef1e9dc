/** Shows a case to operators. It may be late, and the ledger may not. */
import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow'
import { attributesOf, detailsOf, isBrief, type Shown } from '../src/contract/views.js'

/** Details cost nothing; attributes are one event and one wide write, so only a change of theirs is written. */
export function show(shown: Shown): void {
  setCurrentDetails(detailsOf(shown))
  if (shown.stuck === null && isBrief(shown.state)) return
  const known = workflowInfo().typedSearchAttributes
  const changed = attributesOf(shown).filter(({ key, value }) => !same(known.get(key), value))
  if (changed.length > 0) upsertSearchAttributes(changed)
}

/** Values are text, numbers, dates and lists of text. */
const same = (left: unknown, right: unknown): boolean =>
  JSON.stringify(left ?? null) === JSON.stringify(right)

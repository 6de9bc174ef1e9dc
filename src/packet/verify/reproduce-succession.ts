/** What the verifier asks again of a succession: did the authority of that moment give each of them a live owner? */
import { digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { successorsOf } from '../../domain/review/responsibility.js'
import { differs, type MomentOf, underAny } from './reproduce.js'

export function wrongOwners(moment: MomentOf<'OperationObserved'>): Refusal | null {
  const { state, event } = moment
  const asked = state.opened?.asked
  if (event.op !== 'observe-succession' || event.outcome !== 'done') return null
  if (asked?.kind !== 'succession') return differs('/op', 'not of a succession')
  const again = underAny(moment, (authority) => {
    const successors = successorsOf(authority, asked)
    if (isRefusal(successors)) return successors
    return digest(successors) === digest(event.observed) || differs('/observed', 'other owners')
  })
  return isRefusal(again) ? again : null
}

/** What a step does to access: a mandate that is reduce-only covers steps that take it away and nothing else. */
import type { Operation, Step } from '../shapes/plan.js'

export type Effect = 'reduces' | 'other'

/** A step that changes nothing at all reduces nothing: somebody has to look at it. */
export const effectOf = ({ executor, operations }: Step): Effect =>
  executor === 'connector' && operations.length > 0 && operations.every(takesAway)
    ? 'reduces'
    : 'other'

function takesAway({ op }: Operation): boolean {
  switch (op) {
    case 'disable':
    case 'end-sessions':
    case 'remove':
    case 'observe-unused':
    case 'observe-accepted':
    case 'observe-disabled':
    case 'observe-stays-disabled':
    case 'prove-dead':
    case 'verify-removed':
    case 'hold-open':
    case 'withdraw':
      return true
    case 'stage':
    case 'set':
    case 'verify':
    case 'deliver':
    case 'observe-consumers':
    case 'create':
    case 'verify-rights':
    case 'lift-fence':
    case 'receive-evidence':
    case 'open-revocations':
    case 'prove-revocations':
    case 'observe-contained':
    case 'observe-eradicated':
    case 'activate-bundle':
    case 'open-exercises':
    case 'observe-succession':
    case 'seal':
      return false
  }
}

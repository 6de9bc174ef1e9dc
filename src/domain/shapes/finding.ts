/** What a case of a partner found against it. */
import { z } from 'zod'

export const FindingKind = z.enum([
  /** The evidence came after the time that was given for it. */
  'late',
  /** No evidence came in time, and the demand was given up. */
  'missing',
  /** The evidence came, and the enterprise does not accept it. */
  'rejected',
  /** What the partner did is not what the policy in force then gives, judged again. */
  'not-reproduced',
  /** Something changed on a target, and no case explains it. */
  'unexplained-change',
  /** Tasks were answered later than the clause gives, not at all, or with claims that did not hold. */
  'service-level',
])
export type FindingKind = z.infer<typeof FindingKind>

/** What a case of a partner found against it. */
import { z } from 'zod'

export const FindingKind = z.enum([
  /** The evidence came after the time that was given for it. */
  'late',
  /** No evidence came in time, and the demand was given up. */
  'missing',
  /** The evidence came, and the enterprise does not accept it. */
  'rejected',
])
export type FindingKind = z.infer<typeof FindingKind>

/** The entries of the stream `ops`: who looked after the system, when and what for. They change nothing. */
import { z } from 'zod'
import { AuthorityReference, CaseId, PersonId } from './basic.js'

export const OPERATIONS = ['list-stuck', 'who', 'drain', 'why', 'nudge', 'reattach'] as const

export const OperatorActed = z.strictObject({
  type: z.literal('OperatorActed'),
  act: z.enum(OPERATIONS),
  /** Null for what is asked about all cases. */
  caseId: CaseId.nullable(),
  personId: PersonId,
  authority: AuthorityReference,
})
export type OperatorActed = z.infer<typeof OperatorActed>

/**
 * A pack's own tests. A *pack test* gives a subject and says what the pack answers: terms of the
 * requirement, or the code of a refusal. Terms that it does not name may be anything.
 */
import { z } from 'zod'
import { REFUSALS, type RefusalCode } from '../refusal.js'
import { Assurance, CaseKind, Change, Fact, PersonId, StepId, SystemId, Tier } from './basic.js'
import { Duration, Role } from './policy.js'

const CODES = Object.keys(REFUSALS) as RefusalCode[]

const Expected = z.union([
  z.strictObject({ refused: z.enum(CODES) }),
  z
    .strictObject({
      /** How many persons each group needs, by group. */
      needs: z.record(z.string(), z.int()),
      quorum: z.int(),
      assurance: Assurance,
      ahead: z.enum(['allowed', 'forbidden']),
      facts: z.array(Fact),
      escalateAfter: Duration,
      expireAfter: Duration,
      decisionMaxAge: Duration,
      rules: z.array(z.string()),
    })
    .partial()
    .refine((terms) => Object.keys(terms).length > 0, 'a test expects something'),
])
export type Expected = z.output<typeof Expected>

const PackTest = z.strictObject({
  name: z.string().min(1).max(200),
  given: z.strictObject({
    kind: CaseKind,
    change: Change.default('normal'),
    stepId: StepId,
    tier: Tier,
    systemId: SystemId.nullable(),
    roles: z.partialRecord(Role, z.array(PersonId)),
    exclude: z.array(PersonId),
  }),
  expect: Expected,
})
/** One file of tests/. */
export const PackTestFile = z.array(PackTest).min(1)

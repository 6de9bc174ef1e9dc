/**
 * A pack's own tests. A *pack test* gives a subject and says what the pack answers: terms of the
 * requirement, or the code of a refusal. Terms that it does not name may be anything.
 */
import { z } from 'zod'
import { REFUSALS, type RefusalCode } from '../refusal.js'
import { Person } from './authority.js'
import {
  Assurance,
  CaseKind,
  Change,
  CompanyId,
  Fact,
  PersonId,
  Span,
  StepId,
  SystemId,
  Tier,
  Time,
} from './basic.js'
import { Deadline, Duration, Role } from './policy.js'

const CODES = Object.keys(REFUSALS) as RefusalCode[]

const Expected = z.union([
  /** `policy`: the Cedar policy that is named first. */
  z.strictObject({ refused: z.enum(CODES), policy: z.string().optional() }),
  z
    .strictObject({
      /** How many persons each group needs, by group. */
      needs: z.record(z.string(), z.int()),
      /** Who can sign in each group, sorted. */
      persons: z.record(z.string(), z.array(PersonId)),
      quorum: z.int(),
      assurance: Assurance,
      ahead: z.enum(['allowed', 'forbidden']),
      facts: z.array(Fact),
      escalateAfter: Deadline,
      expireAfter: Deadline,
      decisionMaxAge: Duration,
      rules: z.array(z.string()),
      /** Names of the windows in which the step begins. */
      windows: z.array(z.string()),
      /** Of a gate that opens `at`: when it escalates and expires, and the window for which it is signed. */
      escalatesAt: Time,
      expiresAt: Time,
      window: Span.nullable(),
    })
    .partial()
    .refine((terms) => Object.keys(terms).length > 0, 'a test expects something'),
])
export type Expected = z.output<typeof Expected>

/** Who asks, and when: what Cedar policies look at. The partner keeps the identity, or is what the case is about. */
export const AskedOnPaper = z.strictObject({
  by: z.enum(['partner', 'enterprise']),
  /** The partner, and how far down a chain of sub-contractors it is. */
  companyId: CompanyId.default('com_partner'),
  rank: z.int().min(0).max(9).default(1),
  personId: PersonId.nullable().default(null),
  at: Time.default('2026-01-05T12:00:00.000Z'),
  /** Duties besides those of the roles, by person. */
  duties: z.record(PersonId, Person.shape.duties).default({}),
})
export type AskedOnPaper = z.output<typeof AskedOnPaper>

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
    at: Time.nullable().default(null),
    /** Null: no Cedar policy is asked. */
    asked: AskedOnPaper.nullable().default(null),
  }),
  expect: Expected,
})
/** One file of tests/. */
export const PackTestFile = z.array(PackTest).min(1)

/**
 * A requirement is the resolved rule of one gate: the terms only, so that a policy change that touches
 * only words changes no hash. Where it came from stands beside it (`ResolvedRequirement`).
 */
import { z } from 'zod'
import {
  Assurance,
  Count,
  DigestText,
  Fact,
  Ms,
  PackId,
  PersonId,
  StepId,
  WeeklyHours,
} from './basic.js'

export const ApproverGroup = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,47}$/),
  /** Sorted, without doubles. */
  persons: z.array(PersonId).max(200),
  need: z.int().min(1).max(10),
})
export type ApproverGroup = z.infer<typeof ApproverGroup>

export const Requirement = z.strictObject({
  v: z.literal(1),
  stepId: StepId,
  /** Sorted by name. Every group needs its own persons: one person never fills two roles. */
  groups: z.array(ApproverGroup).min(1).max(8),
  /** Distinct persons in all; at least the sum over the groups. */
  quorum: z.int().min(1).max(20),
  assurance: Assurance,
  ahead: z.enum(['allowed', 'forbidden']),
  /** Facts that must have been observed before the step may be granted. */
  facts: z.array(Fact),
  /** The gate escalates, then expires, this long after it opened. Silence never approves. */
  escalateAfterMs: Ms,
  expireAfterMs: Ms,
  /** The same in business days of the policy's calendar: what comes first counts. */
  businessDays: z.strictObject({ escalateAfter: Count, expireAfter: Count }).optional(),
  /** A decision older than this is not executed. */
  decisionMaxAgeMs: Ms,
  /** Sorted. The step begins while all of them are open; absent: at any time. */
  windows: z.array(WeeklyHours).min(1).max(8).optional(),
})
export type Requirement = z.infer<typeof Requirement>

export const ResolvedRequirement = z.strictObject({
  requirement: Requirement,
  requirementHash: DigestText,
  pack: z.strictObject({ packId: PackId, version: z.int(), hash: DigestText }),
  /** Ids of the rules that determined it. */
  rules: z.array(z.string().max(80)),
})
export type ResolvedRequirement = z.infer<typeof ResolvedRequirement>

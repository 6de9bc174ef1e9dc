/** The review of a partner over a period: what was looked at, and what follows from it. */
import { z } from 'zod'
import { CaseId, ContractId, Count, DigestText, Ms, Time } from './basic.js'
import { FindingKind } from './finding.js'

export const ReviewTerms = z.strictObject({
  /** The period is [from, until). */
  from: Time,
  until: Time,
})
export type ReviewTerms = z.infer<typeof ReviewTerms>

/** Whose clock ran how long, in milliseconds. Together they are the elapsed time. */
export const Clock = z.strictObject({
  partner: Ms,
  enterprise: Ms,
  system: Ms,
  /** Change windows, soaks and watches: the policy has everybody wait. */
  window: Ms,
})
export type Clock = z.infer<typeof Clock>

/** How the partner did its tasks under one clause. */
export const ServiceLevel = z.strictObject({
  contractId: ContractId,
  clauseId: z.string().max(16),
  respondWithinMs: Ms.nullable(),
  tasks: Count,
  /** Tasks for which the partner took longer than the clause gives it. */
  late: Count,
  /** Tasks that ended without a claim that held. */
  lapsed: Count,
  /** Leases beyond the first: taken, and let go without a claim. */
  leasesMissed: Count,
  contradicted: Count,
  /** The partner's clock over all tasks, and over the longest. */
  partnerMs: Ms,
  longestMs: Ms,
})
export type ServiceLevel = z.infer<typeof ServiceLevel>

export const ReviewFinding = z.strictObject({
  finding: FindingKind,
  /** A case, a role on a system, or a clause. */
  about: z.string().max(200),
  detail: z.string().max(300),
})
export type ReviewFinding = z.infer<typeof ReviewFinding>

/** How many there are, and the digest of the whole list, which the packet lets anybody draw up again. */
const Listed = { count: Count, digest: DigestText }

export const PartnerReview = z.strictObject({
  ...ReviewTerms.shape,
  /** The log as of which everything is counted: entries below this index, and no other. */
  logSize: Count,
  /** The newest review that was signed before; null: this is the first. */
  previous: CaseId.nullable(),
  /** Every case that was read, how much of it, and its last entry's hash. */
  sources: z.strictObject(Listed),
  /** Cases of the partner in the period, judged again. */
  judged: z.strictObject({ ...Listed, reproduced: Count }),
  /** What changed on the targets since the last look, and which case explains it. */
  changes: z.strictObject({ ...Listed, explained: Count }),
  /** Whose clock ran in the cases of the period, case by case. */
  clock: z.strictObject({ ...Listed, sum: Clock }),
  levels: z.array(ServiceLevel).max(64),
  /** Answers to demands that came late, not at all, or were not accepted: findings of their own. */
  demands: z.strictObject({ asked: Count, late: Count, missing: Count, rejected: Count }),
  findings: z.array(ReviewFinding).max(64),
  /** Findings that have no room here. */
  findingsBeyond: Count,
})
export type PartnerReview = z.infer<typeof PartnerReview>

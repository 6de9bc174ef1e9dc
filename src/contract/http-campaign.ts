/** The HTTP contract of campaigns, version 1. See http.ts for the rules. */
import { z } from 'zod'
import {
  CaseId,
  CompanyId,
  Count,
  IdentityId,
  ObjectiveId,
  PersonId,
  SystemId,
  Tier,
} from '../domain/shapes/basic.js'
import { CampaignId } from '../domain/shapes/recertify.js'

const listOf = <Of extends z.ZodType>(of: Of) =>
  z.array(of).min(1).max(100).nullable().default(null)

/** Null: whichever. */
export const CampaignRequest = z.strictObject({
  partnerId: CompanyId.nullable().default(null),
  systems: listOf(SystemId),
  tiers: listOf(Tier),
  objectives: listOf(ObjectiveId),
  owners: listOf(PersonId),
  changeReference: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,64}$/)
    .nullable()
    .default(null),
})
export type CampaignRequest = z.input<typeof CampaignRequest>
export const CampaignPath = z.strictObject({ campaignId: CampaignId })

/** `caseId` is null for a page that could not be opened; `refused` says why. */
export const CampaignAnswer = z.object({
  campaignId: CampaignId,
  pages: z.array(
    z.object({
      page: Count,
      ownerId: PersonId,
      identities: z.array(IdentityId),
      caseId: CaseId.nullable(),
      refused: z.string().nullable(),
    }),
  ),
})
export type CampaignAnswer = z.infer<typeof CampaignAnswer>

/** Where each page stands, and by role how its decisions were made; of persons nothing is said. */
export const CampaignView = z.object({
  campaignId: CampaignId,
  pages: z.array(
    z.object({
      caseId: CaseId,
      page: Count,
      due: z.string(),
      outcome: z.string().nullable(),
      identities: Count,
      odd: Count,
      kept: Count,
      revoked: Count,
    }),
  ),
  quality: z.array(
    z.object({
      role: z.string(),
      decisions: Count,
      /** From the gate's opening to the decision, ms. */
      dwellMs: z.object({ shortest: Count, median: Count, longest: Count }),
      /** Decisions that kept every item of their page. */
      keptAll: Count,
    }),
  ),
})
export type CampaignView = z.infer<typeof CampaignView>

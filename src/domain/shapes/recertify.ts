/**
 * A *campaign* asks owners about the identities of a slice of the inventory, one *page* a case. A *choice* says of
 * one identity of the page whether it is kept; the choices of a decision are signed as one root.
 */
import { z } from 'zod'
import {
  CaseId,
  Count,
  DigestText,
  IdentityId,
  Ms,
  PersonId,
  SystemId,
  Tier,
  Time,
} from './basic.js'

/** So many that page, plan and choices stay far below the size of a document. */
export const MAX_PAGE = 40

export const CampaignId = z.string().regex(/^cmp_[0-9a-f]{16}$/)

export const PageTerms = z.strictObject({
  campaignId: CampaignId,
  ownerId: PersonId,
  /** Page n of m of this campaign. */
  page: z.int().min(1),
  pages: z.int().min(1),
  /** Sorted, without doubles. */
  identities: z.array(IdentityId).min(1).max(MAX_PAGE),
  /** A secret that was not rotated for this long is odd. */
  maxAgeMs: Ms.min(1),
})
export type PageTerms = z.infer<typeof PageTerms>

/** Why an identity is outside every batch: whoever keeps it says so of this one. */
export const Oddity = z.enum([
  'need-ended',
  'owner-changed',
  'not-rotated',
  'fenced',
  'contained',
  'never-recertified',
])
export type Oddity = z.infer<typeof Oddity>

/** What was known of one identity when the page was drawn. */
export const PageItem = z.strictObject({
  identityId: IdentityId,
  tier: Tier,
  systemId: SystemId,
  needUntil: Time,
  /** When a case last gave it a new secret, and when an owner last decided on it; null: never here. */
  rotatedAt: Time.nullable(),
  recertifiedAt: Time.nullable(),
  /** Who owned it then. */
  ownerThen: PersonId.nullable(),
  /** Its exceptions that have not ended. */
  exceptions: z.array(CaseId).max(8),
  fences: Count,
  contained: z.enum(['yes', 'no']),
  odd: z.array(Oddity),
})
export type PageItem = z.infer<typeof PageItem>

export const Page = z.strictObject({
  ...PageTerms.omit({ identities: true }).shape,
  items: z.array(PageItem).min(1).max(MAX_PAGE),
  /** RFC 6962 root over the items. */
  root: DigestText,
})

/** `batch`: kept with all the ordinary ones of the page. */
export const Choice = z.strictObject({
  identityId: IdentityId,
  verdict: z.enum(['keep', 'revoke']),
  given: z.enum(['one-by-one', 'batch']),
})
export type Choice = z.infer<typeof Choice>

/** One for each item, in the order of the page. */
export const Choices = z.array(Choice).min(1).max(MAX_PAGE)

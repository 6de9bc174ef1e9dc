/** The HTTP contract of the enterprise's own controls, version 1: fences, mandates, findings and the authority. See http.ts for the rules. */
import { z } from 'zod'
import { AuthorityBundle } from '../domain/shapes/authority.js'
import {
  CaseId,
  CompanyId,
  Count,
  DigestText,
  IdentityId,
  ObjectiveId,
  Outcome,
  PersonId,
  Right,
  StepId,
  SystemId,
  Tier,
  Time,
  Ulid,
} from '../domain/shapes/basic.js'
import { Envelope, FenceScope, HoldScope, Mandate } from '../domain/shapes/envelope.js'
import { FindingKind } from '../domain/shapes/finding.js'
import { CasesPurged, PurgedCase } from '../domain/shapes/ops-event.js'

export const FenceRequest = z.strictObject({ envelope: Envelope })
/** The signed use of a sealed kit, while the evidence store was down. */
export const KitUseRequest = z.strictObject({ envelope: Envelope })
export const MandateRequest = z.strictObject({ envelope: Envelope })
/** A whole signed bundle, and the text of every policy pack that it names and the store may lack. */
export const ProposalRequest = z.strictObject({
  bundle: AuthorityBundle,
  packs: z
    .array(z.record(z.string().max(80), z.string().max(256 * 1024)))
    .max(8)
    .default([]),
})
export type ProposalRequest = z.input<typeof ProposalRequest>
export const FencePath = FenceScope

/** A cut opens a containment for each identity in scope; where it could not, `residue` says why. */
export const FenceAnswer = z.object({
  fenceId: Ulid,
  scope: FenceScope,
  speed: z.enum(['stop', 'cut']),
  contained: z.array(z.object({ identityId: IdentityId, caseId: CaseId })),
  residue: z.array(z.object({ identityId: IdentityId, code: z.string(), detail: z.string() })),
})
export type FenceAnswer = z.infer<typeof FenceAnswer>

/** What a fence of this scope would stop, and which identities a cut would contain. */
export const FencePreview = z.object({
  scope: FenceScope,
  identities: z.array(
    z.object({
      identityId: IdentityId,
      systemId: SystemId,
      tier: Tier,
      ownerId: PersonId,
      consumers: z.array(z.string()),
      openCases: z.array(CaseId),
    }),
  ),
})
export type FencePreview = z.infer<typeof FencePreview>

/** When each of the three rights last worked, what its newest signed drill says, and what that is against the enterprise. */
export const RightsAnswer = z.object({
  at: Time,
  cells: z.array(
    z.object({
      partnerId: CompanyId,
      systemId: SystemId,
      right: Right,
      last: z.object({ caseId: CaseId, at: Time, tookMs: Count }).nullable(),
      drill: z
        .object({ caseId: CaseId, at: Time, says: z.enum(['passed', 'failed', 'open']) })
        .nullable(),
      finding: z.enum(['failed', 'never', 'overdue']).nullable(),
    }),
  ),
})
export type RightsAnswer = z.infer<typeof RightsAnswer>

/** What control cost the owners, month by month, of the cases opened in the last twelve months. */
export const QualityAnswer = z.object({
  months: z.array(
    z.object({
      month: z.string(),
      ...{ signatures: Count, changes: Count, ownerMinutesPerChange: z.number().nullable() },
      granted: z.object({ byMandate: Count, bySignatures: Count }),
    }),
  ),
})
export type QualityAnswer = z.infer<typeof QualityAnswer>

export const KitUseAnswer = z.object({ personId: PersonId, identities: Count })
export const MandateAnswer = z.object({ mandateId: Ulid, signers: z.array(PersonId) })
export const RevocationAnswer = z.object({ mandateId: Ulid, personId: PersonId })
/** Mandates that have not ended, with what is left of them. */
export const MandateList = z.object({
  mandates: z.array(
    z.object({
      mandate: Mandate,
      used: Count,
      /** Its uses of the last seven days. */
      lately: z.array(z.object({ at: Time, caseId: CaseId, stepId: StepId })),
      revoked: z.enum(['no', 'yes']),
    }),
  ),
})
export type MandateList = z.infer<typeof MandateList>

export const PartnerPath = z.strictObject({ id: CompanyId })
/** What follows from the partner's demands and reviews, oldest first, each with the newest dispute about it. */
export const FindingsAnswer = z.object({
  findings: z.array(
    z.object({
      caseId: CaseId,
      /** Which one of a review, from 1; null of a demand, which has one. */
      item: z.int().nullable(),
      finding: FindingKind,
      /** What it is about; empty for a demand, which says so itself. */
      about: z.string(),
      at: Time,
      dispute: z
        .object({ caseId: CaseId, says: z.enum(['open', 'withdrawn', 'stands']) })
        .nullable(),
    }),
  ),
})
export type FindingsAnswer = z.infer<typeof FindingsAnswer>

/** Every use of emergency access, oldest first; `reviewed`: it counts no more. */
export const EmergenciesAnswer = z.object({
  emergencies: z.array(
    z.object({
      ...{ caseId: CaseId, identityId: IdentityId, at: Time },
      ...{ askedBy: PersonId, approvedBy: z.array(PersonId) },
      reviewed: z.enum(['no', 'yes']),
    }),
  ),
})
export type EmergenciesAnswer = z.infer<typeof EmergenciesAnswer>
/** A secret as it was sealed: for nobody but its recipient to open. */
export const DeliveryAnswer = z.object({
  ...{ credential: z.string(), recipient: z.string(), jwe: z.string() },
})
export type DeliveryAnswer = z.infer<typeof DeliveryAnswer>

/** What a proposed policy would have asked at one step of the newest cases; `eligible`: the fewest who could have signed. */
const Foreseen = z.object({
  ...{ kind: z.string(), stepId: z.string(), cases: Count, stricter: Count, looser: Count },
  ...{ other: Count, refused: Count, eligible: Count, quorum: Count },
})

/** What the proposed bundle would change today, by section, and whom that concerns. */
export const ProposalAnswer = z.object({
  bundleHash: DigestText,
  version: z.int(),
  changes: z.array(z.object({ section: z.string(), words: z.string() })),
  accepting: z.array(PersonId),
  affected: z.array(PersonId),
  /** Empty unless the policy changes. */
  foreseen: z.array(Foreseen).default([]),
})
export type ProposalAnswer = z.infer<typeof ProposalAnswer>

/** What a directory says of persons, each once. */
export const ReportRequest = z.strictObject({
  persons: z
    .array(z.strictObject({ personId: PersonId, status: z.enum(['present', 'gone']) }))
    .min(1)
    .max(1000)
    .refine((list) => new Set(list.map(({ personId }) => personId)).size === list.length, 'twice'),
})
export type ReportRequest = z.infer<typeof ReportRequest>
export const ReportAnswer = z.object({ kept: Count })

/** Each control outcome with its one owner; `owed` lists what has none that is there. */
export const ResponsibilityAnswer = z.object({
  responsibilities: z.array(
    z.object({
      ...{ objectiveId: ObjectiveId, outcome: Outcome, ownerId: PersonId },
      partners: z.array(CompanyId),
      identities: z.array(IdentityId),
      /** The newest closed case of each kind that serves the outcome. */
      evidence: z.array(z.object({ caseId: CaseId, outcome: z.string() })),
    }),
  ),
  /** `caseId`: the open succession; null where none is open yet. */
  owed: z.array(
    z.object({
      ...{ of: z.string(), ownerId: PersonId, because: z.string() },
      caseId: CaseId.nullable(),
    }),
  ),
})
export type ResponsibilityAnswer = z.infer<typeof ResponsibilityAnswer>

export const HoldRequest = z.strictObject({ envelope: Envelope })
export const HoldAnswer = z.object({
  ...{ holdId: Ulid, act: z.enum(['place', 'release']), scope: HoldScope },
})
export const HoldList = z.object({
  holds: z.array(z.object({ holdId: Ulid, scope: HoldScope, placedAt: Time })),
})
export const PurgeRequest = z.strictObject({ mode: z.enum(['rehearsal', 'purge']) })
/** What would go, or went; and what would, were it not for a hold. */
export const PurgeAnswer = z.object({
  mode: PurgeRequest.shape.mode,
  cases: z.array(PurgedCase),
  held: z.array(z.object({ where: z.string(), detail: z.string() })),
  removed: CasesPurged.shape.removed,
})

export const ErasePath = z.strictObject({ personId: PersonId })
/** What there was to erase. */
export const ErasedAnswer = z.object({
  ...{ personId: PersonId, name: z.enum(['erased', 'none']), reasons: Count },
})

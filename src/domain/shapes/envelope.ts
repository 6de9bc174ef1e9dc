/**
 * What is signed. An envelope is DSSE (in-toto): the signature covers the pre-authentication encoding
 * of payload type and exact payload bytes. A passkey signs WebAuthn's own bytes, whose challenge is the
 * SHA-256 of that encoding, so the envelope carries the assertion beside the signature.
 */
import { z } from 'zod'
import { MAX_DOCUMENT_BYTES } from '../bytes/digest.js'
import {
  Base64,
  CaseId,
  CaseKind,
  CompanyId,
  Count,
  DigestText,
  EnterpriseId,
  Fact,
  IdentityId,
  KeyId,
  PersonId,
  StepId,
  SystemId,
  Tier,
  Time,
  Ulid,
  WeeklyHours,
} from './basic.js'

export const PAYLOAD_TYPES = {
  decision: 'application/vnd.countersign.decision.v1+json',
  mandate: 'application/vnd.countersign.mandate.v1+json',
  'mandate-revocation': 'application/vnd.countersign.mandate-revocation.v1+json',
  delegation: 'application/vnd.countersign.delegation.v1+json',
  fence: 'application/vnd.countersign.fence.v1+json',
  claim: 'application/vnd.countersign.claim.v1+json',
  permit: 'application/vnd.countersign.permit.v1+json',
  root: 'application/vnd.countersign.root.v1+json',
  manifest: 'application/vnd.countersign.manifest.v1+json',
  section: 'application/vnd.countersign.section.v1+json',
  acknowledgement: 'application/vnd.countersign.acknowledgement.v1+json',
  attestation: 'application/vnd.countersign.attestation.v1+json',
  'kit-use': 'application/vnd.countersign.kit-use.v1+json',
  statement: 'application/vnd.in-toto+json',
  hold: 'application/vnd.countersign.hold.v1+json',
  'successor-log': 'application/vnd.countersign.successor-log.v1+json',
} as const
export type PayloadKind = keyof typeof PAYLOAD_TYPES

/** A section lists what an enterprise has, thousands of identities; everything else is about one matter. */
const MAX_SECTION_BYTES = 4 * 1024 * 1024
export const maxPayloadBytes = (payloadType: string): number =>
  payloadType === PAYLOAD_TYPES.section ? MAX_SECTION_BYTES : MAX_DOCUMENT_BYTES

/** Characters of base64 for so many bytes. */
export const base64Characters = (bytes: number): number => 4 * Math.ceil(bytes / 3)

export const Signature = z.strictObject({
  keyid: KeyId,
  sig: Base64,
  webauthn: z.strictObject({ authenticatorData: Base64, clientDataJSON: Base64 }).optional(),
})
export const Envelope = z.strictObject({
  payloadType: z.string().max(100),
  payload: z.base64().max(base64Characters(MAX_SECTION_BYTES)),
  signatures: z.array(Signature).min(1).max(16),
})
export type Envelope = z.infer<typeof Envelope>

export const Verdict = z.enum(['approve', 'decline', 'ask'])
export type Verdict = z.infer<typeof Verdict>

/** This person approves, declines or asks about exactly this step of this plan. */
export const Decision = z.strictObject({
  type: z.literal('decision'),
  v: z.literal(1),
  decisionId: Ulid,
  enterprise: EnterpriseId,
  caseId: CaseId,
  stepId: StepId,
  planHash: DigestText,
  requirementHash: DigestText,
  /** `nonce` is the hash of the GateOpened entry; a decision given ahead names facts to be observed instead. */
  gate: z.union([
    z.strictObject({ nonce: DigestText, preStateHash: DigestText }),
    z.strictObject({ opensWhen: z.array(Fact).min(1).max(8) }),
  ]),
  verdict: Verdict,
  /** Salted digest of the free-text reason, which lives in the erasable side store. */
  reasonDigest: DigestText.nullable(),
  /** RFC 6962 root over the choices, where a step asks for them; they travel beside the envelope. */
  choice: DigestText.nullable(),
  notBefore: Time,
  notAfter: Time,
  personId: PersonId,
  onBehalfOf: PersonId.nullable(),
})
export type Decision = z.infer<typeof Decision>

/** A decision in advance for cases that do not exist yet; at most 90 days. */
export const Mandate = z.strictObject({
  type: z.literal('mandate'),
  v: z.literal(1),
  mandateId: Ulid,
  enterprise: EnterpriseId,
  covers: z.strictObject({
    kinds: z.array(CaseKind).min(1),
    steps: z.array(StepId).min(1),
    tiers: z.array(Tier).min(1),
    systems: z.array(SystemId).nullable(),
    partners: z.array(CompanyId).nullable(),
    identities: z.array(IdentityId).nullable(),
  }),
  caps: z.strictObject({ total: z.int().min(1), perDay: z.int().min(1) }),
  window: WeeklyHours.nullable(),
  effect: z.enum(['reduce-only', 'any']),
  /** One step in so many, drawn by lot, goes to people although it is covered; without it none does. */
  sendOneIn: z.int().min(2).max(1000).optional(),
  notBefore: Time,
  notAfter: Time,
  signers: z.array(PersonId).min(1).max(16),
})
export type Mandate = z.infer<typeof Mandate>

/** One signer of a mandate takes it back, for ever. */
export const MandateRevocation = z.strictObject({
  type: z.literal('mandate-revocation'),
  v: z.literal(1),
  mandateId: Ulid,
  enterprise: EnterpriseId,
  personId: PersonId,
  notBefore: Time,
  notAfter: Time,
})
export type MandateRevocation = z.infer<typeof MandateRevocation>

/** `from` lets `to` cast the one vote of `from`; one level deep. */
export const Delegation = z.strictObject({
  type: z.literal('delegation'),
  v: z.literal(1),
  delegationId: Ulid,
  enterprise: EnterpriseId,
  from: PersonId,
  to: PersonId,
  kinds: z.array(CaseKind).min(1),
  systems: z.array(SystemId).nullable(),
  notBefore: Time,
  notAfter: Time,
})
export type Delegation = z.infer<typeof Delegation>

export const FenceScope = z.strictObject({
  kind: z.enum(['partner', 'system', 'identity']),
  id: z.string().max(64),
})
export type FenceScope = z.infer<typeof FenceScope>

/** `stop`: its partner may do nothing more; `cut`: the identity loses access too. */
export const FenceSpeed = z.enum(['stop', 'cut'])
export type FenceSpeed = z.infer<typeof FenceSpeed>

/** The kill switch: grants from before are dead. Lifting one is a case. */
export const Fence = z.strictObject({
  type: z.literal('fence'),
  v: z.literal(1),
  fenceId: Ulid,
  enterprise: EnterpriseId,
  scope: FenceScope,
  speed: FenceSpeed,
  reasonDigest: DigestText.nullable(),
  /** Null when a partner stops itself, under its claim key. */
  personId: PersonId.nullable(),
  notBefore: Time,
  notAfter: Time,
})
export type Fence = z.infer<typeof Fence>

export const HoldScope = z.strictObject({
  kind: z.enum(['case', 'identity', 'partner']),
  id: z.string().max(200),
})
export type HoldScope = z.infer<typeof HoldScope>

/** What is in its scope is kept, whatever the policy says, until an officer releases it. */
export const Hold = z.strictObject({
  type: z.literal('hold'),
  v: z.literal(1),
  holdId: Ulid,
  enterprise: EnterpriseId,
  act: z.enum(['place', 'release']),
  /** As it was placed, also when it is released. */
  scope: HoldScope,
  personId: PersonId,
  notBefore: Time,
  notAfter: Time,
})
export type Hold = z.infer<typeof Hold>

/** What a partner says it did. Never truth. */
export const Claim = z.strictObject({
  type: z.literal('claim'),
  v: z.literal(1),
  claimId: Ulid,
  enterprise: EnterpriseId,
  companyId: CompanyId,
  caseId: CaseId,
  stepId: StepId,
  grantId: Ulid,
  fencingToken: Count,
  outcome: z.enum(['done', 'failed']),
  /** The partner's own pseudonym for who did the work. */
  operatorId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  changeRecord: z.strictObject({
    reference: z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/),
    changeType: z.enum(['standard', 'normal', 'emergency']),
    closeCode: z.enum(['successful', 'successful-with-issues', 'unsuccessful']),
    startedAt: Time,
    endedAt: Time,
    notesDigest: DigestText.nullable(),
  }),
})
export type Claim = z.infer<typeof Claim>

/** The single-use right to do one step, for the partner to show to its own tooling. Signed by the connector. */
export const Permit = z.strictObject({
  type: z.literal('permit'),
  v: z.literal(1),
  enterprise: EnterpriseId,
  companyId: CompanyId,
  caseId: CaseId,
  stepId: StepId,
  planHash: DigestText,
  grantId: Ulid,
  fencingToken: Count,
  notAfter: Time,
})
export type Permit = z.infer<typeof Permit>

/**
 * The HTTP contract, version 1: the shapes that cross the routes of routes.ts. Requests are strict, so an
 * unknown field is a refusal; answers are read loosely, so a client survives a newer server.
 * A refusal travels as a *problem* (RFC 9457) whose `type` is `urn:countersign:refusal:<CODE>`.
 * What is signed travels as an envelope and is judged from its bytes, never from the fields around it.
 */
import { z } from 'zod'
import {
  AuthorityAsked,
  BreakGlassTerms,
  DemandTerms,
  DisputeTerms,
  DrillTerms,
  ExceptionTerms,
  Report,
  SuspendTerms,
} from '../domain/shapes/asked.js'
import {
  CaseId,
  CaseKind,
  CaseScope,
  Change,
  CompanyId,
  Count,
  DigestText,
  EnterpriseId,
  Fact,
  IdentityId,
  ObjectiveId,
  PersonId,
  Span,
  StepId,
  SystemId,
  TargetName,
  Tier,
  Time,
  Ulid,
} from '../domain/shapes/basic.js'
import { Decision, Envelope, Verdict } from '../domain/shapes/envelope.js'
import { Plan, Step, TargetState } from '../domain/shapes/plan.js'
import { Choices } from '../domain/shapes/recertify.js'
import { Requirement } from '../domain/shapes/requirement.js'
import { Clock, ReviewTerms } from '../domain/shapes/review.js'

// ---- requests ------------------------------------------------------------------------------------

export const IdempotencyKey = z.string().regex(/^[!-~]{8,200}$/)
export const CasePath = z.strictObject({ caseId: CaseId })
export const StepPath = z.strictObject({ caseId: CaseId, stepId: StepId })

const sortedOnce = (names: readonly string[]): string[] => [...new Set(names)].sort()

const Asking = z.strictObject({
  change: Change.default('normal'),
  /** The change record of the caller's own service desk. */
  changeReference: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'not 1 to 64 letters, digits or . _ : -')
    .nullable()
    .default(null),
})
const AskedFor = Asking.extend({ identityId: IdentityId })
const AskedOfPartner = Asking.extend({ partnerId: CompanyId })
export const OpenCaseRequest = z.discriminatedUnion('kind', [
  AskedFor.extend({ kind: z.literal('rotate') }),
  /** `memberOf`: roles of the target whose rights the identity shall get. */
  AskedFor.extend({
    kind: z.literal('provision'),
    memberOf: z.array(TargetName).min(1).max(16).transform(sortedOnce),
  }),
  AskedFor.extend({ kind: z.literal('lift') }),
  AskedFor.extend({ kind: z.literal('reinstate') }),
  /** `reassignTo`: the role that takes over what the identity owns; null when it owns nothing. */
  AskedFor.extend({
    kind: z.literal('deprovision'),
    reassignTo: TargetName.nullable().default(null),
  }),
  AskedFor.extend({ kind: z.literal('exception'), ...ExceptionTerms.shape }),
  AskedOfPartner.extend({ kind: z.literal('demand'), ...DemandTerms.shape }),
  AskedOfPartner.extend({ kind: z.literal('dispute'), ...DisputeTerms.shape }),
  /** About one identity or one partner, or the enterprise when neither is named. */
  Asking.extend({
    kind: z.literal('incident'),
    identityId: IdentityId.optional(),
    partnerId: CompanyId.optional(),
    reference: Report.shape.reference,
    suspected: Report.shape.suspected.transform(sortedOnce),
    cleared: Report.shape.cleared.default([]).transform(sortedOnce),
  }).refine(({ identityId, partnerId }) => identityId === undefined || partnerId === undefined, {
    path: ['partnerId'],
    message: 'about an identity or a partner, not both',
  }),
  Asking.extend(AuthorityAsked.shape),
  AskedFor.extend({ kind: z.literal('suspend'), ...SuspendTerms.shape }),
  AskedFor.extend({ kind: z.literal('break-glass'), ...BreakGlassTerms.shape }),
  AskedOfPartner.extend({ kind: z.literal('drill'), ...DrillTerms.shape }),
  AskedOfPartner.extend({ kind: z.literal('partner-review'), ...ReviewTerms.shape }),
])
export type OpenCaseRequest = z.input<typeof OpenCaseRequest>
export type AdmittedRequest = z.output<typeof OpenCaseRequest>

/** Query parameters are text. */
const Limit = z
  .string()
  .regex(/^\d{1,3}$/)
  .transform(Number)
  .pipe(z.int().min(1).max(200))
export const ListCasesQuery = z.strictObject({
  phase: z.enum(['open', 'closed']).optional(),
  waitingOn: z
    .string()
    .regex(
      /^(owner:per_[a-z0-9-]{1,48}|partner:com_[a-z0-9-]{1,48}|system)$/,
      'not of the form owner:per_…, partner:com_… or system',
    )
    .optional(),
  cursor: Ulid.optional(),
  limit: Limit.default(50),
})
export const EntriesQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .default(0),
  limit: Limit.default(100),
})

export const DecideRequest = z.strictObject({
  envelope: Envelope,
  /** Kept in the erasable side store, and only when the decision signs its salted digest. */
  reason: z
    .strictObject({ salt: z.string().min(22).max(128), text: z.string().min(1).max(4000) })
    .optional(),
  choices: Choices.nullable().optional(),
})
export type DecideRequest = z.infer<typeof DecideRequest>

// ---- answers -------------------------------------------------------------------------------------

export const OpenedAnswer = z.object({
  caseId: CaseId,
  made: z.enum(['now', 'before']),
  links: z.object({ case: z.string() }),
})
export type OpenedAnswer = z.infer<typeof OpenedAnswer>

export const CaseRow = z.object({
  caseId: CaseId,
  kind: CaseKind,
  scope: CaseScope,
  systemId: SystemId.nullable(),
  partnerId: CompanyId,
  ownerId: PersonId,
  objectiveId: ObjectiveId.nullable(),
  policy: z.string(),
  tier: Tier,
  phase: z.enum(['open', 'closed']),
  outcome: z.string().nullable(),
  due: z.string(),
  waitingOn: z.array(z.string()),
})
export type CaseRow = z.infer<typeof CaseRow>
/** `next` is the cursor of the following page, or null. */
export const CaseList = z.object({ cases: z.array(CaseRow), next: Ulid.nullable() })
export type CaseList = z.infer<typeof CaseList>

const Awaited = z.array(z.object({ group: z.string(), persons: z.array(PersonId) }))
const Vote = z.object({ person: PersonId, verdict: Verdict, round: Count, notAfter: Time })
const GateTimes = z.object({
  openedAt: Time,
  escalatesAt: Time,
  expiresAt: Time,
  escalated: z.enum(['no', 'yes']),
  /** In which its step begins, and with which its approvals end; null: whenever it is approved. */
  window: Span.nullable(),
})

/** `number` is the fencing token that a claim has to carry. */
export const LeaseTimes = z.object({ number: Count, expiresAt: Time })

export const StepSummary = z.object({
  stepId: StepId,
  title: z.string(),
  executor: z.enum(['connector', 'partner', 'none']),
  phase: z.string(),
  round: Count,
  /** Why the gate opened again, when it did. */
  because: z.string().nullable(),
  gate: GateTimes.nullable(),
  awaited: Awaited,
  votes: z.array(Vote),
  task: z.object({ expiresAt: Time, lease: LeaseTimes.nullable() }).nullable(),
})
export type StepSummary = z.infer<typeof StepSummary>

/** Null for what the enterprise carries out itself, and for what it demands. */
const ContractTerms = z.object({ contractId: z.string(), clauseId: z.string() }).nullable()

export const CaseSummary = z.object({
  caseId: CaseId,
  kind: CaseKind,
  scope: CaseScope,
  systemId: SystemId.nullable(),
  tier: Tier,
  partnerId: CompanyId,
  ownerId: PersonId,
  objectiveId: ObjectiveId.nullable(),
  contract: ContractTerms,
  requester: z.object({
    kind: z.enum(['partner', 'enterprise']),
    companyId: CompanyId,
    personId: PersonId.nullable(),
    changeReference: z.string().nullable(),
  }),
  openedAt: Time,
  phase: z.enum(['open', 'closed']),
  outcome: z.string().nullable(),
  ending: z.string().nullable(),
  /** What the case owes next, for which step, and when that escalates and expires. */
  due: z.object({
    kind: z.string(),
    stepId: StepId.nullable(),
    escalatesAt: Time.nullable(),
    expiresAt: Time.nullable(),
  }),
  /** Who holds the ball, since when, for what, and what happens when nobody acts, in words. */
  why: z.string(),
  /** Whose turn it is, and since when. */
  turn: z.object({
    waitingOn: z.array(z.string()),
    since: Time,
  }),
  /** Whose clock ran how long so far. */
  clock: Clock,
  /** What was judged under an authority that had expired. */
  underExpired: z.array(z.object({ what: z.string(), expiredAt: Time })),
  planHash: DigestText.nullable(),
  steps: z.array(StepSummary),
  facts: z.array(Fact),
  missing: z.array(Fact),
  findings: z.array(
    z.object({ code: z.string(), where: z.string(), detail: z.string(), at: Time }),
  ),
  /** What an approver asked instead of deciding; the text is null once it was erased. */
  questions: z.array(
    z.object({ stepId: StepId, person: PersonId, at: Time, text: z.string().nullable() }),
  ),
  refusals: Count,
  seq: Count,
  head: DigestText.nullable(),
  links: z.object({ entries: z.string(), packet: z.string(), reviews: z.array(z.string()) }),
})
export type CaseSummary = z.infer<typeof CaseSummary>

export const CANNOT = ['REQUESTER_NEVER', 'NOT_AN_APPROVER', 'TOO_LATE', 'GATE_NOT_OPEN'] as const

/**
 * All that a decision on one step signs. `templates` hold the payloads that this person may sign now: for the
 * open gate, and ahead of it. A signer compares the hashes with what is shown before signing.
 */
export const Review = z.object({
  caseId: CaseId,
  stepId: StepId,
  enterprise: EnterpriseId,
  at: Time,
  phase: z.string(),
  round: Count,
  because: z.string().nullable(),
  requester: CaseSummary.shape.requester,
  partnerId: CompanyId,
  ownerId: PersonId,
  contract: ContractTerms,
  plan: Plan,
  planHash: DigestText,
  step: Step,
  nonce: DigestText.nullable(),
  preState: TargetState.nullable(),
  preStateHash: DigestText.nullable(),
  requirement: Requirement,
  requirementHash: DigestText,
  policy: z.object({ packId: z.string(), version: z.int(), hash: DigestText }),
  rules: z.array(z.string()),
  gate: GateTimes.nullable(),
  awaited: Awaited,
  votes: z.array(Vote),
  facts: z.array(Fact),
  /** Why this person gets no template; null when there is one. */
  cannot: z.object({ code: z.enum(CANNOT), detail: z.string() }).nullable(),
  templates: z.object({ gate: Decision.nullable(), ahead: Decision.nullable() }),
})
export type Review = z.infer<typeof Review>

export const ReceiptAnswer = z.object({
  caseId: CaseId,
  seq: Count,
  hash: DigestText,
  gate: z.enum(['waiting', 'satisfied', 'declined']),
})
export type ReceiptAnswer = z.infer<typeof ReceiptAnswer>

export const InboxAnswer = z.object({
  gates: z.array(
    z.object({
      caseId: CaseId,
      stepId: StepId,
      title: z.string(),
      scope: CaseScope,
      systemId: SystemId.nullable(),
      tier: Tier,
      partnerId: CompanyId,
      /** Whose vote is awaited: this person, or somebody who delegated to this person. */
      votesFor: PersonId,
      round: Count,
      because: z.string().nullable(),
      gate: GateTimes,
      links: z.object({ review: z.string() }),
    }),
  ),
})
export type InboxAnswer = z.infer<typeof InboxAnswer>

/** Receipts: each entry with all that its hash is over and, once it is in a signed checkpoint, its C2SP tlog-proof. */
export const EntriesAnswer = z.object({
  entries: z.array(
    z.object({
      seq: Count,
      hash: DigestText,
      prev: DigestText.nullable(),
      at: Time,
      salt: z.string(),
      type: z.string(),
      body: z.looseObject({ type: z.string() }),
      proof: z.string().nullable(),
    }),
  ),
  next: Count.nullable(),
})
export type EntriesAnswer = z.infer<typeof EntriesAnswer>

export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  where: z.string().optional(),
  nextActions: z.array(z.string()).optional(),
  requestId: z.string().optional(),
})
export type Problem = z.infer<typeof Problem>

/**
 * The events of a case: past-tense facts, each the body of one entry. A case is the fold of them.
 * Events that only a connector may write carry its attestation, so that a row inserted by anybody
 * else is not believed by the gate or the verifier.
 */
import { z } from 'zod'
import { Asked, Settings } from './asked.js'
import {
  Attestation,
  AuthorityReference,
  CaseId,
  CaseScope,
  Change,
  CompanyId,
  ContractId,
  Count,
  DigestText,
  EnterpriseId,
  Fact,
  JudgedUnder,
  ObjectiveId,
  PersonId,
  Span,
  StepId,
  SystemId,
  Tier,
  Time,
  Ulid,
} from './basic.js'
import {
  CaseFenced,
  CaseResumed,
  FindingRecorded,
  RefusalCodeText,
  RefusalsCounted,
  TargetSeen,
  WorkflowRecovered,
} from './beside-event.js'
import { Envelope, Verdict } from './envelope.js'
import { Plan, TargetState } from './plan.js'
import { Choices } from './recertify.js'
import { ResolvedRequirement } from './requirement.js'

const Round = z.int().min(1)

export const CaseOpened = z.strictObject({
  type: z.literal('CaseOpened'),
  caseId: CaseId,
  enterprise: EnterpriseId,
  asked: Asked,
  scope: CaseScope,
  /** The system on which its work is done; null when it is done in the evidence store alone. */
  systemId: SystemId.nullable(),
  /** Of the identity; else the strictest in the scope. */
  tier: Tier,
  ownerId: PersonId,
  /** Null when the scope holds identities of several objectives, or none. */
  objectiveId: ObjectiveId.nullable(),
  /** Null for what the enterprise carries out itself, and for what it demands. */
  contract: z.strictObject({ contractId: ContractId, clauseId: z.string().max(16) }).nullable(),
  executor: CompanyId,
  requester: z.strictObject({
    kind: z.enum(['partner', 'enterprise']),
    companyId: CompanyId,
    personId: PersonId.nullable(),
    changeReference: z.string().max(64).nullable(),
  }),
  change: Change,
  settings: Settings,
  evidence: z.array(Fact),
  requirements: z.record(StepId, ResolvedRequirement),
  authority: JudgedUnder,
})
export type CaseOpened = z.infer<typeof CaseOpened>

export const Planned = z.strictObject({
  type: z.literal('Planned'),
  plan: Plan,
  planHash: DigestText,
  attestation: Attestation,
})

export const GateOpened = z.strictObject({
  type: z.literal('GateOpened'),
  stepId: StepId,
  round: Round,
  preState: TargetState,
  preStateHash: DigestText,
  resolved: ResolvedRequirement,
  escalatesAt: Time,
  expiresAt: Time,
  /** Why it opened again, when it did. */
  because: RefusalCodeText.nullable(),
  /** The window in which the step begins, and with which its approvals end; absent: at any time. */
  window: Span.optional(),
  attestation: Attestation,
})

export const DecisionAdmitted = z.strictObject({
  type: z.literal('DecisionAdmitted'),
  stepId: StepId,
  /** The round it was given for; 0 when given ahead. */
  round: z.int().min(0),
  decisionId: Ulid,
  verdict: Verdict,
  /** The person whose one vote this is (the delegator, when a delegate signed). */
  votes: PersonId,
  signedBy: PersonId,
  notAfter: Time,
  envelope: Envelope,
  /** What `choice` of the decision is the root over. */
  choices: Choices.nullable(),
  authority: AuthorityReference,
})

export const DecisionRefused = z.strictObject({
  type: z.literal('DecisionRefused'),
  code: RefusalCodeText,
  where: z.string().max(200),
  /** Digest of what was sent; its bytes are untrusted and are not kept. */
  sent: DigestText,
  door: z.enum(['api', 'signal']),
})

/** By decisions, or by a mandate that covers the step and no decision. */
export const GateSatisfied = z.strictObject({
  type: z.literal('GateSatisfied'),
  stepId: StepId,
  round: Round,
  decisionIds: z.array(Ulid),
  mandateId: Ulid.nullable(),
})
export const GateDeclined = z.strictObject({
  type: z.literal('GateDeclined'),
  stepId: StepId,
  decisionId: Ulid,
})
export const GateEscalated = z.strictObject({
  type: z.literal('GateEscalated'),
  stepId: StepId,
  round: Round,
})
export const GateExpired = z.strictObject({
  type: z.literal('GateExpired'),
  stepId: StepId,
  round: Round,
})
/** What was approved waited for its window, which is open now. */
export const WindowOpened = z.strictObject({
  type: z.literal('WindowOpened'),
  stepId: StepId,
  round: Round,
})
/** The window is over and the step was not begun: its approvals no longer count, and the gate opens again. */
export const WindowClosed = z.strictObject({
  type: z.literal('WindowClosed'),
  stepId: StepId,
  round: Round,
})
/** The execution gate said no. Votes named here no longer count; the gate opens again. */
export const GateRefused = z.strictObject({
  type: z.literal('GateRefused'),
  stepId: StepId,
  round: Round,
  code: RefusalCodeText,
  detail: z.string().max(300),
  attestation: Attestation,
})

export const Granted = z.strictObject({
  type: z.literal('Granted'),
  stepId: StepId,
  round: Round,
  grantId: Ulid,
  fencingToken: Count,
  planHash: DigestText,
  requirementHash: DigestText,
  preStateHash: DigestText,
  decisionIds: z.array(Ulid),
  mandateId: Ulid.nullable(),
  authority: JudgedUnder,
  attestation: Attestation,
})

export const OperationObserved = z.strictObject({
  type: z.literal('OperationObserved'),
  stepId: StepId,
  grantId: Ulid,
  /** Its place in the step, from 0, and its name. */
  place: z.int().min(0).max(11),
  op: z.string().max(40),
  outcome: z.enum(['done', 'already', 'refused', 'unknown']),
  code: RefusalCodeText.nullable(),
  facts: z.array(Fact),
  /** What the probe saw: counts, SQLSTATEs, keyed fingerprints. Never a secret, never personal data. */
  observed: z.record(z.string().max(80), z.string().max(400)),
  startedAt: Time,
  endedAt: Time,
  attestation: Attestation,
})

export const TaskOffered = z.strictObject({
  type: z.literal('TaskOffered'),
  stepId: StepId,
  grantId: Ulid,
  companyId: CompanyId,
  permit: Envelope,
  /** Digest of each sealed delivery, by consumer. */
  sealed: z.record(z.string().max(60), DigestText),
  until: Time,
  attestation: Attestation,
})
export const TaskLeased = z.strictObject({
  type: z.literal('TaskLeased'),
  stepId: StepId,
  grantId: Ulid,
  companyId: CompanyId,
  lease: z.int().min(1),
  until: Time,
})
export const ClaimRecorded = z.strictObject({
  type: z.literal('ClaimRecorded'),
  stepId: StepId,
  grantId: Ulid,
  claimId: Ulid,
  outcome: z.enum(['done', 'failed']),
  operatorId: z.string().max(64),
  changeReference: z.string().max(64),
  envelope: Envelope,
  authority: AuthorityReference,
})
/** The probe does not see what was claimed: the claim counts for nothing, the task is open again. */
export const ClaimContradicted = z.strictObject({
  type: z.literal('ClaimContradicted'),
  stepId: StepId,
  grantId: Ulid,
  claimId: Ulid,
  observed: z.record(z.string().max(80), z.string().max(400)),
  attestation: Attestation,
})

export const StepPerformed = z.strictObject({
  type: z.literal('StepPerformed'),
  stepId: StepId,
  grantId: Ulid,
  facts: z.array(Fact),
  attestation: Attestation,
})
/** `clean`: nothing changed on the target. `dirty`: the step's own rollback is due. */
export const StepFailed = z.strictObject({
  type: z.literal('StepFailed'),
  stepId: StepId,
  grantId: Ulid,
  code: RefusalCodeText,
  target: z.enum(['clean', 'dirty']),
  attestation: Attestation,
})
export const StepUndone = z.strictObject({
  type: z.literal('StepUndone'),
  stepId: StepId,
  grantId: Ulid,
  /** Whether something of the step is left on the target, because it is in use or was changed since. */
  left: z.enum(['nothing', 'something']),
  observed: z.record(z.string().max(80), z.string().max(400)),
  attestation: Attestation,
})

/** The partner's time for the task is over; the gate opens again and the owner decides. */
export const TaskExpired = z.strictObject({
  type: z.literal('TaskExpired'),
  stepId: StepId,
  grantId: Ulid,
})
export const CaseClosed = z.strictObject({
  type: z.literal('CaseClosed'),
  outcome: z.enum([
    'completed',
    'declined',
    'expired',
    'rolled-back',
    'fenced',
    'superseded',
    'unplannable',
  ]),
})

export const CaseEvent = z.discriminatedUnion('type', [
  CaseOpened,
  Planned,
  GateOpened,
  DecisionAdmitted,
  DecisionRefused,
  RefusalsCounted,
  GateSatisfied,
  GateDeclined,
  GateEscalated,
  GateExpired,
  GateRefused,
  Granted,
  OperationObserved,
  TaskOffered,
  TaskLeased,
  ClaimRecorded,
  ClaimContradicted,
  StepPerformed,
  StepFailed,
  StepUndone,
  FindingRecorded,
  CaseFenced,
  TaskExpired,
  WorkflowRecovered,
  CaseClosed,
  WindowOpened,
  WindowClosed,
  TargetSeen,
  CaseResumed,
])
export type CaseEvent = z.infer<typeof CaseEvent>
export type EventOf<Type extends CaseEvent['type']> = Extract<CaseEvent, { type: Type }>

/** Event types that are believed only with a connector's attestation. */
export const ATTESTED = [
  'Planned',
  'GateOpened',
  'GateRefused',
  'Granted',
  'OperationObserved',
  'TaskOffered',
  'ClaimContradicted',
  'StepPerformed',
  'StepFailed',
  'StepUndone',
  'TargetSeen',
] as const
export type AttestedType = (typeof ATTESTED)[number]
export type AttestedEvent = EventOf<AttestedType>

/** One evidence record. `hash` (RFC 6962 leaf hash of the canonical bytes) and log index stand beside it. */
export const Entry = z.strictObject({
  v: z.literal(1),
  stream: z.string().max(200),
  seq: z.int().min(1),
  /** Leaf hash of the stream's previous entry; null for the first. */
  prev: DigestText.nullable(),
  at: Time,
  /** 128 random bits: whoever has only the hash, as every reader of the log does, cannot guess the rest. */
  salt: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  body: z.looseObject({ type: z.string().max(40) }),
})
export type Entry = z.infer<typeof Entry>

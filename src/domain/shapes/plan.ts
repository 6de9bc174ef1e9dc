/**
 * A plan is the ordered steps of one case with the rollback plan, content-addressed by `planHash`.
 * An operation is one thing a connector does inside a step whose gate was satisfied.
 */
import { z } from 'zod'
import {
  AttestTerms,
  AuthorityTerms,
  BreakGlassTerms,
  DemandTerms,
  DisputeTerms,
  DrillTerms,
  ExceptionTerms,
  SuccessionTerms,
  SuspendTerms,
} from './asked.js'
import {
  AuthorityKind,
  AuthorityReference,
  CaseScope,
  Change,
  CompensatingControl,
  ConsumerId,
  Count,
  Fact,
  IdentityId,
  Ms,
  ObjectiveId,
  PersonId,
  StepId,
  SystemId,
  Time,
  Ulid,
} from './basic.js'
import { FenceScope } from './envelope.js'
import { FindingKind } from './finding.js'
import { Page } from './recertify.js'
import { PartnerReview } from './review.js'

const Credential = z.string().max(63)
const Credentials = z.array(Credential).min(1).max(8)
const Identities = z.array(IdentityId).min(1).max(64)

export const Operation = z.discriminatedUnion('op', [
  /** Make the new secret and commit it, encrypted, before the target is touched. */
  z.strictObject({ op: z.literal('stage'), credential: Credential }),
  /** Compare the credential with what was signed and set the staged secret, in one target transaction. */
  z.strictObject({ op: z.literal('set'), credential: Credential }),
  /** Log in with the staged secret by the consumers' route and check membership of the group. */
  z.strictObject({ op: z.literal('verify'), credential: Credential }),
  /** Seal the secret to each consumer and hand the task to the partner. */
  z.strictObject({
    op: z.literal('deliver'),
    credential: Credential,
    to: z.array(ConsumerId).min(1),
  }),
  /** See every consumer on the new credential for `soakMs` without a gap. */
  z.strictObject({
    op: z.literal('observe-consumers'),
    credential: Credential,
    consumers: z.array(ConsumerId).min(1),
    soakMs: Ms,
    withinMs: Ms,
  }),
  /** See no session of the old credential for `unusedForMs`. */
  z.strictObject({
    op: z.literal('observe-unused'),
    credential: Credential,
    unusedForMs: Ms,
    withinMs: Ms,
  }),
  /** The control of a death: the stored secret is accepted, by the consumers' route. */
  z.strictObject({ op: z.literal('observe-accepted'), credential: Credential }),
  z.strictObject({ op: z.literal('disable'), credentials: Credentials }),
  z.strictObject({ op: z.literal('end-sessions'), credentials: Credentials }),
  /**
   * The secret that logged in just before is refused by authentication now, and no session is left.
   * `control` is accepted by the same route at the same time; null where the identity has none that lives.
   */
  z.strictObject({
    op: z.literal('prove-dead'),
    credential: Credential,
    control: Credential.nullable(),
  }),
  /** The target itself says that none of them may log in, and none has a session. */
  z.strictObject({ op: z.literal('observe-disabled'), credentials: Credentials }),
  /** The same at every look for `soakMs` on end. */
  z.strictObject({
    op: z.literal('observe-stays-disabled'),
    credentials: Credentials,
    soakMs: Ms,
    withinMs: Ms,
  }),
  /** Make the group and its credentials, unable to log in; the group a member of `memberOf`. */
  z.strictObject({ op: z.literal('create'), memberOf: z.array(Credential).max(16) }),
  /** They have the memberships of the plan, own nothing and hold no privilege of their own. */
  z.strictObject({ op: z.literal('verify-rights'), memberOf: z.array(Credential).max(16) }),
  /** Drop the group and its credentials; what they own goes to `reassignTo`. */
  z.strictObject({ op: z.literal('remove'), reassignTo: Credential.nullable() }),
  z.strictObject({ op: z.literal('verify-removed') }),
  /** The fence stops this identity no more; others in its scope it still does. Changes no target. */
  z.strictObject({ op: z.literal('lift-fence'), scope: FenceScope, fenceId: Ulid }),
  /** The evidence that the partner's claim names is in the store, byte for byte. Changes no target. */
  z.strictObject({ op: z.literal('receive-evidence') }),
  /** Each identity that the page's decision revokes gets its deprovision, or has one. */
  z.strictObject({ op: z.literal('open-revocations') }),
  /** The same again, and the target of each refuses it now, as its own case observed. */
  z.strictObject({ op: z.literal('prove-revocations') }),
  /** Each identity on this system was contained since the incident opened, or the target says that it has no access. */
  z.strictObject({
    op: z.literal('observe-contained'),
    systemId: SystemId,
    identities: Identities,
  }),
  /** Each got a new secret since the incident opened, or was removed: closed cases say so. */
  z.strictObject({ op: z.literal('observe-eradicated'), identities: Identities }),
  /** The proposed bundle, verified again, replaces the one that the plan compared it with. Changes no target. */
  z.strictObject({ op: z.literal('activate-bundle'), ...AuthorityReference.shape }),
  /** The exception and the demand of a drill are open, each a case of its own. Changes no target. */
  z.strictObject({ op: z.literal('open-exercises') }),
  /** Each of them has an owner who is there, and is somebody else. Changes no target. */
  z.strictObject({ op: z.literal('observe-succession') }),
  /** Seal the secret to this recipient, which alone can open it. Changes no target. */
  z.strictObject({ op: z.literal('seal'), credential: Credential, to: ConsumerId }),
  /** Watch the emergency access until its time is up, a fence stands around the identity, or it is gone. */
  z.strictObject({ op: z.literal('hold-open'), credential: Credential, until: Time }),
  /** Whatever has become of them since it was signed: none of them can log in, and their sessions are ended. */
  z.strictObject({ op: z.literal('withdraw'), credentials: Credentials }),
])
export type Operation = z.infer<typeof Operation>

export const Undo = z.discriminatedUnion('op', [
  /** Put the credential back to what it was before the step: no login, no staged secret. */
  z.strictObject({ op: z.literal('unset'), credential: Credential }),
  /** Let them log in again, with the secrets they had. */
  z.strictObject({ op: z.literal('enable'), credentials: Credentials }),
  /** Drop what the step created, as long as nothing hangs on it. */
  z.strictObject({ op: z.literal('remove-created') }),
  /** Take the access away again, in use or not. */
  z.strictObject({ op: z.literal('withdraw'), credentials: Credentials }),
  z.strictObject({ op: z.literal('nothing') }),
])
export type Undo = z.infer<typeof Undo>

export const Step = z.strictObject({
  stepId: StepId,
  title: z.string().max(120),
  executor: z.enum(['connector', 'partner', 'none']),
  operations: z.array(Operation).max(12),
  /** Run, in this order, as this step's own rollback. */
  undo: z.array(Undo).max(12),
  /** The rollback in words, as the owner reads it. */
  rollback: z.string().max(400),
  blastRadius: z.string().max(400),
  /** Facts this step needs observed before its gate may open, and facts it must produce. */
  needs: z.array(Fact),
  produces: z.array(Fact),
})
export type Step = z.infer<typeof Step>

/** Attribute name to value, as text; the secret's verifier appears only as a keyed fingerprint. */
export const TargetState = z.record(z.string().max(160), z.string().max(400))
export type TargetState = z.infer<typeof TargetState>

/** The scope of an incident: the reporter's list, and beside it what the enterprise itself found. */
export const IncidentScope = z.strictObject({
  reported: z.array(IdentityId).max(64),
  /** Not reported, and linked to what was: by a consumer or a need in common, at least. */
  linked: z
    .array(
      z.strictObject({
        identityId: IdentityId,
        by: z.array(z.enum(['consumer', 'need', 'system', 'custodian'])).min(1),
      }),
    )
    .max(1000),
  /** Linked, and said by the enterprise not to be affected. */
  cleared: z.array(IdentityId).max(64),
  /** What has to be contained and eradicated. */
  inScope: z.array(IdentityId).min(1).max(64),
  /** On the same system or with the same custodian, and nothing more; `nearCount` counts what has no room here too. */
  near: z.array(IdentityId).max(64),
  nearCount: Count,
})
export type IncidentScope = z.infer<typeof IncidentScope>

/** What the change is about, by kind of case. */
const About = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('rotate'), retiring: Credential, incoming: Credential }),
  z.strictObject({
    kind: z.literal('provision'),
    incoming: Credential,
    /** Roles of the target whose rights the identity gets: these and no other. */
    memberOf: z.array(Credential).max(16),
    need: z.strictObject({ reference: z.string().max(64), until: Time }),
  }),
  z.strictObject({
    kind: z.literal('deprovision'),
    /** Credentials that could log in when the plan was drawn. */
    living: z.array(Credential).max(8),
    /** What the identity owns, by name; `ownedCount` counts what has no room here too. */
    owned: z.array(z.string().max(160)).max(50),
    ownedCount: Count,
    reassignTo: Credential.nullable(),
  }),
  z.strictObject({ kind: z.literal('contain'), living: z.array(Credential).max(8) }),
  z.strictObject({
    kind: z.literal('lift'),
    fences: z.array(z.strictObject({ scope: FenceScope, fenceId: Ulid })).max(12),
  }),
  z.strictObject({ kind: z.literal('reinstate'), incoming: Credential }),
  z.strictObject({ kind: z.literal('exception'), ...ExceptionTerms.shape }),
  z.strictObject({
    kind: z.literal('attest'),
    ...AttestTerms.shape,
    /** The compensating controls that this person attests. */
    controls: z.array(CompensatingControl.shape.controlId).min(1).max(8),
  }),
  z.strictObject({ kind: z.literal('demand'), ...DemandTerms.shape }),
  z.strictObject({ kind: z.literal('dispute'), ...DisputeTerms.shape, finding: FindingKind }),
  z.strictObject({ kind: z.literal('recertify'), ...Page.shape }),
  z.strictObject({
    kind: z.literal('incident'),
    ...IncidentScope.shape,
    /** Where fences around it stand or may come to stand: whoever raises one signs nothing here. */
    scopes: z.array(FenceScope).max(192),
  }),
  z.strictObject({
    ...{ kind: AuthorityKind, ...AuthorityTerms.omit({ bundleHash: true }).shape },
    ...{ from: AuthorityReference, to: AuthorityReference },
    /** All in which the two differ, one sentence each. */
    changes: z.array(z.string().max(300)).max(64),
  }),
  z.strictObject({
    kind: z.literal('drill'),
    ...DrillTerms.shape,
    /** Where the rights are exercised, and who attests what makes up for the exception. */
    ...{ on: SystemId, attestedBy: PersonId },
    /** How long the partner has to answer, and how long the exception lasts when it is accepted. */
    ...{ answerWithinMs: Ms, exceptedForMs: Ms.min(1) },
  }),
  z.strictObject({
    ...{ kind: z.literal('succession'), ...SuccessionTerms.shape },
    /** Live persons of the enterprise whom the policy names as those who may take it over. */
    candidates: z.array(PersonId).max(64),
  }),
  z.strictObject({ kind: z.literal('partner-review'), ...PartnerReview.shape }),
  z.strictObject({
    kind: z.literal('break-glass'),
    incoming: Credential,
    ...BreakGlassTerms.shape,
  }),
  z.strictObject({
    kind: z.literal('suspend'),
    living: z.array(Credential).max(8),
    ...SuspendTerms.shape,
  }),
])

export const Plan = z.strictObject({
  v: z.literal(1),
  about: About,
  scope: CaseScope,
  systemId: SystemId.nullable(),
  objectiveId: ObjectiveId.nullable(),
  /** ServiceNow's change vocabulary, which owners already read. */
  change: z.strictObject({
    type: Change,
    summary: z.string().max(200),
    risk: z.enum(['low', 'moderate', 'high']),
    plannedAt: Time,
  }),
  /** The identity on its system: the role that owns the privileges, those that log in, who was seen connected. */
  target: z
    .strictObject({
      group: Credential,
      credentials: Credentials,
      consumersSeen: z.array(z.string().max(120)).max(64),
    })
    .nullable(),
  /** The attributes whose values make up a gate's pre-state: on the target those that bear rights. */
  attributes: z.array(z.string().max(160)).max(64),
  warnings: z.array(z.string().max(300)).max(16),
  steps: z.array(Step).min(1).max(16),
})
export type Plan = z.infer<typeof Plan>

/** What a case is asked for, by kind, and the durations that the policy gives it. */
import { z } from 'zod'
import {
  AuthorityKind,
  CaseId,
  CompensatingControl,
  ConsumerId,
  Deviation,
  DigestText,
  IdentityId,
  Ms,
  ObjectiveId,
  Outcome,
  PersonId,
  TargetName,
  Time,
  Ulid,
} from './basic.js'
import { PageTerms } from './recertify.js'
import { ReviewTerms } from './review.js'

export const Settings = z.strictObject({
  soakMs: Ms,
  unusedForMs: Ms,
  withinMs: Ms,
  leaseMs: Ms,
  claimWithinMs: Ms,
})
export type Settings = z.infer<typeof Settings>

export const ExceptionTerms = z.strictObject({
  deviation: Deviation,
  /** Where the reason stands, in the caller's own register. */
  reference: z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/),
  controls: z.array(CompensatingControl).min(1).max(8),
  attestEveryMs: Ms.min(1),
  until: Time,
})
export type ExceptionTerms = z.infer<typeof ExceptionTerms>

/** This person says for this due date that what makes up for the deviation is there. */
export const AttestTerms = z.strictObject({
  exceptionId: CaseId,
  attestedBy: PersonId,
  dueAt: Time,
})
export type AttestTerms = z.infer<typeof AttestTerms>

/** The page or the exception about which nobody said anything in time; null: a person asks for it. */
export const SuspendTerms = z.strictObject({ because: CaseId.nullable() })
export type SuspendTerms = z.infer<typeof SuspendTerms>

const Reference = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/)

export const DemandTerms = z.strictObject({
  /** What is asked, by its name in the enterprise's own catalogue of questions. */
  question: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
  /** Where it stands why this is demanded, in the caller's own register. */
  reference: Reference,
  /** The case that it is about; null: no single one. */
  about: CaseId.nullable(),
  /** The time that it is about; null: no certain one. */
  period: z.strictObject({ from: Time, until: Time }).nullable(),
  /** The answer is late after this, or after the time that the policy gives at least, whichever is later. */
  due: Time,
})
export type DemandTerms = z.infer<typeof DemandTerms>

export const DisputeTerms = z.strictObject({
  /** The closed demand, or the signed review, of which the finding follows. */
  demand: CaseId,
  /** Which one of a review's findings, from 1; of a demand there is one. */
  item: z.int().min(1).max(64).optional(),
  reference: Reference,
})
export type DisputeTerms = z.infer<typeof DisputeTerms>

export const BreakGlassTerms = z.strictObject({
  /** Where the emergency stands in the caller's own register. */
  reference: Reference,
  /** The registered recipient to whose key the fresh secret is sealed. */
  recipient: ConsumerId,
  /** Access is taken away then at the latest, whoever acts. */
  until: Time,
})
export type BreakGlassTerms = z.infer<typeof BreakGlassTerms>

/** What whoever reports an incident believes. A claim, beside which the enterprise puts its own list. */
export const Report = z.strictObject({
  /** Where the incident stands in the reporter's own register. */
  reference: z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/),
  /** The identities that are believed affected; sorted, without doubles. */
  suspected: z.array(IdentityId).min(1).max(64),
  /** Linked ones that the enterprise says are not affected; a partner clears none. */
  cleared: z.array(IdentityId).max(64),
})

/** An identity, or one outcome of an objective. */
const Owned = z.union([IdentityId, z.templateLiteral([ObjectiveId, ' ', Outcome])])
export const SuccessionTerms = z.strictObject({
  /** Who is not there any more. */
  gone: PersonId,
  /** What this person answers for; sorted. */
  owned: z.array(Owned).min(1).max(64),
})
export type SuccessionTerms = z.infer<typeof SuccessionTerms>

export const DrillTerms = z.strictObject({ canary: IdentityId })

export const AuthorityTerms = z.strictObject({
  /** Digest of the proposed bundle's manifest. */
  bundleHash: DigestText,
  /** Where the reason stands, in the enterprise's own register. */
  reference: z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/),
  /** Sorted: who answers for what changed from then on, each of whom has to accept it. */
  accepting: z.array(PersonId).max(8),
  /** Sorted: whose own keys, duties or votes grow, none of whom decides on it. */
  affected: z.array(PersonId).max(64),
})
export type AuthorityTerms = z.infer<typeof AuthorityTerms>

/** As it is asked for; who accepts it, and who may not decide, follows from the proposed bundle. */
export const AuthorityAsked = AuthorityTerms.pick({ bundleHash: true, reference: true }).extend({
  kind: AuthorityKind,
})

/** What was asked for, by kind of case. */
export const Asked = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('rotate') }),
  z.strictObject({
    kind: z.literal('provision'),
    /** Roles of the target whose rights the identity shall get; sorted, without doubles. */
    memberOf: z.array(TargetName).min(1).max(16),
  }),
  z.strictObject({
    kind: z.literal('deprovision'),
    /** The role that takes over what the identity owns; null when it owns nothing. */
    reassignTo: TargetName.nullable(),
  }),
  /** The fences that stand around the identity stop it no more. */
  z.strictObject({ kind: z.literal('lift') }),
  /** It gets access again, with a new secret, after it was contained. */
  z.strictObject({ kind: z.literal('reinstate') }),
  /** The identity loses access at once, because this fence cut it. */
  z.strictObject({ kind: z.literal('contain'), fenceId: Ulid }),
  /** It may deviate from a rule until then, as long as somebody attests its compensating controls this often. */
  z.strictObject({ kind: z.literal('exception'), ...ExceptionTerms.shape }),
  z.strictObject({ kind: z.literal('attest'), ...AttestTerms.shape }),
  /** The partner hands in this evidence. */
  z.strictObject({ kind: z.literal('demand'), ...DemandTerms.shape }),
  /** The partner holds that a finding against it is wrong. */
  z.strictObject({ kind: z.literal('dispute'), ...DisputeTerms.shape }),
  /** One owner says of each of these identities whether it is kept. */
  z.strictObject({ kind: z.literal('recertify'), ...PageTerms.shape }),
  /** Something happened: its scope, containment and closure are validated by persons who did not respond. */
  z.strictObject({ kind: z.literal('incident'), ...Report.shape }),
  /** The proposed bundle becomes the authority. */
  z.strictObject({ kind: AuthorityKind, ...AuthorityTerms.shape }),
  /** The three rights are exercised on this identity of the partner. */
  z.strictObject({ kind: z.literal('drill'), ...DrillTerms.shape }),
  /** Somebody who owns is gone: others have to answer for it. */
  z.strictObject({ kind: z.literal('succession'), ...SuccessionTerms.shape }),
  /** What a partner did in a period is judged again. */
  z.strictObject({ kind: z.literal('partner-review'), ...ReviewTerms.shape }),
  /** Access for a while, in an emergency, through an identity that is kept for nothing else. */
  z.strictObject({ kind: z.literal('break-glass'), ...BreakGlassTerms.shape }),
  /** It loses access, and gets it back by its owner's word while that is asked for. */
  z.strictObject({ kind: z.literal('suspend'), ...SuspendTerms.shape }),
])
export type Asked = z.infer<typeof Asked>

/** Persons whom the request itself names, each of whom the policy can ask to sign. */
export function personsNamedIn(asked: Asked): readonly string[] {
  switch (asked.kind) {
    case 'rotate':
    case 'provision':
    case 'deprovision':
    case 'lift':
    case 'reinstate':
    case 'contain':
    case 'demand':
    case 'dispute':
    case 'incident':
    case 'drill':
    case 'succession':
    case 'partner-review':
    case 'break-glass':
    case 'suspend':
      return []
    case 'exception':
      return asked.controls.map(({ attestedBy }) => attestedBy)
    case 'attest':
      return [asked.attestedBy]
    case 'recertify':
      return [asked.ownerId]
    case 'change-policy':
    case 'change-contracts':
    case 'change-ownership':
    case 'change-people':
    case 'revoke-keys':
      return asked.accepting
  }
}

/** Persons to whom the request gives something, none of whom decides on it. */
export const personsServedBy = (asked: Asked): readonly string[] =>
  'affected' in asked ? asked.affected : []

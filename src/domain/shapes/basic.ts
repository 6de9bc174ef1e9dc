/** The small words every other noun is made of: opaque ids, digests, times, facts. */
import { z } from 'zod'
import type { Digest } from '../bytes/digest.js'

const opaque = (prefix: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[a-z0-9][a-z0-9-]{0,47}$`), `not an id of the form ${prefix}_…`)

export const PersonId = opaque('per')
export const CompanyId = opaque('com')
export const IdentityId = opaque('nhi')
export const SystemId = opaque('sys')
export const ObjectiveId = opaque('obj')
export const ContractId = opaque('con')
export const ConsumerId = opaque('cns')
export const KeyId = opaque('key')
export const EnterpriseId = opaque('ent')
/** The name of a log, for good. */
export const Origin = z.string().regex(/^[a-z0-9./-]{3,100}$/)
export const PackId = z.string().regex(/^[a-z][a-z0-9-]{0,47}$/)

/** What a case is about: one identity, one partner with all that it holds, or the enterprise itself. */
export const CaseScope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('identity'), id: IdentityId }),
  z.strictObject({ kind: z.literal('partner'), id: CompanyId }),
  z.strictObject({ kind: z.literal('enterprise'), id: EnterpriseId }),
])
export type CaseScope = z.infer<typeof CaseScope>

/** `<kind>:<executing company>:<id of the scope>:<ulid>`: also the workflow id. */
export const CaseId = z
  .string()
  .regex(/^[a-z-]{3,24}:com_[a-z0-9-]{1,48}:(nhi|com|ent)_[a-z0-9-]{1,48}:[0-9A-HJKMNP-TV-Z]{26}$/)
export const StepId = z.string().regex(/^[a-z][a-z-]{0,31}$/, 'not the name of a step')
export const Ulid = z
  .string()
  .regex(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'not an id of 26 letters and digits (ULID)')

export const DigestText = z.custom<Digest>(
  (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value),
  'not a sha256 digest',
)
export const Base64 = z.base64().max(128 * 1024)

/** The connector's signature over an event without this field, bound to a case. */
export const Attestation = z.strictObject({
  keyid: KeyId,
  sig: Base64,
  /** What was signed: an in-toto statement; absent in entries from before, which are over the bare event. */
  form: z.literal('in-toto').optional(),
})
export type Attestation = z.infer<typeof Attestation>
export const AuthorityReference = z.strictObject({ version: z.int().min(1), hash: DigestText })
export type AuthorityReference = z.infer<typeof AuthorityReference>

/** UTC with milliseconds, `2026-11-23T22:31:00.000Z`: one spelling per instant, so text order is time order. */
export const Time = z.iso.datetime({
  precision: 3,
  error: 'not a time in UTC with milliseconds, such as 2026-11-23T22:31:00.000Z',
})
/** The bundle that an entry was judged under; `expiredAt` where it had run out, which suffices for taking access away. */
export const JudgedUnder = AuthorityReference.extend({ expiredAt: Time.optional() })
export type JudgedUnder = z.infer<typeof JudgedUnder>
/** A duration in whole milliseconds, at most ten years. */
export const Ms = z.int().min(0).max(315_576_000_000)
export const Count = z.int().min(0)

/** Hours by the wall clock of a zone. Hours past midnight belong to the day on which they begin. */
export const WeeklyHours = z.strictObject({
  zone: z.string().max(64),
  /** ISO 8601: Monday is 1. */
  weekdays: z.array(z.int().min(1).max(7)).min(1).max(7),
  fromMinute: z.int().min(0).max(1439),
  toMinute: z.int().min(1).max(1440),
})
export type WeeklyHours = z.infer<typeof WeeklyHours>

/** From one moment until another, which is not in it. */
export const Span = z.strictObject({ from: Time, until: Time })
export type Span = z.infer<typeof Span>

/** What a probe can have observed. A closed list, because signatures are conditional on them. */
export const Fact = z.enum([
  /** The roles exist, cannot log in, and have the rights of the plan and no other. */
  'created-as-planned',
  'new-credential-works',
  'consumer-on-new',
  'old-unused',
  'old-refused',
  'no-session-left',
  /** Every credential of the identity is refused a login. */
  'access-disabled',
  /** It stayed so, with nobody connected, for as long as the policy says. */
  'stayed-disabled',
  'removed',
  'fences-lifted',
  /** Every identity of a page was kept or revoked by signature; what was revoked has a case of its own. */
  'page-decided',
  /** Every identity that was revoked there is refused by its target. */
  'revocations-proved',
  /** Every identity of the incident has lost access, or is seen to have none. */
  'contained',
  /** Each of them has a new secret since the incident opened, or is gone. */
  'eradicated',
  'evidence-complete',
  /** What the partner's claim names was handed in, and its bytes have that digest. */
  'evidence-received',
  'bundle-active',
  /** A drill has asked for its exception and its evidence; its canary may be cut. */
  'rights-asked',
  /** Everything that somebody who is gone answered for has a live owner of the enterprise again. */
  'succeeded',
])
export type Fact = z.infer<typeof Fact>

/** The kinds of case that have a plan file. */
export const CaseKind = z.enum([
  'rotate',
  'provision',
  'deprovision',
  'contain',
  'lift',
  'reinstate',
  'exception',
  'attest',
  'demand',
  'dispute',
  'recertify',
  'incident',
  'change-policy',
  'change-contracts',
  'change-ownership',
  'change-people',
  'revoke-keys',
  'drill',
  'succession',
  'partner-review',
  'break-glass',
  'suspend',
])
export type CaseKind = z.infer<typeof CaseKind>

/** What the enterprise can do at any moment, on its own terms and without anybody's help. */
export const Right = z.enum(['revoke', 'decide-exceptions', 'demand-evidence'])
export type Right = z.infer<typeof Right>
/** Kinds whose work is on the identity's system; that of all others is in the evidence store alone. */
export const TargetKind = CaseKind.extract([
  'rotate',
  'provision',
  'deprovision',
  'contain',
  'lift',
  'reinstate',
  'break-glass',
  'suspend',
])
export type TargetKind = z.infer<typeof TargetKind>

/** Kinds that end in a new authority bundle, each for one section; `revoke-keys` only takes away. */
export const AuthorityKind = CaseKind.extract([
  'change-policy',
  'change-contracts',
  'change-ownership',
  'change-people',
  'revoke-keys',
])
export type AuthorityKind = z.infer<typeof AuthorityKind>

/** As service desks call it; what an emergency is asked for differs only where the policy says so. */
export const Change = z.enum(['standard', 'normal', 'emergency'])
export type Change = z.infer<typeof Change>

/** From which rule of the enterprise an exception lets an identity deviate. A closed list: each is asked about somewhere. */
export const Deviation = z.enum([
  /** Its credential is older than the policy allows. */
  'maximum-age',
  /** It lives on after its business need has ended. */
  'ended-need',
])
export type Deviation = z.infer<typeof Deviation>

/** What makes up for a deviation, by its id in the enterprise's catalogue, and who says again that it is there. */
export const CompensatingControl = z.strictObject({
  controlId: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  attestedBy: PersonId,
})
export type CompensatingControl = z.infer<typeof CompensatingControl>

/** A name on the target, such as a PostgreSQL role, that needs no quoting and that the server keeps for nothing of its own. */
export const TargetName = z
  .string()
  .regex(
    /^(?!pg_|(public|none)$)[a-z_][a-z0-9_]{0,62}$/,
    'not a name on the target that needs no quoting',
  )

export const Tier = z.enum(['tier0', 'tier1', 'tier2', 'tier3'])
export const Assurance = z.enum(['key', 'passkey'])
export type Assurance = z.infer<typeof Assurance>
export const Outcome = z.enum([
  'provisioning',
  'deprovisioning',
  'rotation',
  'recertification',
  'exceptions',
  'incidents',
])
export type Outcome = z.infer<typeof Outcome>

/** What a case is asked for, by kind, and the durations that the policy gives it. */
import { z } from 'zod'
import {
  AuthorityKind,
  CompensatingControl,
  Deviation,
  DigestText,
  Ms,
  PersonId,
  TargetName,
  Time,
  Ulid,
} from './basic.js'

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
  /** The proposed bundle becomes the authority. */
  z.strictObject({ kind: AuthorityKind, ...AuthorityTerms.shape }),
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
      return []
    case 'exception':
      return asked.controls.map(({ attestedBy }) => attestedBy)
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

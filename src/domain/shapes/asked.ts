/** What a case is asked for, by kind, and the durations that the policy gives it. */
import { z } from 'zod'
import { Ms, TargetName, Ulid } from './basic.js'

export const Settings = z.strictObject({
  soakMs: Ms,
  unusedForMs: Ms,
  withinMs: Ms,
  leaseMs: Ms,
  claimWithinMs: Ms,
})
export type Settings = z.infer<typeof Settings>

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
])
export type Asked = z.infer<typeof Asked>

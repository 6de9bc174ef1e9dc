/**
 * The *sealed kit*: what a cut needs when the evidence store is down. Sealed in advance to a duty person, opened on
 * that person's machine, its use recorded afterwards as late evidence.
 */
import { z } from 'zod'
import { AuthorityBundle, Trust } from './authority.js'
import { EnterpriseId, IdentityId, PersonId, SystemId, Time } from './basic.js'
import { Envelope } from './envelope.js'

/** Where a system's admin credential is used, and by which route its identities log in. */
export const KitTarget = z.strictObject({
  kind: z.literal('postgresql'),
  /** A secret. */
  adminUrl: z.string().max(2000),
  route: z.strictObject({
    host: z.string().min(1).max(253),
    port: z.int().min(1).max(65_535),
    database: z.string().min(1).max(63),
  }),
})
export type KitTarget = z.infer<typeof KitTarget>

export const Kit = z.strictObject({
  v: z.literal(1),
  sealedAt: Time,
  trust: Trust,
  bundle: AuthorityBundle,
  /** The text of the pack in force, by path. */
  pack: z.record(z.string().max(80), z.string().max(256 * 1024)),
  /** In force when it was sealed. */
  mandates: z.array(Envelope).max(100),
  systems: z.record(SystemId, KitTarget),
})
export type Kit = z.infer<typeof Kit>

/** What was done with a kit, signed by whoever did it. */
export const KitUse = z.strictObject({
  type: z.literal('kit-use'),
  v: z.literal(1),
  enterprise: EnterpriseId,
  personId: PersonId,
  sealedAt: Time,
  /** The signed fence that cuts, and the mandate under which it was carried out. */
  fence: Envelope,
  mandate: Envelope,
  results: z
    .array(
      z.strictObject({
        identityId: IdentityId,
        outcome: z.enum(['cut', 'not-reached', 'rejected']),
        observed: z.record(z.string().max(80), z.string().max(400)),
      }),
    )
    .max(1000),
  startedAt: Time,
  endedAt: Time,
})
export type KitUse = z.infer<typeof KitUse>

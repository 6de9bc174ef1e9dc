/** The entries of a fence stream, `fence:<kind>:<id>`: fences are raised there, and lifted for one identity at a time. */
import { z } from 'zod'
import { Attestation, CaseId, IdentityId, JudgedUnder, Ulid } from './basic.js'
import { Envelope, Fence } from './envelope.js'

/** What was signed, and the signature; with the authority that it was judged under where that had expired. */
export const Fenced = Fence.extend({
  type: z.literal('Fenced'),
  envelope: Envelope,
  under: JudgedUnder.optional(),
})
/** Under a grant of a case to lift it. Believed only with the connector's signature, bound to that case. */
export const FenceLifted = z.strictObject({
  type: z.literal('FenceLifted'),
  fenceId: Ulid,
  identityId: IdentityId,
  caseId: CaseId,
  grantId: Ulid,
  attestation: Attestation,
})
export type FenceLifted = z.infer<typeof FenceLifted>
export const FenceEvent = z.discriminatedUnion('type', [Fenced, FenceLifted])
export type FenceEvent = z.infer<typeof FenceEvent>

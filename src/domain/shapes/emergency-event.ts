/** The entries of the stream of all emergency uses, `emergency-use:<enterprise>`. Believed only with the connector's signature, bound to the case. */
import { z } from 'zod'
import { Attestation, CaseId, IdentityId, PersonId, Ulid } from './basic.js'

/** Access was granted: who asked for it, and whoever approved it or signed for one who did. */
export const EmergencyUsed = z.strictObject({
  type: z.literal('EmergencyUsed'),
  caseId: CaseId,
  identityId: IdentityId,
  grantId: Ulid,
  askedBy: PersonId,
  /** Sorted, without doubles. */
  approvedBy: z.array(PersonId).min(1).max(64),
  attestation: Attestation,
})
/** The use counts no more, as the entries of its own case say. */
export const EmergencySettled = z.strictObject({
  type: z.literal('EmergencySettled'),
  caseId: CaseId,
  /** `unused`: the case ended, and no access was ever given. */
  said: z.enum(['approved', 'disapproved', 'unused']),
  attestation: Attestation,
})
export const EmergencyEvent = z.discriminatedUnion('type', [EmergencyUsed, EmergencySettled])
export type EmergencyEvent = z.infer<typeof EmergencyEvent>

/** The entries of a mandate's own stream, `mandate:<mandateId>`: it is given once, used, and perhaps revoked. */
import { z } from 'zod'
import {
  Attestation,
  AuthorityReference,
  CaseId,
  Count,
  DigestText,
  StepId,
  Ulid,
} from './basic.js'
import { Envelope } from './envelope.js'

export const MandateGiven = z.strictObject({
  type: z.literal('MandateGiven'),
  mandateId: Ulid,
  envelope: Envelope,
  authority: AuthorityReference,
})
/**
 * Use number `nth` of it, in the transaction of the grant. Believed only with the connector's signature, bound
 * to the case; `follows` is the entry before it, so that the signature is over everything that stood there.
 */
export const MandateUsed = z.strictObject({
  type: z.literal('MandateUsed'),
  mandateId: Ulid,
  caseId: CaseId,
  stepId: StepId,
  grantId: Ulid,
  nth: Count,
  follows: DigestText,
  attestation: Attestation,
})
export type MandateUsed = z.infer<typeof MandateUsed>
export const MandateRevoked = z.strictObject({
  type: z.literal('MandateRevoked'),
  mandateId: Ulid,
  envelope: Envelope,
  authority: AuthorityReference,
})
export const MandateEvent = z.discriminatedUnion('type', [
  MandateGiven,
  MandateUsed,
  MandateRevoked,
])
export type MandateEvent = z.infer<typeof MandateEvent>

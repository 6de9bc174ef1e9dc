/** Events of a case that stand beside its steps: none of them is of one. */
import { z } from 'zod'
import { Attestation, Count, DigestText, IdentityId, StepId, SystemId, Ulid } from './basic.js'
import { FenceScope, FenceSpeed } from './envelope.js'
import { TargetState } from './plan.js'

export const RefusalCodeText = z.string().regex(/^[A-Z_]{3,40}$/)

/** The workflow was found missing and was started again from the ledger. */
export const WorkflowRecovered = z.strictObject({
  type: z.literal('WorkflowRecovered'),
  previous: z.string().max(60),
})

/** What a review saw on a target: the state of one identity, or (null) which roles there are and which of them log in. */
export const TargetSeen = z.strictObject({
  type: z.literal('TargetSeen'),
  systemId: SystemId,
  identityId: IdentityId.nullable(),
  state: TargetState,
  attestation: Attestation,
})

/** Noise is capped per case, then counted. */
export const RefusalsCounted = z.strictObject({ type: z.literal('RefusalsCounted'), count: Count })

/** A fence that was raised elsewhere ends the case. */
export const CaseFenced = z.strictObject({
  type: z.literal('CaseFenced'),
  scope: FenceScope,
  fenceId: Ulid,
  /** `cut`: the identity's containment goes before, and the case ends superseded; absent: as a fence that stops. */
  speed: FenceSpeed.optional(),
})

/** Something that must not have happened was found; it is evidence, and changes nothing by itself. */
export const FindingRecorded = z.strictObject({
  type: z.literal('FindingRecorded'),
  code: RefusalCodeText,
  where: z.string().max(200),
  detail: z.string().max(300),
})

/** The case goes on in a successor log: what was signed and granted for these steps before entries were lost no longer counts. */
export const CaseResumed = z.strictObject({
  type: z.literal('CaseResumed'),
  /** The first entry of the successor log. */
  successor: DigestText,
  voided: z.array(StepId),
})

/** Events of a case that stand beside its steps and change none of them. */
import { z } from 'zod'
import { Attestation, IdentityId, SystemId } from './basic.js'
import { TargetState } from './plan.js'

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

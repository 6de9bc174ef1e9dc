/**
 * A *notice* tells one person, partner or the operators what has changed for them. It names the case, what is asked,
 * until when, and by which command to look at it. It carries opaque ids only, and nothing with which one could approve.
 */
import { z } from 'zod'
import { CaseId, PersonId, StepId, Time } from './basic.js'

export const Topic = z.enum([
  /** A gate opened, or a task is offered, and it is your turn. */
  'awaited',
  /** It is still your turn. */
  'reminder',
  'escalated',
  /** It ends soon without you. */
  'last-call',
  'case-ended',
  'contradicted',
  'fence-put',
  'fence-lifted',
  'break-glass',
  'finding',
  'mandate-given',
  'mandate-revoked',
  'mandate-digest',
  'witness-missing',
  'signer-stopped',
])
export type Topic = z.infer<typeof Topic>

/** `person:per_ana`, `partner:com_acme`, or `ops`. */
export const Recipient = z
  .string()
  .regex(
    /^(person:per_[a-z0-9][a-z0-9-]{0,47}|partner:com_[a-z0-9][a-z0-9-]{0,47}|ops)$/,
    'not person:per_…, partner:com_… or ops',
  )

export const Notice = z.strictObject({
  /** The same for whoever derives it again, so that a second delivery is known as one. */
  id: z.string().regex(/^ntc_[0-9a-f]{32}$/),
  topic: Topic,
  to: Recipient,
  /** When what it tells happened. */
  at: Time,
  /** Not to be sent before. */
  from: Time,
  caseId: CaseId.nullable(),
  stepId: StepId.nullable(),
  /** The opening of the gate that it is about; it is moot when that is over. */
  round: z.int().min(1).nullable(),
  /** Whose vote is awaited, where that is not the recipient's own. */
  onBehalfOf: PersonId.nullable(),
  until: Time.nullable(),
  says: z.string().max(1000),
  /** The command that shows more. */
  look: z.string().max(300),
})
export type Notice = z.infer<typeof Notice>

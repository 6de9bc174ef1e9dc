/** The HTTP contract of a partner's tasks, version 1. See http.ts for the rules. */
import { z } from 'zod'
import { DemandTerms } from '../domain/shapes/asked.js'
import { CaseId, CaseScope, Count, StepId, SystemId, Time, Ulid } from '../domain/shapes/basic.js'
import { Envelope } from '../domain/shapes/envelope.js'
import { LeaseTimes } from './http.js'

/** 48 KiB in base64. */
const MAX_DOCUMENT_CHARACTERS = 64 * 1024

export const ClaimRequest = z.strictObject({
  caseId: CaseId,
  envelope: Envelope,
  /** What a demand asks for, base64; the claim signs its SHA-256 as `notesDigest`. */
  document: z.base64().min(4).max(MAX_DOCUMENT_CHARACTERS).nullable().default(null),
})
export type ClaimRequest = z.input<typeof ClaimRequest>
/** Some clients send an empty object with every POST. */
export const LeaseRequest = z.strictObject({}).optional()

export const TasksAnswer = z.object({
  tasks: z.array(
    z.object({
      caseId: CaseId,
      stepId: StepId,
      title: z.string(),
      scope: CaseScope,
      systemId: SystemId.nullable(),
      grantId: Ulid,
      /** The login name that is handed over, and to whom; null where nothing is. */
      credential: z.string().nullable(),
      consumers: z.array(z.string()),
      /** The evidence that is asked for; null where none is. */
      demand: z.object(DemandTerms.shape).nullable(),
      expiresAt: Time,
      lease: LeaseTimes.nullable(),
      links: z.object({ lease: z.string() }),
    }),
  ),
})
export type TasksAnswer = z.infer<typeof TasksAnswer>

/** `lease` is the fencing token that the claim has to carry. Secrets leave only sealed to a consumer's key. */
export const LeaseAnswer = z.object({
  lease: Count,
  expiresAt: Time,
  grantId: Ulid,
  permit: Envelope,
  /** The login name that comes in, and the consumers that take it; null where nothing is handed over. */
  credential: z.string().nullable(),
  sealed: z.array(z.object({ consumerId: z.string(), jwe: z.string() })),
})
export type LeaseAnswer = z.infer<typeof LeaseAnswer>

export const ClaimAnswer = z.object({ caseId: CaseId, seq: Count })
export type ClaimAnswer = z.infer<typeof ClaimAnswer>

/** The HTTP contract of operators, version 1: what stands still and why, and having a case looked at again. See http.ts for the rules. */
import { z } from 'zod'
import { CaseId, Count, DigestText, Time } from '../domain/shapes/basic.js'
import { ProcessName } from '../domain/shapes/process-event.js'

/** Seconds, as text of the query. */
export const StuckQuery = z.strictObject({
  quietFor: z
    .string()
    .regex(/^\d{1,7}$/)
    .transform(Number)
    .default(900),
})

/** Cases in which no person is awaited and nothing was recorded for that long, longest first; a long soak is quiet too. */
export const StuckAnswer = z.object({
  cases: z.array(z.object({ caseId: CaseId, quietSince: Time, why: z.string() })),
  /** Witnesses of the log that do not cosign, a line for each. */
  missing: z.array(z.string()),
})
export type StuckAnswer = z.infer<typeof StuckAnswer>

export const WhoAnswer = z.object({
  holders: z.array(z.object({ holder: z.string(), cases: Count, quietSince: Time })),
})
export type WhoAnswer = z.infer<typeof WhoAnswer>

/** What was started, the latest first; `running` where it measured its clock lately, and then how far ahead that is. */
export const ProcessesAnswer = z.object({
  processes: z.array(
    z.object({
      ...{ process: ProcessName, instance: z.string(), host: z.string(), startedAt: Time },
      ...{ tool: z.string(), build: DigestText, configuration: DigestText },
      running: z.enum(['yes', 'silent', 'no']),
      skewMs: z.int().nullable(),
    }),
  ),
})
export type ProcessesAnswer = z.infer<typeof ProcessesAnswer>

/** `granted`: cases with a step under way. */
export const DrainAnswer = z.object({
  granted: z.array(CaseId),
  signals: Count,
  unsigned: Count,
})
export type DrainAnswer = z.infer<typeof DrainAnswer>

/** Who was told what of a case, over which channel; `moot` what awaited nobody any more, `no-channel` what no route leads to. */
const Told = z.object({
  topic: z.string(),
  to: z.string(),
  at: Time,
  channel: z.string().nullable(),
  state: z.enum(['queued', 'sent', 'moot', 'given-up', 'no-channel']),
  attempts: Count,
  fault: z.string().nullable(),
})

export const WhyAnswer = z.object({
  caseId: CaseId,
  why: z.string(),
  quietSince: Time,
  told: z.array(Told).default([]),
})
export type WhyAnswer = z.infer<typeof WhyAnswer>

/** `nothing`: it is being told already, or closed. */
export const OperatedAnswer = z.object({ caseId: CaseId, done: z.enum(['asked', 'nothing']) })
export type OperatedAnswer = z.infer<typeof OperatedAnswer>

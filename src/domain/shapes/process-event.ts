/** The entries of the stream of each process: what was started there, and when its clock was off. They change nothing. */
import { z } from 'zod'
import { DigestText } from './basic.js'

export const PROCESSES = ['api', 'worker', 'keeper', 'connector'] as const
export const ProcessName = z.enum(PROCESSES)
export type ProcessName = z.infer<typeof ProcessName>

/** One run of a process. */
const Instance = z.string().regex(/^[0-9A-HJKMNP-TV-Z]{26}$/)
/** Milliseconds that its machine's clock is ahead of the database's. */
const Skew = z.int().min(-8_640_000_000_000).max(8_640_000_000_000)

export const ProcessStarted = z.strictObject({
  type: z.literal('ProcessStarted'),
  process: ProcessName,
  instance: Instance,
  host: z.string().regex(/^[A-Za-z0-9.-]{1,63}$/),
  /** Name and version of the program. */
  tool: z.string().regex(/^countersign\/[0-9A-Za-z.+-]{1,40}$/),
  /** Of its code and of the lock file of its packages. */
  build: DigestText,
  /** Of what it was told, secrets left out. */
  configuration: DigestText,
  skewMs: Skew,
})
export type ProcessStarted = z.infer<typeof ProcessStarted>

/** Its clock went past the bound, or came back within it. */
export const ClockLooked = z.strictObject({
  type: z.literal('ClockLooked'),
  instance: Instance,
  clock: z.enum(['off', 'right']),
  skewMs: Skew,
})
export type ClockLooked = z.infer<typeof ClockLooked>

export const ProcessEvent = z.discriminatedUnion('type', [ProcessStarted, ClockLooked])
export type ProcessEvent = z.infer<typeof ProcessEvent>

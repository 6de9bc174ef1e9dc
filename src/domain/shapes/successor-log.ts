/**
 * A *successor log* follows one that has lost entries: what two officers sign to open it, and the entry that carries
 * what they signed. It names what was there and is not, so that the gap is visible for ever.
 */
import { z } from 'zod'
import { PublicKey } from './authority.js'
import { Base64, Count, DigestText, EnterpriseId, Origin, Time } from './basic.js'
import { Envelope } from './envelope.js'

const Head = z.strictObject({ size: Count, root: Base64 })

const Seen = z.strictObject({ seq: z.int().min(1), hash: DigestText })

/** A stream of which a connector has seen more than there is: the last entry that it saw, and the one that is there at that place, or the last. */
export const ShorterStream = z.strictObject({
  stream: z.string().max(200),
  had: Seen,
  has: Seen.nullable(),
})
export type ShorterStream = z.infer<typeof ShorterStream>

/** More than this needs another backup, not more signatures. */
export const MAX_SHORTER = 150

export const SuccessorLog = z
  .strictObject({
    type: z.literal('successor-log'),
    v: z.literal(1),
    enterprise: EnterpriseId,
    /** The log that lost entries, and the key that signed its highest head. */
    from: z.strictObject({ origin: Origin, key: PublicKey }),
    /** The largest head of it that anybody has seen, with the note under which the log's key signed it. */
    highest: Head.extend({ note: z.string().max(8000) }),
    /** The head of what is left of it, with which the successor begins. */
    restored: Head,
    /** How many entries are gone. */
    lost: z.int().min(1),
    to: z.strictObject({ origin: Origin }),
    /** What connectors judged by and is gone; from here on what is left counts. */
    shorter: z.array(ShorterStream).max(MAX_SHORTER),
    /** Salted digest of the reason, in the officers' words. */
    reasonDigest: DigestText,
    issuedAt: Time,
  })
  .refine(
    ({ highest, restored, lost }) => highest.size - restored.size === lost,
    'what is lost is not what is missing',
  )
  .refine(({ from, to }) => from.origin !== to.origin, 'a successor has a name of its own')
export type SuccessorLog = z.infer<typeof SuccessorLog>

/** The first entry of a successor log, in the stream `log:<enterprise>`. */
export const LogSucceeded = z.strictObject({
  type: z.literal('LogSucceeded'),
  origin: Origin,
  envelope: Envelope,
})
export type LogSucceeded = z.infer<typeof LogSucceeded>

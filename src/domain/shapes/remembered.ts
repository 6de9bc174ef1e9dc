/** What a connector keeps outside the database: how far it has seen the streams and the authority it judges by. */
import { z } from 'zod'
import { AuthorityReference, DigestText } from './basic.js'

export const Remembered = z.strictObject({
  v: z.literal(1),
  /** The newest bundle that was believed. */
  authority: AuthorityReference.nullable(),
  /** Of each stream the last entry that was seen. */
  streams: z.record(z.string().max(200), z.strictObject({ seq: z.int().min(1), hash: DigestText })),
  /** The first entries of successor logs under which what was seen before is counted anew. */
  successors: z.array(DigestText).max(1000).optional(),
})
export type Remembered = z.infer<typeof Remembered>

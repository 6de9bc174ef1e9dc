/** How far a clock is from the database's, which is the one that counts. */
import { type Db, now } from '../db.js'

/** Signers allow for five seconds; half of that is time to look. */
export const MOST_SKEW_MS = 2500

/** Milliseconds that the clock is ahead of the database's; negative when it is behind. */
export async function skewOf(db: Db, clock: () => number = Date.now): Promise<number> {
  await now(db)
  const before = clock()
  const at = Date.parse(await now(db))
  return (before + clock()) / 2 - at
}

export const isFarOff = (ms: number): boolean => Math.abs(ms) > MOST_SKEW_MS

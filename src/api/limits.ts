/**
 * A *bucket* holds the requests that one caller may make at once and fills again at a steady rate. A caller is
 * the account of a valid token, and only without one an address, so that what others send from behind the same
 * proxy takes nothing from an owner who is signed in. Deciding, stopping and demanding evidence have buckets
 * of their own, which no other traffic of the same account can empty.
 */

export interface BucketSize {
  /** Requests at once. */
  readonly burst: number
  /** Requests per second in the long run. */
  readonly perSecond: number
}

export const LIMITS = {
  /** Without a valid token, by address. */
  anonymous: { burst: 200, perSecond: 50 },
  account: { burst: 200, perSecond: 50 },
  /** Readers of the log, by address: one who checks the whole of it asks for two files per 256 entries. */
  log: { burst: 1000, perSecond: 250 },
  sovereign: { burst: 400, perSecond: 100 },
} as const satisfies Record<string, BucketSize>

/** Callers remembered at most; the longest silent is forgotten first, and its bucket is full again. */
const MAX_CALLERS = 10_000

interface Level {
  readonly tokens: number
  readonly at: number
}

/** Takes one request. 0 when it may pass; else the seconds until it may. */
export type Take = (input: { readonly caller: string; readonly size: BucketSize }) => number

/** `now` is a monotonic clock in ms. */
export function buckets(now: () => number = () => performance.now()): Take {
  const levels = new Map<string, Level>()
  return ({ caller, size }) => {
    const at = now()
    const known = levels.get(caller) ?? { tokens: size.burst, at }
    const filled = Math.min(size.burst, known.tokens + ((at - known.at) / 1000) * size.perSecond)
    levels.delete(caller)
    levels.set(caller, { tokens: filled >= 1 ? filled - 1 : filled, at })
    const [oldest] = levels.keys()
    if (levels.size > MAX_CALLERS && oldest !== undefined) levels.delete(oldest)
    return filled >= 1 ? 0 : Math.max(1, Math.ceil((1 - filled) / size.perSecond))
  }
}

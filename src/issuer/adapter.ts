/**
 * Where the issuer keeps what it has to remember: the ids of client assertions that were used, until they
 * expire. Access tokens are self-contained and nothing else is issued. Kept in memory: an assertion from
 * before the start of this process is refused by its time of issue instead.
 */
import type { Adapter } from 'oidc-provider'

/** Used ids held at most; the oldest expire first, and a full store refuses rather than forgets. */
const MAX_KEPT = 100_000

interface Kept {
  readonly payload: Record<string, unknown>
  readonly expiresAt: number
}

/** One store per model of the library. */
export function memoryAdapter(): Adapter {
  const kept = new Map<string, Kept>()
  const live = (id: string): Kept | undefined => {
    const found = kept.get(id)
    if (found !== undefined && found.expiresAt > Date.now()) return found
    kept.delete(id)
    return undefined
  }
  return {
    upsert: async (id, payload, expiresInS) => {
      if (kept.size >= MAX_KEPT) forgetExpired(kept)
      if (kept.size >= MAX_KEPT) throw new TypeError('too many client assertions are remembered')
      kept.set(id, { payload, expiresAt: Date.now() + expiresInS * 1000 })
    },
    find: async (id) => live(id)?.payload,
    findByUserCode: async () => undefined,
    findByUid: async () => undefined,
    consume: async (id) => {
      const found = live(id)
      if (found !== undefined) found.payload.consumed = Math.floor(Date.now() / 1000)
    },
    destroy: async (id) => {
      kept.delete(id)
    },
    revokeByGrantId: async () => undefined,
  }
}

function forgetExpired(kept: Map<string, Kept>): void {
  const at = Date.now()
  for (const [id, { expiresAt }] of kept) if (expiresAt <= at) kept.delete(id)
}

/**
 * Whether this process lives, and whether it can serve: the store answers and the authority is in force. A log
 * that lags behind or is not signed any more, or a witness that is missing, is told and does not make it unready, because decisions and fences never wait for proofs.
 */
import { isRefusal } from '../domain/refusal.js'
import { logHealth } from '../store/case/queries.js'
import { logRefused } from '../store/log/log-refused.js'
import { isMissing, witnessHealth } from '../store/log/witnesses.js'
import type { OpenHandler } from './call.js'

/** Ms after which an entry without a signed checkpoint over it counts as late. */
const LATE_MS = 10_000

export const livez: OpenHandler = async () => ({ body: { alive: true } })

export const readyz: OpenHandler = async (deps) => {
  const log = await logHealth(deps.db).catch(() => null)
  if (log === null) return { status: 503, body: { ready: false, store: 'unreachable' } }
  const authority = await deps.authority.current(deps.db, { at: log.at, lock: 'none' })
  const unsignedMs =
    log.unsignedSince === null ? 0 : Date.parse(log.at) - Date.parse(log.unsignedSince)
  const refused = await logRefused(deps.db)
  const behind = unsignedMs > LATE_MS ? 'late' : 'current'
  const checkpoint = {
    size: log.size,
    state: refused === null ? behind : 'refused',
    unsignedMs: Math.max(0, unsignedMs),
    ...(refused === null ? {} : { refused }),
  }
  const health = await witnessHealth(deps.db)
  const missing = health.filter(isMissing).map(({ name }) => name)
  const single = health.length === 0 ? 'single party' : 'current'
  const witnesses = { state: missing.length > 0 ? 'missing' : single, missing }
  const about = isRefusal(authority)
    ? { state: authority.refused }
    : { state: 'in force', version: authority.version, expiresAt: authority.expiresAt }
  return {
    status: isRefusal(authority) ? 503 : 200,
    body: {
      ready: !isRefusal(authority),
      store: 'reachable',
      authority: about,
      checkpoint,
      witnesses,
    },
  }
}

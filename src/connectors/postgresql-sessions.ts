/**
 * session: one server process that a credential logged in to, still there although its login or its
 * secret may be gone. Helpers of a parallel query count with the session they help.
 *
 * Promises: only this connector's own open probes are left out, by process id and name together, so
 * nobody hides a session by calling it a probe. Prepared transactions are not sessions.
 */
import type { SessionGroup } from './connector.js'
import { PROBE } from './postgresql-login.js'
import type { AdminPool, Lease } from './postgresql-pool.js'
import { roleName } from './postgresql-sql.js'

type Of = { readonly credential: string; readonly ownProbes: readonly number[] }
type Ending = Of & { readonly withinMs: number }
type Session = { key: string }

const WAIT_MS = 100

/** UNTRUSTED: `application` is whatever the client called itself. */
export async function listSessions(lease: Lease, of: Of): Promise<readonly SessionGroup[]> {
  const { rows } = await lease.query<SessionGroup>(GROUPS, parameters(of))
  return rows
}

/**
 * Ends the sessions of a credential, new ones as well, until none is left or `withinMs` milliseconds
 * passed. Throws TargetFault, 42501 when the admin role may not signal them.
 */
export const endSessions = (pool: AdminPool, of: Ending) =>
  pool.use('ending sessions', async (lease) => {
    const seen = new Set<string>()
    const deadline = performance.now() + of.withinMs
    let left = await signal(lease, of)
    for (const one of left) seen.add(one.key)
    while (left.length > 0 && performance.now() < deadline) {
      await lease.query(WAIT_FOR_ONE, [...parameters(of), WAIT_MS])
      left = await signal(lease, of)
      for (const one of left) seen.add(one.key)
    }
    return { ended: seen.size - left.length, left: left.length }
  })

/** The sessions that were there and have been told to end. */
async function signal(lease: Lease, of: Of): Promise<readonly Session[]> {
  const { rows } = await lease.query<Session>(SIGNAL, parameters(of))
  return rows
}

const parameters = ({ credential, ownProbes }: Of) => [roleName(credential), [...ownProbes], PROBE]

const SESSIONS = `
FROM pg_catalog.pg_stat_activity
WHERE usename::text = $1 AND leader_pid IS NULL
  AND NOT (pid = ANY ($2::int[]) AND application_name = $3)`

const GROUPS = `
SELECT coalesce(application_name, '') AS application, count(*)::int AS count ${SESSIONS}
GROUP BY 1 ORDER BY 1`

const SIGNAL = `
SELECT pid || ' ' || backend_start AS key, pg_terminate_backend(pid) ${SESSIONS}`

// Returns as soon as the one session has ended.
const WAIT_FOR_ONE = `
SELECT pg_terminate_backend(pid, $4::bigint) FROM (SELECT pid ${SESSIONS} LIMIT 1) one`

/**
 * Maximum age: a rotation opens by itself for an identity whose credential is older than the policy allows, and an
 * attestation ahead of each date at which an exception needs one. What happens in them still waits for signatures.
 */
import { attestationsToAsk, isExcepted } from '../../domain/case/exceptions.js'
import { maximumAgeMs } from '../../domain/policy/periods.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { OpenCaseDeps } from '../case/open-case.js'
import type { Db } from '../db.js'
import { acceptedExceptions } from '../streams/exceptions.js'
import { openScheduled, type Scheduled, standingNow } from './scheduled.js'

/**
 * Opens a rotation for each identity that is older than its maximum age and has no case of its own open, but for
 * those in `besides`; repeatable. What was declined or expired is asked for again one maximum age later.
 */
export async function rotateOverdue(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Scheduled[] | Refusal> {
  const standing = await standingNow(deps)
  if (isRefusal(standing)) return standing
  const { authority, pack, at } = standing
  const aged = [...authority.identities.values()].flatMap(({ identityId, tier, systemId }) => {
    const maximum = maximumAgeMs(pack, { tier, systemId })
    return maximum === null || maximum === 0 ? [] : [{ identityId, maximum }]
  })
  if (aged.length === 0) return []
  const [since, busy, exceptions] = await Promise.all([
    renewedAt(
      deps.db,
      aged.map(({ identityId }) => identityId),
    ),
    heldIdentities(deps.db),
    acceptedExceptions(deps.db),
  ])
  const scheduled: Scheduled[] = []
  for (const { identityId, maximum } of aged) {
    const renewed = since.get(identityId)
    if (renewed === undefined || busy.has(identityId)) continue
    const periods = Math.floor((Date.parse(at) - Date.parse(renewed)) / maximum)
    const key = `${identityId} ${renewed} ${periods}`
    if (periods < 1 || besides.has(key)) continue
    if (isExcepted(exceptions, { identityId, deviation: 'maximum-age', at })) continue
    const asked = { kind: 'rotate' as const }
    const of = { authority, asked, identityId, principal: 'schedule:age' as const, key }
    scheduled.push(await openScheduled(deps, of))
  }
  return scheduled
}

/** Opens what has to be attested soon or was not attested in time, but for what is in `besides`; repeatable. */
export async function askForAttestations(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Scheduled[] | Refusal> {
  const today = await deps.authority.today(deps.db)
  if (isRefusal(today)) return today
  const { authority, at } = today
  const scheduled: Scheduled[] = []
  for (const { identityId, ...terms } of attestationsToAsk(await acceptedExceptions(deps.db), at)) {
    const key = `${terms.exceptionId} ${terms.attestedBy} ${terms.dueAt}`
    if (besides.has(key)) continue
    const asked = { kind: 'attest' as const, ...terms }
    const of = { authority, asked, identityId, principal: 'schedule:attest' as const, key }
    scheduled.push(await openScheduled(deps, of))
  }
  return scheduled
}

/**
 * Since when each of these identities has its credential: the end of the newest case that gave it one, else the
 * first installation of a bundle that registers it.
 */
export async function renewedAt(
  db: Db,
  identities: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ identityId: string; at: string | null }>(
    `select i.id as "identityId", coalesce(
         (select convert_from(e.bytes, 'UTF8')::jsonb ->> 'at' from entries e
           where e.type = 'CaseClosed' and e.stream = (
             select c.case_id from cases c
              where c.scope_id = i.id and c.kind in ('rotate', 'provision', 'reinstate')
                and c.outcome = 'completed'
              order by right(c.case_id, 26) desc limit 1)), r.at) as at
       from unnest($1::text[]) i (id) left join registered r on r.identity_id = i.id`,
    [identities],
  )
  return new Map(rows.flatMap(({ identityId, at }) => (at === null ? [] : [[identityId, at]])))
}

/** Those that an open case has for itself. */
export async function heldIdentities(db: Db): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ id: string }>(
    "select scope_id as id from cases where phase = 'open' and holds = scope_id",
  )
  return new Set(rows.map(({ id }) => id))
}

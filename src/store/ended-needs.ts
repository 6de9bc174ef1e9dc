/**
 * Ended needs and contracts: an identity whose registered business need is over, or whose custodian's contracts
 * have all ended, is deprovisioned without being asked for.
 * The case opens by itself; what happens in it still waits for signatures, or for a mandate that covers it.
 */
import { type End, endOf } from '../domain/ended.js'
import { enterpriseCompany, identityScope } from '../domain/matter.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import { type Db, now } from './db.js'
import { type OpenCaseDeps, type Opened, openCase } from './open-case.js'

export interface Ended {
  readonly identityId: string
  readonly of: End['of']
  /** The case, or why none could be opened. */
  readonly opened: Opened | Refusal
}

/** Opens one case for each identity that is over and that was not removed since, but for those in `besides`; repeatable. */
export async function deprovisionEnded(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Ended[] | Refusal> {
  const at = await now(deps.db)
  const authority = await deps.authority.current(deps.db, { at, lock: 'none' })
  if (isRefusal(authority)) return authority
  const companyId = enterpriseCompany(authority)
  const ended: Ended[] = []
  for (const identity of authority.identities.values()) {
    const { identityId } = identity
    const end = endOf(authority, { identity, at })
    if (end === null || besides.has(identityId)) continue
    if (await isHandled(deps.db, identityId)) continue
    const opened = await openCase(deps, {
      request: {
        asked: { kind: 'deprovision', reassignTo: null },
        scope: identityScope(identityId),
        change: 'standard',
        requester: { kind: 'enterprise', companyId, personId: null },
        changeReference: null,
      },
      principal: `schedule:${end.of}`,
      idempotencyKey: `${identityId} ${end.at}`,
    })
    ended.push({ identityId, of: end.of, opened })
  }
  return ended
}

/** It has an open case, or was removed already. What was declined or expired is asked for again only with another end. */
async function isHandled(db: Db, identityId: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1 from cases c
      where c.scope_id = $1 and (
        (c.phase = 'open' and c.holds = $1)
        or (c.kind = 'deprovision' and exists (
          select 1 from entries e where e.stream = c.case_id and e.type = 'StepPerformed'
             and convert_from(e.bytes, 'UTF8')::jsonb -> 'body' ->> 'stepId' = 'remove')))
      limit 1`,
    [identityId],
  )
  return rowCount !== 0
}

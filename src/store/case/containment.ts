/**
 * Containment: what a fence that cuts sets going. One case for each identity in its scope, opened by the
 * fence itself; nobody is asked, no freeze holds, no other open case is waited for. What cannot be opened is
 * the residue: somebody has to end that access by hand.
 */

import { identityScope } from '../../domain/authority/matter.js'
import { holdOf } from '../../domain/kinds.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { identitiesIn } from '../../domain/rights/fence.js'
import type { Fence } from '../../domain/shapes/envelope.js'
import type { Db } from '../db.js'
import { type OpenCaseDeps, openCase } from './open-case.js'

export interface Containment {
  readonly contained: readonly { readonly identityId: string; readonly caseId: string }[]
  readonly residue: readonly { readonly identityId: string; readonly refusal: Refusal }[]
}

/** The one that another fence opened before. */
async function openContainment(db: Db, identityId: string): Promise<string | null> {
  const { rows } = await db.query<{ case_id: string }>(
    "select case_id from cases where holds = $1 and phase = 'open'",
    [holdOf('contain', identityScope(identityId))],
  )
  return rows[0]?.case_id ?? null
}

/** Repeatable: the same fence opens each case once. `contained` and `residue` together are every identity in scope. */
export async function contain(
  deps: OpenCaseDeps,
  fence: Pick<Fence, 'fenceId' | 'scope' | 'personId'>,
): Promise<Containment | Refusal> {
  const today = await deps.authority.today(deps.db, 'taking-away')
  if (isRefusal(today)) return today
  const { authority } = today
  const companyId = authority.persons.get(fence.personId ?? '')?.companyId ?? ''
  const contained: Containment['contained'][number][] = []
  const residue: Containment['residue'][number][] = []
  for (const { identityId } of identitiesIn(authority, fence.scope)) {
    const opened = await openCase(deps, {
      request: {
        asked: { kind: 'contain', fenceId: fence.fenceId },
        scope: identityScope(identityId),
        change: 'emergency',
        requester: { kind: 'enterprise', companyId, personId: null },
        changeReference: null,
      },
      principal: `fence:${fence.fenceId}`,
      idempotencyKey: identityId,
    })
    const caseId = isRefusal(opened) ? await openContainment(deps.db, identityId) : opened.caseId
    if (caseId !== null) contained.push({ identityId, caseId })
    else if (isRefusal(opened)) residue.push({ identityId, refusal: opened })
  }
  return { contained, residue }
}

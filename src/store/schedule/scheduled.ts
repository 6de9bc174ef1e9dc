/** Cases that open by themselves, in the enterprise's name. */
import type { Authority } from '../../domain/authority/authority.js'
import { enterpriseCompany, identityScope } from '../../domain/authority/matter.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { Asked } from '../../domain/shapes/asked.js'
import type { CaseScope } from '../../domain/shapes/basic.js'
import type { Pack } from '../../domain/shapes/policy.js'
import { type OpenCaseDeps, type Opened, openCase } from '../case/open-case.js'

/** By what the schedule goes at this moment. */
export interface Standing {
  readonly authority: Authority
  readonly pack: Pack
  /** The database's time. */
  readonly at: string
}

export async function standingNow(deps: OpenCaseDeps): Promise<Standing | Refusal> {
  const today = await deps.authority.today(deps.db)
  if (isRefusal(today)) return today
  const { authority, at } = today
  const loaded = await deps.packs(deps.db, { authority, at })
  return isRefusal(loaded) ? loaded : { at, authority, pack: loaded.pack }
}

/** A case that the schedule asked for. */
export interface Scheduled {
  /** The same for the same need; a refused one is not asked for at every look. */
  readonly key: string
  /** What the case is about. */
  readonly identityId: string
  /** The case, or why none could be opened. */
  readonly opened: Opened | Refusal
}

/** Opens one case, in the enterprise's name; the same principal and key get the same one. */
export async function openScheduled(
  deps: OpenCaseDeps,
  input: {
    readonly authority: Authority
    readonly asked: Asked
    readonly identityId: string
    /** The identity's own, unless given. */
    readonly scope?: CaseScope
    readonly principal: `schedule:${string}`
    readonly key: string
  },
): Promise<Scheduled> {
  const { authority, asked, identityId, principal, key } = input
  const companyId = enterpriseCompany(authority)
  const opened = await openCase(deps, {
    request: {
      asked,
      scope: input.scope ?? identityScope(identityId),
      change: 'standard',
      requester: { kind: 'enterprise', companyId, personId: null },
      changeReference: null,
    },
    principal,
    idempotencyKey: key,
  })
  return { key, identityId, opened }
}

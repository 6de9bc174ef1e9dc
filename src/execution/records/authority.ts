/** Changes of the authority: the plan compares the proposed bundle with today's; the operation activates what was approved. */

import { digest } from '../../domain/bytes/digest.js'
import { planAuthorityChange } from '../../domain/plans/authority.js'
import type { AskedOf } from '../../domain/plans/planning.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { AuthorityKind } from '../../domain/shapes/basic.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import { activateProposal, proposed } from '../../store/authority/proposals.js'
import type { ExecutionDeps, RecordsWork, Setting } from '../deps.js'
import { done, type Only, refused, type Seen } from '../seen.js'

type Asked = Setting['opened']['asked']
export const isAuthorityChange = (asked: Asked): asked is AskedOf<AuthorityKind> =>
  AuthorityKind.safeParse(asked.kind).success

export async function planAuthority(
  deps: ExecutionDeps,
  setting: Setting,
  asked: AskedOf<AuthorityKind>,
): Promise<Plan | Refusal> {
  const { authority: from, at } = setting
  const change = await proposed(deps, { hash: asked.bundleHash, from, at })
  return isRefusal(change) ? change : planAuthorityChange({ ...setting, ...change }, asked)
}

/** What the proposal was compared with: when another bundle is installed meanwhile, the gate opens again. */
export const authorityState = ({ authority }: Setting): TargetState => ({
  'authority.version': String(authority.version),
  'authority.hash': authority.hash,
})

export async function activateBundle({
  deps,
  work,
  grantId,
  op,
}: Only<'activate-bundle', RecordsWork>): Promise<Seen> {
  const { caseId, opened, plan } = work
  const { asked } = opened
  if (!isAuthorityChange(asked)) throw new TypeError('a bundle of no authority change')
  const outcome = await activateProposal(deps, {
    ...{ caseId, grantId, hash: op.hash },
    judge: (change) => {
      const again = planAuthorityChange({ opened, at: plan.change.plannedAt, ...change }, asked)
      if (isRefusal(again)) return again
      return digest(again.about) === digest(plan.about)
        ? null
        : refuse('PLAN_TAMPERED', '/about', 'it would change something else than was approved')
    },
  })
  const observed = { version: String(op.version), hash: op.hash }
  if (typeof outcome !== 'string')
    return refused(outcome.refused, { ...observed, where: outcome.where.slice(0, 400) })
  return { ...done(observed, ['bundle-active']), outcome }
}

/**
 * Kinds of case whose work is done in the evidence store: how the plan of each is drawn, and what a signature is
 * bound to besides the plan. A new one is a line in each.
 */
import { planException } from '../../domain/plans/exception.js'
import type { Refusal } from '../../domain/refusal.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import type { ExecutionDeps, Setting } from '../deps.js'
import { authorityState, isAuthorityChange, planAuthority } from './authority.js'

export async function planInRecords(
  deps: ExecutionDeps,
  setting: Setting,
): Promise<Plan | Refusal> {
  const { asked } = setting.opened
  switch (asked.kind) {
    case 'exception':
      return planException(setting, asked)
    case 'change-policy':
    case 'change-contracts':
    case 'change-ownership':
    case 'change-people':
    case 'revoke-keys':
      return planAuthority(deps, setting, asked)
    default:
      throw new TypeError(`a case of kind ${asked.kind} has a target`)
  }
}

/** Empty where nothing but the plan matters. */
export async function stateInRecords(
  _deps: ExecutionDeps,
  at: Setting & { readonly plan: Plan | null },
): Promise<TargetState> {
  return isAuthorityChange(at.opened.asked) ? authorityState(at) : {}
}

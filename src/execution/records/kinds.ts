/**
 * Kinds of case whose work is done in the evidence store: how the plan of each is drawn, and what a signature is
 * bound to besides the plan. A new one is a line in each.
 */
import { planException } from '../../domain/plans/exception.js'
import type { Refusal } from '../../domain/refusal.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import type { ExecutionDeps, Setting } from '../deps.js'
import { planPage, stateOfPage } from './recertify.js'

export async function planInRecords(
  deps: ExecutionDeps,
  setting: Setting,
): Promise<Plan | Refusal> {
  const { asked } = setting.opened
  switch (asked.kind) {
    case 'exception':
      return planException(setting, asked)
    case 'recertify':
      return planPage(deps, { setting, asked })
    default:
      throw new TypeError(`a case of kind ${asked.kind} has a target`)
  }
}

/** Empty where nothing but the plan matters. */
export async function stateInRecords(
  deps: ExecutionDeps,
  at: Setting & { readonly plan: Plan | null },
): Promise<TargetState> {
  return at.opened.asked.kind === 'recertify' ? stateOfPage(deps, at) : {}
}

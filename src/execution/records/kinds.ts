/**
 * Kinds of case whose work is done in the evidence store: how the plan of each is drawn, and what a signature is
 * bound to besides the plan. A new one is a line in each.
 */
import { planException } from '../../domain/plans/exception.js'
import { planIncident } from '../../domain/plans/incident.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import { type ExecutionDeps, type Setting, stop } from '../deps.js'
import { incidentState } from './incident.js'

export async function planInRecords(
  _deps: ExecutionDeps,
  setting: Setting,
): Promise<Plan | Refusal> {
  const { asked } = setting.opened
  switch (asked.kind) {
    case 'exception':
      return planException(setting, asked)
    case 'incident':
      return planIncident(setting, asked)
    default:
      throw new TypeError(`a case of kind ${asked.kind} has a target`)
  }
}

/** Empty where nothing but the plan matters. `stepId`: the step that is due. */
export async function stateInRecords(
  deps: ExecutionDeps,
  at: Setting & { readonly plan: Plan | null; readonly stepId: string | null },
): Promise<TargetState> {
  if (at.opened.asked.kind !== 'incident') return {}
  const state = await incidentState(deps, at)
  return isRefusal(state) ? stop(deps, { caseId: at.caseId, refusal: state }) : state
}

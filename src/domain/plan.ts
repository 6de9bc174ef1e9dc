/**
 * The one place that knows which kinds of case have a plan. A new kind is one file in plans/, one
 * line here, its policy rules, its workflow name and its tests.
 */
import { CONTAINMENT_STEPS, planContainment } from './plans/contain.js'
import { DEPROVISION_STEPS, planDeprovision } from './plans/deprovision.js'
import { LIFT_STEPS, planLift } from './plans/lift.js'
import type { Planning } from './plans/planning.js'
import { PROVISION_STEPS, planProvision } from './plans/provision.js'
import { planReinstatement, REINSTATE_STEPS } from './plans/reinstate.js'
import { planRotation, ROTATION_STEPS } from './plans/rotate.js'
import type { Refusal } from './refusal.js'
import type { Asked } from './shapes/asked.js'
import type { CaseKind } from './shapes/basic.js'
import type { Plan } from './shapes/plan.js'

/** The steps of each kind of case, in the order in which they are performed. */
export const STEPS_OF: Readonly<Record<CaseKind, readonly string[]>> = {
  rotate: ROTATION_STEPS,
  provision: PROVISION_STEPS,
  deprovision: DEPROVISION_STEPS,
  contain: CONTAINMENT_STEPS,
  lift: LIFT_STEPS,
  reinstate: REINSTATE_STEPS,
}

/** Said to whoever names a step that the case does not have. */
export const sayStepsOf = (kind: CaseKind): string =>
  `the steps of this case are ${STEPS_OF[kind].join(', ')}`

export function drawPlan(input: Planning): Plan | Refusal {
  const { asked } = input.opened
  switch (asked.kind) {
    case 'rotate':
      return planRotation(input)
    case 'provision':
      return planProvision(input, asked)
    case 'deprovision':
      return planDeprovision(input, asked)
    case 'contain':
      return planContainment(input)
    case 'lift':
      return planLift(input)
    case 'reinstate':
      return planReinstatement(input)
  }
}

/** Roles of the target, besides the identity's own, on which the case needs rights. */
export function othersIn(asked: Asked): readonly string[] {
  switch (asked.kind) {
    case 'rotate':
    case 'contain':
    case 'lift':
    case 'reinstate':
      return []
    case 'provision':
      return asked.memberOf
    case 'deprovision':
      return asked.reassignTo === null ? [] : [asked.reassignTo]
  }
}

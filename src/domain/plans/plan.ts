/** Draws the plan of a case: one file in plans/ for each kind. In what else kinds differ stands in kinds.ts. */
import { isOnTarget, KINDS } from '../kinds.js'
import type { Refusal } from '../refusal.js'
import type { Asked } from '../shapes/asked.js'
import type { CaseKind } from '../shapes/basic.js'
import type { Plan } from '../shapes/plan.js'
import { planBreakGlass } from './break-glass.js'
import { planContainment } from './contain.js'
import { planDeprovision } from './deprovision.js'
import { planLift } from './lift.js'
import type { Planning } from './planning.js'
import { planProvision } from './provision.js'
import { planReinstatement } from './reinstate.js'
import { planRotation } from './rotate.js'
import { planSuspension } from './suspend.js'

/** Said to whoever names a step that the case does not have. */
export const sayStepsOf = (kind: CaseKind): string =>
  `the steps of this case are ${KINDS[kind].steps.join(', ')}`

/** For kinds whose work is on a target; the others' plans are drawn in the evidence store. */
export function drawPlan(input: Planning): Plan | Refusal {
  const { asked } = input.opened
  if (!isOnTarget(asked)) throw new TypeError(`a case of kind ${asked.kind} has no target`)
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
    case 'break-glass':
      return planBreakGlass(input, asked)
    case 'suspend':
      return planSuspension(input, asked)
  }
}

/** Roles of the target, besides the identity's own, on which the case needs rights. */
export function othersIn(asked: Asked): readonly string[] {
  if (!isOnTarget(asked)) return []
  switch (asked.kind) {
    case 'rotate':
    case 'contain':
    case 'lift':
    case 'reinstate':
    case 'break-glass':
    case 'suspend':
      return []
    case 'provision':
      return asked.memberOf
    case 'deprovision':
      return asked.reassignTo === null ? [] : [asked.reassignTo]
  }
}

/** The credentials that a plan names. */
export function credentialsIn(about: Plan['about']): readonly string[] {
  if (!isOnTarget(about)) return []
  switch (about.kind) {
    case 'rotate':
      return [about.retiring, about.incoming]
    case 'provision':
    case 'reinstate':
    case 'break-glass':
      return [about.incoming]
    case 'deprovision':
    case 'contain':
    case 'suspend':
      return about.living
    case 'lift':
      return []
  }
}

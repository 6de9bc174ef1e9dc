/**
 * Kinds of case whose work is done in the evidence store: how the plan of each is drawn, and what a signature is
 * bound to besides the plan. A new one is a line in each.
 */
import { findingNamed, findingsIn } from '../../domain/case/finding.js'
import { isOnTarget } from '../../domain/kinds.js'
import { planAttestation } from '../../domain/plans/attest.js'
import { demandState, planDemand } from '../../domain/plans/demand.js'
import { planDispute } from '../../domain/plans/dispute.js'
import { planDrill } from '../../domain/plans/drill.js'
import { planException } from '../../domain/plans/exception.js'
import { planIncident } from '../../domain/plans/incident.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import { acceptedExceptions } from '../../store/streams/exceptions.js'
import { type ExecutionDeps, readCase, type Setting, stop } from '../deps.js'
import { authorityState, isAuthorityChange, planAuthority } from './authority.js'
import { stateOfDrill } from './drill.js'
import { incidentState } from './incident.js'
import { planReview } from './partner-review.js'
import { planPage, stateOfPage } from './recertify.js'
import { ownersNow, planSuccessionNow } from './succession.js'

export async function planInRecords(
  deps: ExecutionDeps,
  setting: Setting,
): Promise<Plan | Refusal> {
  const { asked } = setting.opened
  if (isOnTarget(asked)) throw new TypeError(`a case of kind ${asked.kind} has a target`)
  switch (asked.kind) {
    case 'exception':
      return planException(setting, asked)
    case 'attest':
      return planAttestation(setting, { asked, exceptions: await acceptedExceptions(deps.db) })
    case 'demand':
      return planDemand(setting, asked)
    case 'dispute': {
      const { recorded } = await readCase(deps, asked.demand)
      const finding = findingNamed(findingsIn(asked.demand, recorded), asked.item)
      return planDispute({ ...setting, finding }, asked)
    }
    case 'recertify':
      return planPage(deps, { setting, asked })
    case 'incident':
      return planIncident(setting, asked)
    case 'change-policy':
    case 'change-contracts':
    case 'change-ownership':
    case 'change-people':
    case 'revoke-keys':
      return planAuthority(deps, setting, asked)
    case 'drill':
      return planDrill(setting, asked)
    case 'succession':
      return planSuccessionNow(deps, { setting, asked })
    case 'partner-review':
      return planReview(deps, setting, asked)
  }
}

/** Empty where nothing but the plan matters. `stepId`: the step that is due. */
export async function stateInRecords(
  deps: ExecutionDeps,
  at: Setting & { readonly plan: Plan | null; readonly stepId: string | null },
): Promise<TargetState> {
  switch (at.opened.asked.kind) {
    case 'demand':
      return demandState((await readCase(deps, at.caseId)).recorded)
    case 'recertify':
      return stateOfPage(deps, at)
    case 'drill':
      return stateOfDrill(deps, at)
    case 'succession':
      return ownersNow(at)
    case 'incident': {
      const state = await incidentState(deps, at)
      return isRefusal(state) ? stop(deps, { caseId: at.caseId, refusal: state }) : state
    }
    default:
      return isAuthorityChange(at.opened.asked) ? authorityState(at) : {}
  }
}

/**
 * Where a case's work is done: on the identity's system, or in the evidence store alone. Each place says how a
 * plan is drawn there and what a signature is bound to besides the plan.
 */
import { type CaseState, isOpening } from '../domain/case/case.js'
import { currentStep } from '../domain/case/due.js'
import { isOnTarget } from '../domain/kinds.js'
import { drawPlan, othersIn } from '../domain/plans/plan.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import { scopesAround } from '../domain/rights/fence.js'
import type { Plan, TargetState } from '../domain/shapes/plan.js'
import { transaction } from '../store/db.js'
import { standingAround } from '../store/streams/fences.js'
import { type ExecutionDeps, type Setting, settingOf, stop, targetOf } from './deps.js'
import { planInRecords, stateInRecords } from './records/kinds.js'

/** What the place looks like now: the state that signatures are for. */
export async function lookAt(deps: ExecutionDeps, state: CaseState): Promise<TargetState> {
  const setting = await settingOf(deps, state)
  const stepId = currentStep(state)?.step.stepId ?? null
  if (isInRecords(setting)) return stateInRecords(deps, { ...setting, plan: state.plan, stepId })
  if (stepId !== null && isUnconditional(setting.opened, stepId)) return {}
  const { connector, subject } = await targetOf(deps, setting)
  return connector.state(subject)
}

/** Emergency access ends, and is reviewed, whatever its holder has made of the target meanwhile. */
const isUnconditional = (opened: Setting['opened'], stepId: string): boolean =>
  opened.asked.kind === 'break-glass' && !isOpening(opened, stepId)

export async function planAt(deps: ExecutionDeps, state: CaseState): Promise<Plan | Refusal> {
  const setting = await settingOf(deps, state)
  return isInRecords(setting) ? planInRecords(deps, setting) : planOnTarget(deps, setting)
}

export const isInRecords = ({ opened }: Pick<Setting, 'opened'>): boolean =>
  !isOnTarget(opened.asked)

async function planOnTarget(deps: ExecutionDeps, setting: Setting): Promise<Plan | Refusal> {
  const { opened, identity, subject, connector, at, caseId } = await targetOf(deps, setting)
  const seen = await connector.inspect(subject, othersIn(opened.asked))
  const { authority, verify } = deps
  const { identityId } = identity
  const scopes = scopesAround(identity)
  const fences = await transaction(deps.db, (tx) =>
    standingAround(tx, { scopes, identityId, authority, verify }),
  )
  if (isRefusal(fences)) return stop(deps, { caseId, refusal: fences })
  const attributes = connector.attributes(subject)
  return drawPlan({ fences, opened, identity, seen, attributes, at })
}

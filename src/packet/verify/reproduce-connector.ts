/**
 * The events that only a connector writes. Its attestation is checked elsewhere; here the core says
 * whether they were due: a gate opens with the requirement of its day, a grant needs decisions that
 * satisfy it when counted again, an operation needs its grant, a step needs all its operations.
 */

import { countAgain, termsAgain } from '../../domain/approval/count.js'
import type { Authority } from '../../domain/authority/authority.js'
import { digest } from '../../domain/bytes/digest.js'
import { type StepState, stepOf } from '../../domain/case/case.js'
import { due } from '../../domain/case/due.js'
import { findingNamed } from '../../domain/case/finding.js'
import {
  failStep,
  finishStep,
  grant,
  holdsGrant,
  refuseAtGate,
  undoStep,
} from '../../domain/decide/execution.js'
import { openGate, plan } from '../../domain/decide/gate.js'
import { ownFrom } from '../../domain/decide/task.js'
import { isOnTarget, KINDS } from '../../domain/kinds.js'
import { demandState, documentIn, planDemand } from '../../domain/plans/demand.js'
import { planDispute } from '../../domain/plans/dispute.js'
import { credentialsIn } from '../../domain/plans/plan.js'
import { requirementToday } from '../../domain/policy/requirements.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { fencesAround } from '../../domain/rights/fence.js'
import type { MandateUsed } from '../../domain/rights/mandate.js'
import { judgeUse, recordOf } from '../../domain/rights/mandate-record.js'
import type { Asked } from '../../domain/shapes/asked.js'
import type { CaseKind, Fact } from '../../domain/shapes/basic.js'
import type { EventOf } from '../../domain/shapes/event.js'
import type { Plan } from '../../domain/shapes/plan.js'
import type { Pack } from '../../domain/shapes/policy.js'
import {
  attest,
  differs,
  type Moment,
  namedAuthority,
  type RaisedFence,
  type Reproduce,
  stoodAt,
  underAny,
} from './reproduce.js'
import { activatedAgain, drawnAgain as authorityDrawnAgain } from './reproduce-authority.js'
import { wrongExercises, wrongMeasures } from './reproduce-drill.js'
import { emergencyDrawnAgain, involvingAt, useCounted } from './reproduce-emergency.js'
import { isAsDrawn } from './reproduce-incident.js'
import { isPageOf, wrongRevocations } from './reproduce-page.js'
import { reviewDrawnAgain } from './reproduce-review.js'
import { wrongOwners } from './reproduce-succession.js'

export const planned: Reproduce<'Planned'> = (moment) => {
  const { state, event } = moment
  const { opened } = state
  const { about, scope, systemId, objectiveId, target } = event.plan
  const same =
    opened?.asked.kind === about.kind &&
    digest(opened.scope) === digest(scope) &&
    opened.systemId === systemId &&
    opened.objectiveId === objectiveId &&
    isOnTarget(about) === (target !== null) &&
    (!REPEATING.includes(about.kind) || holdsAll(about, opened.asked))
  if (!same) return differs('/plan', 'the plan is not for this case')
  const known = underAny(moment, (authority) =>
    target === null ? isAsDrawn(moment, authority) : isOfTarget(event.plan, authority),
  )
  if (isRefusal(known)) return known
  const page = underAny(moment, (authority) => isPageOf({ opened, plan: event.plan, authority }))
  if (isRefusal(page)) return page
  const steps = event.plan.steps.map((step) => step.stepId)
  if (steps.join() !== KINDS[about.kind].steps.join())
    return differs('/plan/steps', 'not the steps of this kind of case')
  const drawn = drawnAgain(moment)
  if (drawn !== null && digest(drawn) !== digest(event.plan))
    return differs('/plan', 'drawn again, it is another plan')
  return (
    authorityDrawnAgain(moment) ??
    reviewDrawnAgain(moment) ??
    emergencyDrawnAgain(moment) ??
    plan(state, { plan: event.plan, attest })
  )
}

/** The plan of a case that needs nothing besides the packet, drawn again; null for one that was drawn from a target. */
function drawnAgain({
  state,
  event,
  at,
  index,
  findings,
}: Moment<EventOf<'Planned'>>): Plan | Refusal | null {
  const { opened } = state
  if (opened === null) return null
  // The plan was drawn shortly before it was recorded, at the time that it names.
  const { plannedAt } = event.plan.change
  if (plannedAt > at) return refuse('TOO_EARLY', '/plan/change/plannedAt')
  const input = { opened, at: plannedAt }
  const { asked } = opened
  if (asked.kind === 'demand') return planDemand(input, asked)
  if (asked.kind !== 'dispute') return null
  const known = (findings.get(asked.demand) ?? []).filter((one) => one.index < index)
  const finding = findingNamed(known, asked.item)
  return planDispute({ ...input, finding }, asked)
}

/** The plan is for the identity as it is registered on its system, and names no credential of another. */
function isOfTarget({ about, scope, target }: Plan, authority: Authority): true | Refusal {
  const identity = authority.identities.get(scope.id)
  const same =
    identity?.group === target?.group &&
    identity?.credentials.join() === target?.credentials.join() &&
    credentialsIn(about).every((name) => target?.credentials.includes(name))
  return same || differs('/plan', 'the plan is not for this identity')
}

/** Plans that repeat what was asked, word for word; the others without a target are drawn again. */
const REPEATING: readonly CaseKind[] = ['exception', 'attest', 'break-glass', 'suspend']

const holdsAll = (about: Plan['about'], asked: Asked): boolean =>
  digest({ ...about, ...asked }) === digest(about)

/** The requirement is what the pack and the persons of that time gave, joined with what the case opened with. */
export const gateOpened: Reproduce<'GateOpened'> = (moment) => {
  const { state, event, at, believed } = moment
  const { stepId, preState } = event
  const { opened } = state
  if (opened === null) return refuse('NOT_DUE', '', 'the case is not open')
  if (opened.asked.kind === 'demand' && digest(preState) !== digest(demandState(moment.before)))
    return differs('/preState', 'not the evidence that there was')
  const mismeasured = wrongMeasures(moment)
  if (mismeasured !== null) return mismeasured
  const again = underAny(moment, (authority) => {
    const loaded = believed.packOf(authority, at)
    if (isRefusal(loaded)) return loaded
    const { pack, hash: packHash } = loaded
    const resolved = requirementToday({
      ...{ opened, stepId, authority, pack, packHash, at, askedAt: state.openedAt ?? at },
      ...involvingAt(moment, authority),
    })
    if (isRefusal(resolved)) return resolved
    const mandateId = coveringMandate(moment, { stepId, authority, pack })
    return digest(resolved) === digest(event.resolved)
      ? { resolved, mandateId, pack }
      : differs('/resolved', 'policy and persons gave another requirement')
  })
  return isRefusal(again) ? again : openGate(state, { stepId, preState, ...again, at, attest })
}

interface ByMandate {
  readonly stepId: string
  readonly authority: Authority
  readonly pack: Pack
}

/** The first of the packet's mandates that covers the step at this moment, as its stream stood then. */
function coveringMandate(moment: Moment, by: ByMandate): string | null {
  const ids = [...moment.mandates.keys()].sort()
  return ids.find((mandateId) => !isRefusal(judgedUse(moment, { ...by, mandateId }))) ?? null
}

function judgedUse(
  moment: Moment,
  by: ByMandate & { readonly mandateId: string; readonly besides?: string },
): MandateUsed | Refusal {
  const { state, at, verify, index, mandates } = moment
  const { mandateId } = by
  const events = (mandates.get(mandateId) ?? []).filter(
    (entry) =>
      entry.index < index &&
      !(entry.event.type === 'MandateUsed' && entry.event.grantId === by.besides),
  )
  const { named } = moment.believed
  const record = recordOf({ mandateId, events, named })
  return record === null
    ? refuse('MANDATE_INVALID', `/mandates/${mandateId}`, 'not given before')
    : judgeUse({ record, state, ...by, verify, at })
}

/** Afterwards the mandate covered the grant, and its stream counts the use. */
function mandated(
  moment: Moment<EventOf<'Granted'>>,
  by: ByMandate & { readonly mandateId: string },
): readonly string[] | Refusal {
  const { caseId, grantId, stepId } = { caseId: moment.state.caseId, ...moment.event }
  const used = judgedUse(moment, { ...by, besides: grantId })
  if (isRefusal(used)) return used
  const counted = (moment.mandates.get(by.mandateId) ?? []).some(
    ({ event }) =>
      event.type === 'MandateUsed' &&
      event.grantId === grantId &&
      event.caseId === caseId &&
      event.stepId === stepId &&
      event.nth === used.nth,
  )
  return counted
    ? []
    : refuse('ENTRY_MISSING', `/mandates/${by.mandateId}`, 'the use is not counted')
}

export const gateRefused: Reproduce<'GateRefused'> = ({ state, event }) => {
  const { stepId, code, detail } = event
  const refusal = { ...refuse('NOT_DUE', ''), detail }
  const events = refuseAtGate(state, { stepId, refusal, attest })
  return isRefusal(events) ? events : events.map((item) => ({ ...item, code }))
}

/** The execution gate's questions again, in its order, with the bundle that the grant names. */
export const granted: Reproduce<'Granted'> = (moment) => {
  const { state, before, event, at, believed, verify, index, fences } = moment
  const { stepId, grantId, fencingToken } = event
  const step = stepOf(state, stepId)
  const { opened, plan: signed } = state
  if (step?.phase !== 'satisfied' || step.gate === null || opened === null || signed === null)
    return refuse('NOT_DUE', `/steps/${stepId}`, 'granted without a satisfied gate')
  if (digest(signed) !== state.planHash) return refuse('PLAN_TAMPERED', '/plan')
  const around = fencesAround(opened, stepId)
  const identityId = opened.scope.id
  const stands = (raised: RaisedFence) =>
    stoodAt(raised, { identityId, index }) &&
    around.some(({ kind, id }) => raised.fence.scope.kind === kind && raised.fence.scope.id === id)
  if (fences.some(stands)) return refuse('FENCED', `/steps/${stepId}`)
  if (isUsed(before, event)) return refuse('ALREADY_GRANTED', '/grantId')
  const authority = namedAuthority(moment, event.authority)
  if (isRefusal(authority)) return authority
  const loaded = believed.packOf(authority, at)
  if (isRefusal(loaded)) return loaded
  const { pack, hash: packHash } = loaded
  const involving = involvingAt(moment, authority)
  const terms = { opened, state, step, authority, pack, packHash, at, ...involving }
  const requirement = termsAgain(terms)
  if (isRefusal(requirement)) return requirement
  const { mandateId } = step
  const { involved } = involving
  const counting = { state, recorded: before, step, requirement, authority, verify, at, involved }
  const decisionIds =
    mandateId === null
      ? countAgain(counting)
      : mandated(moment, { stepId, authority, pack, mandateId })
  if (isRefusal(decisionIds)) return decisionIds
  const uncounted = useCounted(moment, decisionIds)
  if (uncounted !== null) return uncounted
  return grant(state, {
    ...{ stepId, grantId, fencingToken, decisionIds, attest },
    authority: event.authority,
  })
}

/** A grant is single-use: its id is new, and fencing tokens grow. */
const isUsed = (before: Moment['before'], { grantId, fencingToken }: EventOf<'Granted'>): boolean =>
  before.some(
    ({ event }) =>
      event.type === 'Granted' && (event.grantId === grantId || event.fencingToken >= fencingToken),
  )

/** The connector's own operations with their places: a partner's delivery is the task itself. */
const operationsOf = ({ step }: StepState) =>
  step.operations.map(({ op }, place) => ({ op, place })).slice(ownFrom(step))

/** Whether the operation at this place is recorded as done under this grant. */
const isDone = (
  moment: Moment,
  of: { readonly grantId: string; readonly place: number },
): boolean =>
  moment.before.some(
    ({ event }) =>
      event.type === 'OperationObserved' &&
      event.grantId === of.grantId &&
      event.place === of.place &&
      (event.outcome === 'done' || event.outcome === 'already'),
  )

/** Every observation belongs to a live grant, is of an operation of its step, and follows the ones before it. */
export const operationObserved: Reproduce<'OperationObserved'> = (moment) => {
  const { state, event } = moment
  const held = holdsGrant(state, event)
  if (isRefusal(held)) return held
  const operations = operationsOf(held)
  const { grantId, place } = event
  if (!operations.some((item) => item.place === place && item.op === event.op))
    return differs('/op', 'not an operation of this step')
  const early = operations.find(
    (item) => item.place < place && !isDone(moment, { grantId, place: item.place }),
  )
  if (early !== undefined) return refuse('NOT_DUE', '/op', `${early.op} was not done before`)
  if (event.op === 'receive-evidence' && event.outcome === 'done') {
    if (event.observed.document !== (documentIn(moment.before) ?? 'none'))
      return differs('/observed/document', 'not what the claim handed in')
  }
  const inactive = activatedAgain(moment)
  if (inactive !== null) return inactive
  const stray = event.facts.find((fact) => !held.step.produces.includes(fact))
  if (stray !== undefined) return differs('/facts', `this step does not produce ${stray}`)
  const foreign = wrongRevocations(moment)
  if (foreign !== null) return foreign
  const unasked = wrongExercises(moment)
  if (unasked !== null) return unasked
  const unowned = wrongOwners(moment)
  if (unowned !== null) return unowned
  return event.startedAt <= event.endedAt ? [event] : differs('/endedAt', 'ended before it began')
}

/** A step is performed when every operation was seen done under its grant; its facts are theirs. */
export const stepPerformed: Reproduce<'StepPerformed'> = (moment) => {
  const { state, before, event } = moment
  const { stepId, grantId } = event
  const held = holdsGrant(state, event)
  if (isRefusal(held)) return held
  const needed = held.step.executor === 'partner' ? 'claimed' : 'granted'
  if (held.phase !== needed) return refuse('NOT_DUE', `/steps/${stepId}`, `not ${needed}`)
  const lacking = operationsOf(held).find(({ place }) => !isDone(moment, { grantId, place }))
  if (lacking !== undefined)
    return refuse('NOT_DUE', `/steps/${stepId}`, `${lacking.op} was not seen done`)
  const facts = before.flatMap(({ event: item }): readonly Fact[] =>
    item.type === 'OperationObserved' && item.grantId === grantId ? item.facts : [],
  )
  return finishStep(state, { stepId, grantId, facts, attest })
}

export const stepFailed: Reproduce<'StepFailed'> = ({ state, event }) => {
  const held = holdsGrant(state, event)
  if (isRefusal(held)) return held
  const { stepId, grantId, target } = event
  const events = failStep(state, { stepId, grantId, target, code: 'TARGET_REJECTED', attest })
  return isRefusal(events) ? events : events.map((item) => ({ ...item, code: event.code }))
}

export const stepUndone: Reproduce<'StepUndone'> = ({ state, event }) => {
  const next = due(state)
  if (next.kind !== 'undo' || next.stepId !== event.stepId)
    return refuse('NOT_DUE', `/steps/${event.stepId}`, 'no rollback is due')
  const { stepId, grantId, left, observed } = event
  return undoStep(state, { stepId, grantId, left, observed, attest })
}

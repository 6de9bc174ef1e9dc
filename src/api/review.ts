/**
 * The *review* of one step: all that a decision on it signs, and for this person the payloads that can be
 * signed now. A template is an offer: whoever signs compares it with what was shown, and `judge` decides.
 */
import type { Review } from '../contract/http.js'
import { isCovered } from '../domain/approval/approval.js'
import { type Authority, inForce, within } from '../domain/authority/authority.js'
import { type CaseState, type Recorded, type StepState, stepOf } from '../domain/case/case.js'
import { currentStep } from '../domain/case/due.js'
import { fold } from '../domain/case/evolve.js'
import { sayStepsOf } from '../domain/plans/plan.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import type { Fact } from '../domain/shapes/basic.js'
import type { Decision } from '../domain/shapes/envelope.js'
import type { CaseOpened } from '../domain/shapes/event.js'
import type { Plan } from '../domain/shapes/plan.js'
import type { ResolvedRequirement } from '../domain/shapes/requirement.js'
import { awaitedOf, gateTimes, votesOf } from './summary.js'

export interface Reviewing {
  readonly caseId: string
  readonly stepId: string
  readonly recorded: readonly Recorded[]
  readonly authority: Authority
  readonly personId: string
  readonly at: string
  readonly newId: () => string
}

interface Parts {
  readonly state: CaseState
  readonly opened: CaseOpened
  readonly plan: Plan
  readonly planHash: Decision['planHash']
  readonly item: StepState
  readonly resolved: ResolvedRequirement
}

/** GATE_NOT_OPEN before there is a plan, WRONG_STEP for a step that the plan does not have. */
export function reviewOf(reviewing: Reviewing): Review | Refusal {
  const parts = partsOf(reviewing)
  if (isRefusal(parts)) return parts
  const { opened, plan, planHash, item, resolved, state } = parts
  const { requirement, requirementHash, pack, rules } = resolved
  const voter = voterOf(reviewing, parts)
  return {
    caseId: state.caseId,
    stepId: item.step.stepId,
    enterprise: opened.enterprise,
    at: reviewing.at,
    ...{ phase: item.phase, round: item.round, because: item.because },
    ...{ requester: opened.requester, partnerId: opened.executor, ownerId: opened.ownerId },
    contract: opened.contract,
    ...{ plan, planHash, step: item.step },
    nonce: item.gate?.nonce ?? null,
    preState: preStateOf(reviewing.recorded, item),
    preStateHash: item.gate?.preStateHash ?? null,
    ...{ requirement, requirementHash, policy: pack, rules },
    gate: gateTimes(item),
    awaited: awaitedOf(item, reviewing.at),
    votes: votesOf(item),
    facts: [...state.facts],
    ...offer({ reviewing, parts, voter }),
  }
}

function partsOf({ caseId, stepId, recorded }: Reviewing): Parts | Refusal {
  const state = fold(caseId, recorded)
  const { opened, plan, planHash } = state
  if (opened === null || plan === null || planHash === null)
    return refuse('GATE_NOT_OPEN', '/planHash', 'the case has no plan yet')
  const item = stepOf(state, stepId)
  const resolved = item?.gate?.resolved ?? opened.requirements[stepId]
  if (item === null || resolved === undefined)
    return refuse('WRONG_STEP', '/stepId', sayStepsOf(opened.asked.kind))
  return { state, opened, plan, planHash, item, resolved }
}

/** The attributes as observed when this gate opened, whose hash the decision signs. */
function preStateOf(recorded: readonly Recorded[], item: StepState): Review['preState'] {
  const opening = recorded.findLast(
    ({ event, hash }) => event.type === 'GateOpened' && hash === item.gate?.nonce,
  )
  return opening?.event.type === 'GateOpened' ? opening.event.preState : null
}

type Cannot = NonNullable<Review['cannot']>

interface Voter {
  readonly personId: string
  readonly onBehalfOf: string | null
}

/** The own vote first; else that of an approver who delegated to this person. */
function voterOf({ authority, personId, at }: Reviewing, parts: Parts): Voter | Cannot {
  const { opened, resolved } = parts
  if (personId === opened.requester.personId)
    return { code: 'REQUESTER_NEVER', detail: 'you asked for this case, so you never decide on it' }
  const asked = resolved.requirement.groups.flatMap((group) => group.persons)
  if (asked.includes(personId)) return { personId, onBehalfOf: null }
  const delegation = authority.delegations.find(
    (item) =>
      item.to === personId &&
      asked.includes(item.from) &&
      within(item, at) &&
      inForce(item.key, at) &&
      item.kinds.includes(opened.asked.kind) &&
      isCovered(item.systems, opened.systemId),
  )
  if (delegation !== undefined) return { personId, onBehalfOf: delegation.from }
  const detail = `this gate asks ${[...new Set(asked)].join(', ')}, and none of them has delegated to you`
  return { code: 'NOT_AN_APPROVER', detail }
}

type Offer = Pick<Review, 'cannot' | 'templates'>
const nothing = (cannot: Cannot): Offer => ({ cannot, templates: { gate: null, ahead: null } })

function offer(input: {
  readonly reviewing: Reviewing
  readonly parts: Parts
  readonly voter: Voter | Cannot
}): Offer {
  const { reviewing, parts, voter } = input
  if ('code' in voter) return nothing(voter)
  if (parts.state.outcome !== null || parts.state.ending !== null)
    return nothing({ code: 'TOO_LATE', detail: closing(parts.state) })
  const gate = gateForm(parts.item)
  const ahead = aheadForm(parts)
  if (gate === null && ahead === null) return nothing(notOpen(parts))
  const template = (form: Form): Decision => ({
    ...{ type: 'decision', v: 1, decisionId: reviewing.newId() },
    enterprise: parts.opened.enterprise,
    ...{ caseId: parts.state.caseId, stepId: parts.item.step.stepId },
    ...{ planHash: parts.planHash, requirementHash: parts.resolved.requirementHash },
    gate: form.gate,
    ...{ verdict: 'approve', reasonDigest: null, choice: null },
    ...{ notBefore: reviewing.at, notAfter: form.notAfter ?? aheadUntil(parts, reviewing.at) },
    ...voter,
  })
  return {
    cannot: null,
    templates: {
      gate: gate === null ? null : template(gate),
      ahead: ahead === null ? null : template(ahead),
    },
  }
}

const closing = ({ outcome, ending }: CaseState): string =>
  outcome === null ? `the case is ending, ${ending}` : `the case is closed, ${outcome}`

/** A step that was signed and begun, or one whose turn has not come. */
function notOpen({ item, state }: Parts): Cannot {
  const { stepId } = item.step
  if (item.phase !== 'pending')
    return { code: 'TOO_LATE', detail: `${stepId} was decided before: it is ${item.phase}` }
  const current = currentStep(state)?.step.stepId ?? 'nothing'
  return {
    code: 'GATE_NOT_OPEN',
    detail: `the gate of ${stepId} is not open and may not be signed ahead; due is ${current}`,
  }
}

interface Form {
  readonly gate: Decision['gate']
  /** Null: for as long as this gate can still be reached. */
  readonly notAfter: string | null
}

function gateForm({ gate, phase }: StepState): Form | null {
  if (gate === null || (phase !== 'open' && phase !== 'satisfied')) return null
  const { nonce, preStateHash, expiresAt, window } = gate
  return { gate: { nonce, preStateHash }, notAfter: window?.until ?? expiresAt }
}

/** Waits for all that the requirement and the step itself ask to have been observed. */
function aheadForm({ item, resolved }: Parts): Form | null {
  const { ahead, facts } = resolved.requirement
  if (ahead === 'forbidden' || item.phase !== 'pending') return null
  const opensWhen: Fact[] = [...new Set([...facts, ...item.step.needs])]
  return opensWhen.length === 0 ? null : { gate: { opensWhen }, notAfter: null }
}

/** From one change window to the next, with a holiday between them. */
const BETWEEN_WINDOWS_MS = 14 * 86_400_000

/** Every gate from here to this one may wait until its end and for its window, and its step may take its time. */
function aheadUntil({ state, opened, item }: Parts, at: string): string {
  const last = state.steps.indexOf(item)
  const ms = state.steps
    .slice(0, last + 1)
    .filter(({ phase }) => phase !== 'performed')
    .map(({ step }) => waitMs(opened.requirements[step.stepId]?.requirement))
    .reduce((sum, each) => sum + each + opened.settings.withinMs + opened.settings.claimWithinMs, 0)
  return new Date(Date.parse(at) + ms).toISOString()
}

const waitMs = (requirement: ResolvedRequirement['requirement'] | undefined): number =>
  requirement === undefined
    ? 0
    : requirement.expireAfterMs + (requirement.windows === undefined ? 0 : BETWEEN_WINDOWS_MS)

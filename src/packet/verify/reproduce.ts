/**
 * reproduce: what the core would have appended at this moment. The verifier gives the core the state
 * before an entry, the time of the entry and what the entry says was asked; the core's answer must be
 * the entry, and the entries after it that the same transaction wrote. What cannot be reproduced was
 * not decided by the core. Attested events stand in reproduce-connector.ts.
 */

import { openedAgain } from '../../domain/admission/opening.js'
import type { Authority } from '../../domain/authority/authority.js'
import { type Purpose, purposeOf } from '../../domain/authority/grace.js'
import { type Attest, isAttested } from '../../domain/case/attestation.js'
import type { CaseState, Recorded } from '../../domain/case/case.js'
import { admitDecision, isCapped, refusalsCounted } from '../../domain/decide/decision.js'
import { fence } from '../../domain/decide/ending.js'
import { passDeadline } from '../../domain/decide/gate.js'
import { resume } from '../../domain/decide/resume.js'
import { leaseTask, recordClaim } from '../../domain/decide/task.js'
import { isRefusal, REFUSALS, type Refusal, refuse } from '../../domain/refusal.js'
import type { Reviewing } from '../../domain/review/review.js'
import type { Source } from '../../domain/review/target-changes.js'
import { cuts } from '../../domain/rights/fence.js'
import type { JudgedUnder } from '../../domain/shapes/basic.js'
import type { Fence } from '../../domain/shapes/envelope.js'
import type { CaseEvent, EventOf } from '../../domain/shapes/event.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { Believed } from '../bundles.js'
import type { Contained } from './verify-containments.js'
import type { Findings } from './verify-demands.js'
import type { EmergencyEntry } from './verify-emergencies.js'
import type { Exercises } from './verify-exercises.js'
import type { Mandates } from './verify-mandates.js'
import type { PlacedSuccessor } from './verify-successors.js'

/** A fence entry of the packet whose signature was judged. */
export interface RaisedFence {
  readonly fence: Fence
  /** Its index in the log. */
  readonly index: number
  /** When it was acknowledged. */
  readonly at: string
  /** For which identities it was lifted, and where in the log that stands. */
  readonly lifted: readonly {
    readonly identityId: string
    readonly index: number
    readonly at: string
  }[]
}

/** Whether the fence stood for this identity at this place of the log. */
export const stoodAt = (
  { index, lifted }: RaisedFence,
  at: { readonly identityId: string; readonly index: number },
): boolean =>
  index < at.index &&
  !lifted.some((one) => one.identityId === at.identityId && one.index < at.index)

export interface Moment<Event extends CaseEvent = CaseEvent> {
  /** The case before the entry. */
  readonly state: CaseState
  readonly before: readonly Recorded[]
  readonly event: Event
  readonly at: string
  /** The entry's index in the log. */
  readonly index: number
  readonly believed: Believed
  /** The highest authority version that an earlier entry named. */
  readonly atLeast: number
  readonly fences: readonly RaisedFence[]
  readonly mandates: Mandates
  /** What follows from the demands of which the packet has the entries, by case. */
  readonly findings: Findings
  readonly containments: readonly Contained[]
  /** The cases in which a drill's rights were exercised. */
  readonly exercises: Exercises
  readonly emergencies: readonly EmergencyEntry[]
  /** The successor logs of which the packet has the entries. */
  readonly successors: readonly PlacedSuccessor[]
  readonly verify: Verify
  /** Where in the log the entries of the case stand, in their order. */
  readonly indexes: readonly number[]
  /** The cases beside this one, for a review; null where none is drawn. */
  readonly reviewed: Rejudging | null
}

/** Cases beside the packet's own, and what each comes to when it is judged again. */
export type Rejudging = Pick<Reviewing, 'judge' | 'respondWithinMs'> & {
  readonly sources: readonly Source[]
}

export type Reproduced = readonly CaseEvent[] | Refusal
export type MomentOf<Type extends CaseEvent['type']> = Moment<EventOf<Type>>
export type Reproduce<Type extends CaseEvent['type']> = (
  moment: Moment<EventOf<Type>>,
) => Reproduced

const notDue = (detail: string): Refusal => refuse('NOT_DUE', '', detail)

/** The bundle that an entry names: verified as of the entry, and never older than one named before. */
export function namedAuthority(moment: Moment, reference: JudgedUnder): Authority | Refusal {
  if (reference.version < moment.atLeast) return refuse('AUTHORITY_ROLLBACK', '/authority')
  return moment.believed.named(reference, moment.at, purposeIn(moment))
}

/** What the entry needed an authority for: a bundle that ran out suffices for no signature of a person. */
function purposeIn({ state, event }: Moment): Purpose {
  if (event.type === 'CaseOpened') return purposeOf(event, null)
  if (!isAttested(event)) return 'anything'
  return purposeOf(state.opened, 'stepId' in event ? event.stepId : null)
}

/** Attestations are compared by nobody: what is reproduced is what was attested. */
export const attest: Attest = (event) => ({ ...event, attestation: { keyid: '', sig: '' } })

export const differs = (where: string, detail: string): Refusal =>
  refuse('JUDGEMENT_DIFFERS', where, detail)

/** The answer of the first bundle in force that gives one; the entry does not say which it was. */
export function underAny<T>(
  moment: Moment,
  ask: (authority: Authority) => T | Refusal,
): T | Refusal {
  let first: Refusal | null = null
  for (const authority of moment.believed.inForce(moment.at, purposeIn(moment))) {
    if (authority.version < moment.atLeast) continue
    const answer = ask(authority)
    if (!isRefusal(answer)) return answer
    first ??= answer
  }
  return first ?? refuse('AUTHORITY_INVALID', '/authority', 'no bundle was in force at this time')
}

export const caseOpened: Reproduce<'CaseOpened'> = (moment) => {
  const { event, at, believed } = moment
  if (moment.before.length > 0) return notDue('a case opens once, with its first entry')
  const authority = namedAuthority(moment, event.authority)
  if (isRefusal(authority)) return authority
  const loaded = believed.packOf(authority, at)
  if (isRefusal(loaded)) return loaded
  const { pack, hash: packHash } = loaded
  const { caseId } = moment.state
  const again = openedAgain({ event, caseId, authority, pack, packHash, at })
  if (isRefusal(again)) return again
  const { asked } = event
  if (asked.kind === 'contain' && !isCut(moment, { fenceId: asked.fenceId, authority }))
    return refuse('ENTRY_MISSING', '/asked/fenceId', 'no such fence cut this identity before')
  return [again]
}

/** A containment is opened by a fence that cuts, whose own signed entry stands in the log before, around this identity. */
const isCut = (
  { event, index, fences }: MomentOf<'CaseOpened'>,
  of: { readonly fenceId: string; readonly authority: Authority },
): boolean =>
  fences.some(
    ({ fence, index: raisedAt }) =>
      fence.fenceId === of.fenceId &&
      raisedAt < index &&
      cuts(fence, { authority: of.authority, identityId: event.scope.id }),
  )

/** Judged again against the state of that moment and the bundle it names; what follows is counted again. */
export const decisionAdmitted: Reproduce<'DecisionAdmitted'> = (moment) => {
  const { state, event, at, verify } = moment
  const authority = namedAuthority(moment, event.authority)
  if (isRefusal(authority)) return authority
  const { envelope, choices } = event
  const admitted = admitDecision(state, { envelope, choices, authority, verify, at })
  return isRefusal(admitted) ? admitted : admitted.events
}

export const refusalRecorded = ({
  state,
  event,
}: MomentOf<'DecisionRefused' | 'RefusalsCounted'>): Reproduced => {
  if (state.opened === null) return notDue('the case is not open')
  if (event.type === 'RefusalsCounted')
    return isCapped(state)
      ? [refusalsCounted(state)]
      : notDue('refusals are counted above the cap only')
  if (isCapped(state)) return notDue('refusals above the cap are counted')
  return event.code in REFUSALS ? [event] : refuse('MALFORMED', '/code')
}

export const deadlinePassed = ({
  state,
  event,
  at,
}: MomentOf<
  'GateEscalated' | 'GateExpired' | 'TaskExpired' | 'WindowOpened' | 'WindowClosed'
>): Reproduced => passDeadline(state, { stepId: event.stepId, at })

/** A fence stops a case only if its own signed entry stands in the log before. */
export const caseFenced: Reproduce<'CaseFenced'> = ({ state, event, index, fences }) => {
  const { scope, fenceId, speed } = event
  const raised = fences.find(({ fence: item }) => item.fenceId === fenceId)
  const same = raised?.fence.scope.kind === scope.kind && raised.fence.scope.id === scope.id
  const identityId = state.opened?.scope.id ?? ''
  if (raised === undefined || !same || !stoodAt(raised, { identityId, index }))
    return refuse('ENTRY_MISSING', '/fenceId', 'no such fence was raised before')
  if (speed === undefined) return fence(state, { scope, fenceId })
  return speed === raised.fence.speed
    ? fence(state, { scope, fenceId, speed })
    : differs('/speed', 'the fence is of another speed')
}

export const taskLeased: Reproduce<'TaskLeased'> = ({ state, event, at }) => {
  const { stepId, companyId } = event
  const leaseMs = state.opened?.settings.leaseMs ?? 0
  const leased = leaseTask(state, { stepId, companyId, leaseMs, at })
  return isRefusal(leased) ? leased : [leased]
}

export const claimRecorded: Reproduce<'ClaimRecorded'> = (moment) => {
  const { state, event, at, verify } = moment
  const authority = namedAuthority(moment, event.authority)
  if (isRefusal(authority)) return authority
  return recordClaim(state, { envelope: event.envelope, authority, verify, at })
}

/** Findings change nothing and may be recorded at any time. */
export const noted = ({
  state,
  event,
}: MomentOf<'FindingRecorded' | 'WorkflowRecovered'>): Reproduced =>
  state.opened === null ? notDue('the case is not open') : [event]

/** Once for each successor log, after it began. */
export const caseResumed: Reproduce<'CaseResumed'> = (moment) => {
  const { state, event, before, index, successors } = moment
  const { successor } = event
  const begun = successors.some(({ hash, index: first }) => hash === successor && first < index)
  if (!begun) return refuse('ENTRY_MISSING', '/successor', 'no such log was opened before')
  const again = before.some(
    (item) => item.event.type === 'CaseResumed' && item.event.successor === successor,
  )
  return again ? notDue('it was resumed already') : resume(state, { successor })
}

/** The one ending that no other event brings about: a target for which no plan can be drawn. */
export const caseClosed: Reproduce<'CaseClosed'> = ({ state, event, before, at }) => {
  const last = before.at(-1)
  const unplannable =
    event.outcome === 'unplannable' &&
    state.plan === null &&
    state.outcome === null &&
    last?.event.type === 'FindingRecorded' &&
    last.at === at
  return unplannable ? [event] : notDue('nothing closes the case here')
}

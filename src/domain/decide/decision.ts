/**
 * What people send: a decision is admitted with all that follows from it, or its refusal is recorded.
 * Pure, as everything that decides: time is a field, keys are in the authority.
 */
import { type Judged, judge } from '../approval/approval.js'
import type { Authority } from '../authority/authority.js'
import type { Digest } from '../bytes/digest.js'
import {
  type CaseState,
  countingVotes,
  isOpening,
  type StepState,
  stepOf,
  type Vote,
} from '../case/case.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { Envelope } from '../shapes/envelope.js'
import type { CaseEvent, EventOf } from '../shapes/event.js'
import type { Choice } from '../shapes/recertify.js'
import type { Verify } from '../signed/envelope.js'
import { settled } from './ending.js'
import { whenSatisfied } from './gate.js'

/** Recorded refusals per case; further ones are counted, each time as many again, so that noise cannot fill a case. */
export const MAX_RECORDED_REFUSALS = 50

export interface AdmitDecision {
  readonly envelope: Envelope
  readonly choices: readonly Choice[] | null
  readonly authority: Authority
  readonly verify: Verify
  readonly at: string
}

export interface Admitted {
  readonly judged: Judged
  readonly events: readonly CaseEvent[]
}

/**
 * A decision is admitted once: the same one again is not a new event, another one under its id is a replay.
 * At one gate a vote counts once, and so does whoever signs: a delegate votes for the other or as oneself.
 */
export function admitDecision(state: CaseState, command: AdmitDecision): Admitted | Refusal {
  const judged = judge({ ...command, state })
  if (isRefusal(judged)) return judged
  const { decision, votes } = judged
  if (decision.decisionId in state.decisions) return refuse('REPLAYED', '/decisionId')
  const step = stepOf(state, decision.stepId)
  if (step === null) return refuse('WRONG_STEP', '/stepId')
  const again = countingVotes(step, command.at).some(
    (vote) => vote.person === votes || vote.signedBy === judged.signedBy,
  )
  if (again && decision.verdict === 'approve') return refuse('PERSON_COUNTED', '/personId')
  if (decision.verdict === 'approve' && !hasEnded(state, { step, votes, at: command.at }))
    return refuse(
      'CONDITION_UNMET',
      '/stepId',
      'whoever approves the opening has approved its end ahead',
    )
  const { version, hash } = command.authority
  const admitted: EventOf<'DecisionAdmitted'> = {
    type: 'DecisionAdmitted',
    stepId: decision.stepId,
    round: judged.round,
    decisionId: decision.decisionId,
    verdict: decision.verdict,
    votes,
    signedBy: judged.signedBy,
    notAfter: decision.notAfter,
    envelope: command.envelope,
    choices: command.choices === null ? null : [...command.choices],
    authority: { version, hash },
  }
  const events = [admitted, ...consequences({ step, judged, at: command.at })]
  return { judged, events: settled(state, events) }
}

/** Emergency access is opened by nobody who has not signed that it ends; nothing else asks for this. */
const hasEnded = (
  state: CaseState,
  { step, votes, at }: { readonly step: StepState; readonly votes: string; readonly at: string },
): boolean => {
  const end = stepOf(state, 'end')
  if (state.opened === null || !isOpening(state.opened, step.step.stepId) || end === null)
    return true
  return countingVotes(end, at).some(({ person }) => person === votes)
}

function consequences(input: { step: StepState; judged: Judged; at: string }): CaseEvent[] {
  const { step, judged, at } = input
  const { decision } = judged
  const { stepId } = step.step
  if (decision.verdict === 'ask') return []
  if (decision.verdict === 'decline') {
    const declined: CaseEvent = { type: 'GateDeclined', stepId, decisionId: decision.decisionId }
    return [declined]
  }
  if (step.phase !== 'open') return []
  const vote: Vote = {
    decisionId: decision.decisionId,
    person: judged.votes,
    signedBy: judged.signedBy,
    verdict: decision.verdict,
    round: judged.round,
    notAfter: decision.notAfter,
  }
  return whenSatisfied({ ...step, votes: [...step.votes, vote] }, at)
}

/**
 * How a refused message is recorded: one entry each up to the cap; then nothing, until there are as many again
 * as there were. `uncounted`: how many there are since the last entry, with this one.
 */
export function recordRefusal(
  state: CaseState,
  refused: {
    readonly refusal: Refusal
    readonly sent: Digest
    readonly door: 'api' | 'signal'
    readonly uncounted: number
  },
): CaseEvent[] {
  if (state.opened === null) return []
  const { refusal, sent, door, uncounted } = refused
  const { refused: code, where } = refusal
  if (!isCapped(state))
    return [
      { type: 'DecisionRefused', code, where: where.slice(0, 200).toWellFormed(), sent, door },
    ]
  return uncounted < state.refusals ? [] : [refusalsCounted(state)]
}

export const isCapped = ({ refusals }: CaseState): boolean => refusals >= MAX_RECORDED_REFUSALS

/** The entry that counts them, which doubles what was counted so far. */
export const refusalsCounted = ({ refusals }: CaseState): EventOf<'RefusalsCounted'> => ({
  type: 'RefusalsCounted',
  count: refusals,
})

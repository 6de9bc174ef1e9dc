/**
 * Counting again: what the execution gate asks before a grant, and the verifier of a packet after it.
 *   termsAgain  are owner, contract and requirement still what was signed for?
 *   countAgain  do the admitted envelopes, judged again from their bytes, satisfy the requirement?
 * Pure, so that both get the same answer from the same entries, authority, pack and time.
 */

import { admitRequest } from '../admission/owner.js'
import type { Authority } from '../authority/authority.js'
import type { CaseState, Recorded, StepState } from '../case/case.js'
import { countingVotes, isOpening } from '../case/case.js'
import { factsObserved } from '../case/evidence.js'
import { windowAt } from '../policy/calendar.js'
import { isEndSigned } from '../policy/emergency.js'
import { satisfied } from '../policy/quorum.js'
import { type Involving, requirementToday } from '../policy/requirements.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { CaseOpened } from '../shapes/event.js'
import type { Pack } from '../shapes/policy.js'
import type { Requirement, ResolvedRequirement } from '../shapes/requirement.js'
import type { Verify } from '../signed/envelope.js'
import { judge } from './approval.js'

export interface AskingAgain extends Involving {
  readonly opened: CaseOpened
  readonly state: CaseState
  readonly step: StepState
  readonly authority: Authority
  /** The pack in force at `at`, as the authority names it. */
  readonly pack: Pack
  readonly packHash: ResolvedRequirement['pack']['hash']
  readonly at: string
}

/** The pack that the authority names as in force at `at`: the newest effective one. */
export const packInForce = (authority: Pick<Authority, 'packs'>, at: string) =>
  authority.packs
    .filter((pack) => pack.effectiveFrom <= at)
    .toSorted((left, right) => right.version - left.version)[0]

/** Afterwards owner, contract and requirement are still what was signed for, and what must be observed was. */
export function termsAgain(asking: AskingAgain): Requirement | Refusal {
  const { opened, state, step, authority, at } = asking
  const { stepId } = step.step
  const { asked, scope, requester } = opened
  const request = { kind: asked.kind, scope, requester }
  const admitted = admitRequest({ authority, request, at })
  if (isRefusal(admitted)) return admitted
  // Who carries it out, and whether fences stop it, follows from the authority and not from the entry.
  const isOwn = (contract: CaseOpened['contract']) => contract === null
  if (
    isOwn(admitted.contract) !== isOwn(opened.contract) ||
    admitted.executorCompany !== opened.executor
  )
    return refuse('NO_CLAUSE', '/contract', 'the case was opened for another executor')
  const today = requirementToday({ ...asking, stepId, askedAt: state.openedAt ?? at })
  if (isRefusal(today)) return today
  if (isOpening(opened, stepId) && !isEndSigned(state, at))
    return refuse('CONDITION_UNMET', '/steps/end', 'the end of the access is not signed')
  if (today.requirementHash !== step.gate?.resolved.requirementHash)
    return refuse('REQUIREMENT_CHANGED', `/steps/${stepId}`)
  if (!factsObserved(state, today.requirement)) return refuse('CONDITION_UNMET', `/steps/${stepId}`)
  return outsideWindow(asking, today.requirement) ?? today.requirement
}

/** The window that was signed for is open, and the calendar of today has nothing against it. */
function outsideWindow({ step, pack, at }: AskingAgain, { windows }: Requirement): Refusal | null {
  if (windows === undefined) return null
  const where = `/steps/${step.step.stepId}/window`
  const signed = step.gate?.window ?? null
  if (signed === null) return refuse('OUTSIDE_WINDOW', where, 'the gate opened without a window')
  if (at < signed.from || at >= signed.until)
    return refuse('OUTSIDE_WINDOW', where, `it is open from ${signed.from} to ${signed.until}`)
  const today = windowAt({ windows, calendar: pack.calendar, at })
  return today !== null && today.from <= at
    ? null
    : refuse('OUTSIDE_WINDOW', where, 'the calendar was changed since, and holds it shut')
}

export interface CountingAgain {
  readonly state: CaseState
  readonly recorded: readonly Recorded[]
  readonly step: StepState
  readonly requirement: Requirement
  readonly authority: Authority
  readonly verify: Verify
  readonly at: string
  /** Whoever did what the case is about: they sign nothing in it, for nobody. */
  readonly involved: readonly string[]
}

/** Afterwards the stored envelopes, judged again from their bytes, one of each signer, satisfy the requirement. Rows are not believed. */
export function countAgain(counting: CountingAgain): readonly string[] | Refusal {
  const { state, recorded, step, requirement, authority, verify, at, involved } = counting
  const votes = new Set(countingVotes(step, at).map((vote) => vote.decisionId))
  const persons: string[] = []
  const signers = new Set<string>()
  const decisionIds: string[] = []
  let first: Refusal | null = null
  for (const { event } of recorded) {
    if (event.type !== 'DecisionAdmitted' || !votes.has(event.decisionId)) continue
    const { envelope, choices } = event
    const judged = judge({ envelope, choices, state, authority, verify, at })
    if (isRefusal(judged)) {
      first ??= judged
      continue
    }
    const { decision } = judged
    if (involved.includes(judged.signedBy)) {
      first ??= refuse('NOT_AN_APPROVER', '/personId', 'what it is about is the signer’s own doing')
      continue
    }
    if (decision.verdict !== 'approve' || decision.stepId !== step.step.stepId) continue
    if (unmet(state, decision.gate) || signers.has(judged.signedBy)) continue
    signers.add(judged.signedBy)
    persons.push(judged.votes)
    decisionIds.push(decision.decisionId)
  }
  if (satisfied({ requirement, votes: persons })) return decisionIds
  return first ?? refuse('QUORUM_MISSING', `/steps/${step.step.stepId}`)
}

const unmet = (state: CaseState, gate: object): boolean =>
  'opensWhen' in gate &&
  Array.isArray(gate.opensWhen) &&
  !gate.opensWhen.every((fact) => state.facts.some((known) => known === fact))

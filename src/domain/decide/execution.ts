/**
 * What only a connector says: a satisfied gate is granted or refused; the step under the grant is
 * performed, failed or undone; a claim is contradicted. `attest` signs each with the connector's key.
 */

import type { Digest } from '../bytes/digest.js'
import type { Attest } from '../case/attestation.js'
import { type CaseState, isEnding, type StepState, stepOf } from '../case/case.js'
import { undoable } from '../case/due.js'
import { missing } from '../case/evidence.js'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../refusal.js'
import type { Fact } from '../shapes/basic.js'
import type { CaseEvent, EventOf } from '../shapes/event.js'
import { settled } from './ending.js'

export interface Grant {
  readonly stepId: string
  readonly grantId: string
  readonly fencingToken: number
  readonly decisionIds: readonly string[]
  readonly authority: { readonly version: number; readonly hash: Digest }
  readonly attest: Attest
}

export function grant(state: CaseState, command: Grant): CaseEvent[] | Refusal {
  const step = stepOf(state, command.stepId)
  if (
    step?.gate === null ||
    step?.gate === undefined ||
    state.planHash === null ||
    step.phase !== 'satisfied' ||
    isEnding(state)
  )
    return refuse('NOT_DUE', `/steps/${command.stepId}`)
  // A grant arises from decisions or from a mandate, by no third way.
  if (command.decisionIds.length === 0 && step.mandateId === null)
    return refuse('QUORUM_MISSING', `/steps/${command.stepId}`)
  return [
    command.attest({
      type: 'Granted',
      stepId: command.stepId,
      round: step.round,
      grantId: command.grantId,
      fencingToken: command.fencingToken,
      planHash: state.planHash,
      requirementHash: step.gate.resolved.requirementHash,
      preStateHash: step.gate.preStateHash,
      decisionIds: [...command.decisionIds],
      mandateId: step.mandateId,
      authority: { ...command.authority },
    }),
  ]
}

export function refuseAtGate(
  state: CaseState,
  command: { stepId: string; refusal: Refusal; attest: Attest },
): CaseEvent[] | Refusal {
  const step = stepOf(state, command.stepId)
  if (step === null || step.phase !== 'satisfied' || isEnding(state))
    return refuse('NOT_DUE', `/steps/${command.stepId}`)
  const { refused: code, detail } = command.refusal
  // What still waits for its window has lost nothing: the right moment has not come.
  if (code === 'OUTSIDE_WINDOW' && step.gate?.window?.now === 'shut')
    return refuse('NOT_DUE', `/steps/${command.stepId}/window`)
  const { stepId, attest } = command
  return [
    attest({
      type: 'GateRefused',
      stepId,
      round: step.round,
      code,
      detail: detail.slice(0, 300).toWellFormed(),
    }),
  ]
}

/** Afterwards the step holds exactly this grant, and is not finished. */
export function holdsGrant(
  state: CaseState,
  held: { stepId: string; grantId: string },
): StepState | Refusal {
  const step = stepOf(state, held.stepId)
  const where = `/steps/${held.stepId}`
  if (step === null || step.grant?.grantId !== held.grantId)
    return refuse('NOT_DUE', where, 'another grant')
  if (state.outcome !== null) return refuse('NOT_DUE', where, 'the case is closed')
  const live = ['granted', 'offered', 'claimed', 'failed'].includes(step.phase)
  return live ? step : refuse('NOT_DUE', where, 'the step is finished')
}

/**
 * `facts` are what was observed under this grant: afterwards they hold all that the step was to produce.
 * The last step's end closes the case; `evidence-complete` is a fact once nothing required is missing.
 */
export function finishStep(
  state: CaseState,
  command: { stepId: string; grantId: string; facts: readonly Fact[]; attest: Attest },
): CaseEvent[] | Refusal {
  const step = holdsGrant(state, command)
  if (isRefusal(step)) return step
  const until = step.step.executor === 'partner' ? 'claimed' : 'granted'
  if (step.phase !== until) return refuse('NOT_DUE', `/steps/${command.stepId}`, `not ${until}`)
  const unseen = step.step.produces.find((fact) => !command.facts.includes(fact))
  if (unseen !== undefined)
    return refuse('CONDITION_UNMET', `/steps/${command.stepId}`, `${unseen} was not observed`)
  const facts = [...new Set(command.facts)]
  const known: CaseState = { ...state, facts: [...state.facts, ...facts] }
  const complete: Fact[] = missing(known).length === 0 ? ['evidence-complete'] : []
  const { stepId, grantId, attest } = command
  const performed = attest({
    type: 'StepPerformed',
    stepId,
    grantId,
    facts: [...new Set([...facts, ...complete])],
  })
  const last = state.steps.at(-1)?.step.stepId === stepId
  if (last && !isEnding(state)) return [performed, { type: 'CaseClosed', outcome: 'completed' }]
  return settled(state, [performed])
}

export function failStep(
  state: CaseState,
  command: {
    stepId: string
    grantId: string
    code: RefusalCode
    target: 'clean' | 'dirty'
    attest: Attest
  },
): CaseEvent[] | Refusal {
  const step = holdsGrant(state, command)
  if (isRefusal(step)) return step
  if (step.phase !== 'granted' && step.phase !== 'claimed')
    return refuse('NOT_DUE', `/steps/${command.stepId}`, 'not in progress')
  const { stepId, grantId, code, target, attest } = command
  return settled(state, [attest({ type: 'StepFailed', stepId, grantId, code, target })])
}

/** A rollback ends the step's failure, or, when the case is ending, is followed by the next step to undo. */
export function undoStep(
  state: CaseState,
  command: Omit<EventOf<'StepUndone'>, 'type' | 'attestation'> & { attest: Attest },
): CaseEvent[] | Refusal {
  const { stepId, grantId, left, observed, attest } = command
  const step = stepOf(state, command.stepId)
  if (step === null || step.grant?.grantId !== command.grantId)
    return refuse('NOT_DUE', `/steps/${command.stepId}`)
  const owed = step.phase === 'failed' || (state.ending !== null && undoable(state) === step)
  if (!owed) return refuse('NOT_DUE', `/steps/${command.stepId}`)
  return settled(state, [attest({ type: 'StepUndone', stepId, grantId, left, observed })])
}

/** The claim counts for nothing: the task is open again, unless the case is ending. */
export function contradictClaim(
  state: CaseState,
  command: { stepId: string; claimId: string; observed: Record<string, string>; attest: Attest },
): CaseEvent[] | Refusal {
  const { stepId, claimId, observed, attest } = command
  const step = stepOf(state, stepId)
  if (step?.phase !== 'claimed' || step.task?.claimId !== claimId || step.grant === null)
    return refuse('NOT_DUE', `/steps/${stepId}`)
  const { grantId } = step.grant
  const contradicted = attest({ type: 'ClaimContradicted', stepId, grantId, claimId, observed })
  const expired: CaseEvent[] = isEnding(state) ? [{ type: 'TaskExpired', stepId, grantId }] : []
  return settled(state, [contradicted, ...expired])
}

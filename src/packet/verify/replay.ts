/**
 * replay: fold the case again from its entries and, before each step of the fold, have the core
 * reproduce what it appended there. Stops at the first entry that cannot be reproduced: everything
 * after it rests on it. Attestations are checked for every entry.
 */

import { canonical } from '../../domain/bytes/digest.js'
import { isAttested } from '../../domain/case/attestation.js'
import { type CaseState, initial, type Recorded } from '../../domain/case/case.js'
import { evolve } from '../../domain/case/evolve.js'
import { unresumed } from '../../domain/decide/resume.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { CaseEvent, EventOf } from '../../domain/shapes/event.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { Believed } from '../bundles.js'
import { entryFile } from '../files.js'
import { isAttestedThen } from './attested.js'
import type { Moment, RaisedFence, Reproduce, Reproduced } from './reproduce.js'
import * as people from './reproduce.js'
import * as connector from './reproduce-connector.js'
import { targetSeen } from './reproduce-review.js'
import * as task from './reproduce-task.js'
import type { Contained } from './verify-containments.js'
import type { Mandates } from './verify-mandates.js'

/** These are appended only together with the event that brings them about. */
const onlyFollows = (): Reproduced => refuse('NOT_DUE', '', 'nothing brought this about')

const REPRODUCE: { readonly [Type in CaseEvent['type']]: Reproduce<Type> } = {
  CaseOpened: people.caseOpened,
  Planned: connector.planned,
  GateOpened: connector.gateOpened,
  DecisionAdmitted: people.decisionAdmitted,
  DecisionRefused: people.refusalRecorded,
  RefusalsCounted: people.refusalRecorded,
  GateSatisfied: onlyFollows,
  GateDeclined: onlyFollows,
  GateEscalated: people.deadlinePassed,
  GateExpired: people.deadlinePassed,
  GateRefused: connector.gateRefused,
  Granted: connector.granted,
  OperationObserved: connector.operationObserved,
  TaskOffered: task.taskOffered,
  TaskLeased: people.taskLeased,
  ClaimRecorded: people.claimRecorded,
  ClaimContradicted: task.claimContradicted,
  StepPerformed: connector.stepPerformed,
  StepFailed: connector.stepFailed,
  StepUndone: connector.stepUndone,
  FindingRecorded: people.noted,
  CaseFenced: people.caseFenced,
  TaskExpired: people.deadlinePassed,
  WorkflowRecovered: people.noted,
  CaseClosed: people.caseClosed,
  WindowOpened: people.deadlinePassed,
  WindowClosed: people.deadlinePassed,
  TargetSeen: targetSeen,
  CaseResumed: people.caseResumed,
}

const reproduce = <Type extends CaseEvent['type']>(
  type: Type,
  moment: Moment<EventOf<Type>>,
): Reproduced => REPRODUCE[type](moment)

export interface Replay {
  readonly caseId: string
  readonly recorded: readonly Recorded[]
  /** Index in the log of each entry. */
  readonly indexes: readonly number[]
  readonly believed: Believed
  readonly fences: readonly RaisedFence[]
  readonly mandates: Mandates
  readonly findings: Moment['findings']
  readonly containments: readonly Contained[]
  readonly exercises: Moment['exercises']
  readonly emergencies: Moment['emergencies']
  readonly successors: Moment['successors']
  readonly verify: Verify
  readonly reviewed: Moment['reviewed']
}

export interface Replayed {
  /** The case up to the first entry that could not be reproduced. */
  readonly state: CaseState
  readonly problem: Refusal | null
}

export function replay(input: Replay): Replayed {
  const { recorded } = input
  let state = initial(input.caseId)
  let atLeast = 0
  const left = unresumed(recorded, input.successors)
  if (left !== null)
    return {
      state,
      problem: atEntry(left.seq, refuse('ENTRIES_LOST', '', 'not resumed before it')),
    }
  for (let index = 0; index < recorded.length; ) {
    const head = recorded[index]
    if (head === undefined) break
    const before = recorded.slice(0, index)
    const logIndex = input.indexes[index] ?? -1
    const moment = {
      ...input,
      state,
      before,
      event: head.event,
      at: head.at,
      index: logIndex,
      atLeast,
    }
    const expected =
      before.at(-1) !== undefined && head.at < (before.at(-1)?.at ?? '')
        ? refuse('EVIDENCE_TAMPERED', '/at', 'earlier than the entry before')
        : reproduce(head.event.type, moment)
    const problem = isRefusal(expected)
      ? atEntry(head.seq, expected)
      : firstDifference({ expected, actual: recorded.slice(index), seq: head.seq, at: head.at })
    if (problem !== null) return { state, problem }
    const count = isRefusal(expected) ? 0 : expected.length
    state = recorded.slice(index, index + count).reduce(evolve, state)
    if ('authority' in head.event) atLeast = head.event.authority.version
    index += count
  }
  return { state, problem: null }
}

const atEntry = (seq: number, { refused, where, detail }: Refusal): Refusal =>
  refuse(refused, entryFile(seq), where === '' ? detail : `${where}: ${detail}`)

/** Null when the entries are, one by one and of one time, what the core answered. */
function firstDifference(input: {
  readonly expected: readonly CaseEvent[]
  readonly actual: readonly Recorded[]
  readonly seq: number
  readonly at: string
}): Refusal | null {
  const { expected, actual, seq, at } = input
  if (expected.length === 0) return atEntry(seq, refuse('JUDGEMENT_DIFFERS', ''))
  for (const [offset, event] of expected.entries()) {
    const found = actual[offset]
    if (found === undefined)
      return atEntry(seq + offset, refuse('ENTRY_MISSING', '', `${event.type} belongs here`))
    if (found.at !== at || (found.event !== event && told(found.event) !== told(event)))
      return atEntry(
        seq + offset,
        refuse('JUDGEMENT_DIFFERS', '', `judged again, ${event.type} here says something else`),
      )
  }
  return null
}

/** The event without the connector's signature over it. */
function told(event: CaseEvent): string {
  if (!isAttested(event)) return canonical(event)
  const { attestation: _, ...rest } = event
  return canonical(rest)
}

/** Afterwards each event that only a connector may write was signed by one that a root in force then names. */
export function attestationProblems(input: Replay): readonly Refusal[] {
  const { caseId, verify, believed } = input
  const detail = 'no connector that the root names signed this'
  return input.recorded.flatMap((item) =>
    isAttestedThen({ caseId, verify, believed }, item)
      ? []
      : [refuse('EVIDENCE_TAMPERED', entryFile(item.seq), detail)],
  )
}

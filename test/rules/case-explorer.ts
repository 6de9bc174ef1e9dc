/**
 * explorer: every state a case can get into, found by making every move that is possible in each state
 * until no new one appears. The rules move it (decide/, task.ts); only what a signature or a probe
 * would say is made up here.
 * situation: what distinguishes two states for the graph: phases, ending, outcome, task; never hashes.
 * step: a move and the situations before and after it.
 */

import type { Digest } from '../../src/domain/bytes/digest.js'
import type { Attest } from '../../src/domain/case/attestation.js'
import type { CaseState, Recorded } from '../../src/domain/case/case.js'
import { due } from '../../src/domain/case/due.js'
import { fold } from '../../src/domain/case/evolve.js'
import { fence, settled } from '../../src/domain/decide/ending.js'
import * as execution from '../../src/domain/decide/execution.js'
import * as gates from '../../src/domain/decide/gate.js'
import { leaseTask } from '../../src/domain/decide/task.js'
import { planRotation } from '../../src/domain/plans/rotate.js'
import { isRefusal, type Refusal } from '../../src/domain/refusal.js'
import type { CaseEvent, CaseOpened } from '../../src/domain/shapes/event.js'
import type { Plan } from '../../src/domain/shapes/plan.js'
import { calm, opened, resolvedFor, rotation } from './case-explorer-case.js'

export interface Move {
  readonly name: string
  /** The step it concerns; null for moves of the case. */
  readonly stepId: string | null
  readonly events: readonly CaseEvent[]
}

export interface Edge extends Move {
  readonly from: string
  readonly to: string
}

export interface Explored {
  /** By situation; the history that led there first. */
  readonly states: ReadonlyMap<string, { readonly state: CaseState; readonly path: string[] }>
  readonly edges: readonly Edge[]
}

const GRANT = '01J00000000000000000000000'
const LATE = '2030-01-01T00:00:00.000Z'
const attestation = { keyid: 'key_connector', sig: 'c2ln' }
const attest: Attest = (event) => ({ ...event, attestation }) as ReturnType<Attest>
const digestOf = (seq: number): Digest => `sha256:${seq.toString(16).padStart(64, '0')}` as Digest

export const situation = (state: CaseState): string =>
  JSON.stringify({
    due: state.opened === null ? 'request' : due(state).kind,
    ending: state.ending,
    outcome: state.outcome,
    steps: state.steps.map((item) => ({
      phase: item.phase,
      escalated: item.gate?.escalated ?? null,
      window: item.gate?.window?.now ?? null,
      silence: item.silence === null ? 'no' : 'yes',
      lease: item.task?.lease == null ? 'none' : 'held',
      ahead: item.votes.some((vote) => vote.round === 0) ? 'yes' : 'no',
      granted: item.grant === null ? 'no' : 'yes',
      left: item.left,
    })),
  })

/** The rules' own answer; a refusal is no move. */
const when = (name: string, stepId: string | null, answer: Answer): Move[] =>
  isRefusal(answer) ? [] : [{ name, stepId, events: Array.isArray(answer) ? answer : [answer] }]
type Answer = CaseEvent[] | CaseEvent | Refusal

export function moves(state: CaseState): Move[] {
  if (state.opened === null) return [{ name: 'request', stepId: null, events: [opened] }]
  return [
    ...planMoves(state),
    ...when('fence', null, fence(state, { ...fenced })),
    ...when('fence that cuts', null, fence(state, { ...fenced, speed: 'cut' })),
    ...state.steps.flatMap(({ step }) => stepMoves(state, step.stepId)),
  ]
}

const fenced = { scope: { kind: 'partner', id: 'com_acme' }, fenceId: GRANT } as const

function planMoves(state: CaseState): Move[] {
  if (due(state).kind !== 'plan') return []
  const drawn = planRotation(rotation)
  if (isRefusal(drawn)) throw new Error(drawn.detail)
  const unsuitable: CaseEvent[] = [
    { type: 'FindingRecorded', code: 'TARGET_UNSUITABLE', where: '/', detail: 'unsuitable' },
    { type: 'CaseClosed', outcome: 'unplannable' },
  ]
  return [
    ...when('the plan is drawn', null, gates.plan(state, { plan: drawn as Plan, attest })),
    { name: 'the target is unsuitable', stepId: null, events: unsuitable },
  ]
}

function stepMoves(state: CaseState, stepId: string): Move[] {
  const item = state.steps.find(({ step }) => step.stepId === stepId)
  if (item === undefined) return []
  const held = { stepId, grantId: item.grant?.grantId ?? 'none', attest }
  const at = item.gate?.escalatesAt ?? LATE
  return [
    ...when('gate opens', stepId, openGate(state, { stepId, mandateId: null })),
    ...when('gate opens under a mandate', stepId, openGate(state, { stepId, mandateId: GRANT })),
    ...decisions(state, stepId),
    ...when('first deadline', stepId, gates.passDeadline(state, { stepId, at })),
    ...when('last deadline', stepId, gates.passDeadline(state, { stepId, at: LATE })),
    ...windowMoves(state, stepId),
    ...when('execution gate grants', stepId, grant(state, stepId)),
    ...when('execution gate refuses', stepId, execution.refuseAtGate(state, refusedAt(stepId))),
    ...taskMoves(state, stepId),
    ...when('done', stepId, finish(state, held)),
    ...when('failed clean', stepId, fail(state, { ...held, target: 'clean' })),
    ...when('failed dirty', stepId, fail(state, { ...held, target: 'dirty' })),
    ...(due(state).kind === 'undo'
      ? [
          ...when('undone', stepId, undo(state, { ...held, left: 'nothing' })),
          ...when('left alone', stepId, undo(state, { ...held, left: 'something' })),
        ]
      : []),
  ]
}

/** Nobody acts until its window opens, or until it is over. */
function windowMoves(state: CaseState, stepId: string): Move[] {
  const window = state.steps.find(({ step }) => step.stepId === stepId)?.gate?.window ?? null
  if (window === null) return []
  const { from, until } = window
  return [
    ...when('window opens', stepId, gates.passDeadline(state, { stepId, at: from })),
    ...when('window closes', stepId, gates.passDeadline(state, { stepId, at: until })),
  ]
}

const undo = (
  state: CaseState,
  of: { stepId: string; grantId: string; attest: Attest; left: 'nothing' | 'something' },
) => execution.undoStep(state, { ...of, observed: {} })

const openGate = (state: CaseState, under: { stepId: string; mandateId: string | null }) =>
  gates.openGate(state, {
    ...{ ...under, preState: { login: 'true' }, resolved: resolvedFor(under.stepId), attest },
    ...{ pack: calm, at: '2026-01-01T00:00:00.000Z' },
  })

const grant = (state: CaseState, stepId: string) =>
  execution.grant(state, {
    ...{ stepId, grantId: GRANT, fencingToken: 1, decisionIds: [GRANT], attest },
    authority: opened.authority,
  })

const refusedAt = (stepId: string) => ({
  stepId,
  attest,
  refusal: { refused: 'PRESTATE_CHANGED', where: '/', detail: 'changed' } as const,
})

/** Only a connector that was told to act does: while the case still goes on, or with what it has begun. */
const finish = (state: CaseState, held: { stepId: string; grantId: string }) => {
  const item = state.steps.find(({ step }) => step.stepId === held.stepId)
  const idle = item?.phase !== 'granted' && item?.phase !== 'claimed'
  const partner = item?.step.executor === 'partner' && item.phase === 'granted'
  if (idle || partner) return { refused: 'NOT_DUE', where: '/', detail: '' } as const
  return execution.finishStep(state, { ...held, facts: item.step.produces, attest })
}

const fail = (
  state: CaseState,
  held: { stepId: string; grantId: string; target: 'clean' | 'dirty' },
) => {
  const item = state.steps.find(({ step }) => step.stepId === held.stepId)
  if (item?.phase !== 'granted' || item.step.executor !== 'connector')
    return { refused: 'NOT_DUE', where: '/', detail: '' } as const
  return execution.failStep(state, { ...held, code: 'TARGET_REJECTED', attest })
}

const LATE_PHASES = ['granted', 'offered', 'claimed', 'failed', 'performed', 'undone']

/** What judge() lets through: one approval of the open gate, one given ahead for the last step, any decline before the grant. */
function decisions(state: CaseState, stepId: string): Move[] {
  const item = state.steps.find(({ step }) => step.stepId === stepId)
  const over = state.ending !== null || state.outcome !== null
  if (item === undefined || over || LATE_PHASES.includes(item.phase)) return []
  const approve = admitted({ stepId, round: item.round, verdict: 'approve' })
  const satisfied: CaseEvent = {
    ...{ type: 'GateSatisfied', stepId, round: item.round, decisionIds: [GRANT], mandateId: null },
  } as CaseEvent
  const ahead = stepId === 'close' && item.phase === 'pending' && item.votes.length === 0
  return [
    ...(item.phase === 'open'
      ? [{ name: 'owner approves', stepId, events: [approve, satisfied] }]
      : []),
    ...(ahead
      ? [
          {
            ...{ name: 'owner approves ahead', stepId },
            events: [admitted({ stepId, round: 0, verdict: 'approve' })],
          },
        ]
      : []),
    declined(state, stepId),
  ]
}

const declined = (state: CaseState, stepId: string): Move => {
  const decision = admitted({ stepId, round: 1, verdict: 'decline' })
  const gate: CaseEvent = { type: 'GateDeclined', stepId, decisionId: GRANT }
  return { name: 'owner declines', stepId, events: settled(state, [decision, gate]) }
}

const admitted = (vote: {
  stepId: string
  round: number
  verdict: 'approve' | 'decline'
}): CaseEvent => ({
  ...{
    type: 'DecisionAdmitted',
    ...vote,
    decisionId: GRANT,
    votes: 'per_ana',
    signedBy: 'per_ana',
  },
  ...{ notAfter: LATE, envelope: { payload: '', payloadType: '', signatures: [] } },
  choices: null,
  authority: opened.authority,
})

function taskMoves(state: CaseState, stepId: string): Move[] {
  const item = state.steps.find(({ step }) => step.stepId === stepId)
  if (item?.step.executor !== 'partner' || item.grant === null) return []
  const { grantId } = item.grant
  const of = { stepId, grantId }
  const offered = { type: 'TaskOffered', ...of, companyId: 'com_acme', permit: {}, sealed: {} }
  const claimed = { type: 'ClaimRecorded', ...of, claimId: GRANT, outcome: 'done' }
  const contradicted = { type: 'ClaimContradicted', ...of, claimId: GRANT, observed: {} }
  const made = (name: string, event: object): Move => ({
    ...{ name, stepId },
    events: [{ ...event, attestation } as CaseEvent],
  })
  const leased = item.task?.lease == null
  return [
    ...(item.phase === 'granted' ? [made('task offered', { ...offered, until: LATE })] : []),
    ...(leased ? when('task leased', stepId, lease(state, stepId)) : []),
    ...(item.phase === 'offered' && !leased ? [made('partner claims', claimed)] : []),
    ...(item.phase === 'claimed' ? [made('probe contradicts', contradicted)] : []),
  ]
}

const lease = (state: CaseState, stepId: string) =>
  leaseTask(state, {
    ...{ stepId, companyId: 'com_acme', leaseMs: 1000, at: '2026-01-01T00:00:00.000Z' },
  })

const recordedAfter = (history: readonly Recorded[], events: readonly CaseEvent[]): Recorded[] => [
  ...history,
  ...events.map((event, index) => ({
    ...{ seq: history.length + index + 1, hash: digestOf(history.length + index + 1) },
    ...{ at: '2026-01-01T00:00:00.000Z', event },
  })),
]

/** Throws past `limit` situations, so that a graph that does not end is an error and no hang. */
export function explore(limit: number): Explored {
  const states = new Map<string, { state: CaseState; path: string[] }>()
  const edges: Edge[] = []
  const caseId = (opened as CaseOpened).caseId
  const start = fold(caseId, [])
  const queue: { history: Recorded[]; state: CaseState }[] = [{ history: [], state: start }]
  states.set(situation(start), { state: start, path: [] })
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const from = situation(next.state)
    for (const move of moves(next.state)) {
      const history = recordedAfter(next.history, move.events)
      const state = fold(caseId, history)
      const to = situation(state)
      edges.push({ ...move, from, to })
      if (states.has(to)) continue
      const path = [...(states.get(from)?.path ?? []), `${move.name} ${move.stepId ?? ''}`.trim()]
      states.set(to, { state, path })
      if (states.size > limit) throw new Error(`more than ${limit} situations`)
      queue.push({ history, state })
    }
  }
  return { states, edges }
}

const readable = (state: CaseState): string =>
  `${state.ending ?? 'going on'}: ${state.steps.map(({ phase }) => phase).join(' ')}`

/** Situations from which no sequence of moves, a new fence aside, closes the case. */
export function deadEnds({ states, edges }: Explored): string[] {
  const closes = new Set(
    [...states].filter(([, { state }]) => state.outcome !== null).map(([key]) => key),
  )
  const moves = edges.filter(({ name }) => name !== 'fence')
  for (let before = -1; before !== closes.size; ) {
    before = closes.size
    for (const { from, to } of moves) if (closes.has(to)) closes.add(from)
  }
  const stuck = [...states].filter(([key]) => !closes.has(key))
  return [...new Set(stuck.map(([, { state }]) => readable(state)))].sort()
}

/**
 * execute: carry out one step. Ask the gate, wait for the intent's signed proof, do the operations
 * that are not recorded yet, record each observation. Called again after any crash it goes on with the
 * same grant, so whatever is retried, reset or replayed has one effect.
 */

import {
  type CaseState,
  hasRollback,
  type Recorded,
  type StepState,
  stepOf,
} from '../domain/case/case.js'
import { due } from '../domain/case/due.js'
import { contradictClaim, failStep, finishStep, holdsGrant } from '../domain/decide/execution.js'
import { goesUnproved } from '../domain/decide/resume.js'
import { ownFrom } from '../domain/decide/task.js'
import { isRefusal } from '../domain/refusal.js'
import type { EventOf } from '../domain/shapes/event.js'
import type { Operation } from '../domain/shapes/plan.js'
import { gateRefused, proofWaited } from '../metrics/metrics.js'
import type { Applied } from '../store/case/apply.js'
import { recordFinding } from '../store/case/cases.js'
import { passGate } from '../store/case/gate.js'
import { transaction } from '../store/db.js'
import { awaitProof } from '../store/log/proof.js'
import { holdFences } from '../store/streams/fences.js'
import {
  applied,
  type ExecutionDeps,
  type RecordsWork,
  readCase,
  readJudged,
  record,
  type StepOf,
  settingOf,
  stop,
  targetOf,
  type Work,
} from './deps.js'
import { faultPoint } from './faults.js'
import {
  controlledIn,
  factsUnder,
  isDone,
  type Observation,
  observation,
  signedState,
} from './observations.js'
import { offerTask } from './offer.js'
import { type Doing, isChange, operate, type Seen, watches } from './operations.js'
import { isInRecords, lookAt } from './place.js'
import { isRecordsOperation } from './records/operations.js'
import { rememberUses } from './remember.js'

/** Afterwards the step is performed, failed, offered to the partner, or its gate is due again. */
export async function performStep(deps: ExecutionDeps, at: StepOf): Promise<void> {
  const first = await readCase(deps, at.caseId)
  const next = due(first.state)
  if (next.kind !== 'perform' || next.stepId !== at.stepId) return
  const satisfied = stepOf(first.state, at.stepId)?.phase === 'satisfied'
  const granted = satisfied
    ? await askGate(deps, { at, state: first.state })
    : await readJudged(deps, at.caseId)
  if (granted === 'refused') return
  const { state, recorded } = granted
  const step = stepOf(state, at.stepId)
  if (step?.grant === null || step === null || step.phase !== 'granted') return
  const { grantId } = step.grant
  await Promise.all([
    awaitIntent(deps, { at, state, recorded, grantId }),
    rememberUses(deps, { at, state, step, grantId }),
  ])
  if (step.step.executor === 'partner') await offerTask(deps, { state, step })
  else await runOperations(deps, { state, recorded, step })
}

/** After the partner's claim: what the enterprise's own probe sees decides. */
export async function observeStep(deps: ExecutionDeps, at: StepOf): Promise<void> {
  const { state, recorded } = await readJudged(deps, at.caseId)
  const next = due(state)
  const step = stepOf(state, at.stepId)
  if (next.kind !== 'observe' || next.stepId !== at.stepId || step === null) return
  const claim = recorded.findLast(
    (item): item is Recorded<EventOf<'ClaimRecorded'>> =>
      item.event.type === 'ClaimRecorded' && item.event.claimId === step.task?.claimId,
  )
  if (claim?.event.outcome === 'failed')
    return contradict(deps, { at, step, observed: { claimed: 'failed' } })
  await runOperations(deps, { state, recorded, step })
}

async function askGate(
  deps: ExecutionDeps,
  input: { at: StepOf; state: CaseState },
): Promise<Pick<Applied<unknown>, 'state' | 'recorded'> | 'refused'> {
  const { at } = input
  const preState = await lookAt(deps, input.state)
  faultPoint('gate.before_commit')
  const passed = await applied(deps, {
    caseId: at.caseId,
    result: passGate(deps, { ...at, preState }),
  })
  faultPoint('gate.after_commit')
  if (passed.answer.gate === 'granted') return passed
  const { refusal } = passed.answer
  gateRefused(refusal.refused)
  // A gate that cannot even be refused in the case's own entries is found beside them.
  if (['EVIDENCE_TAMPERED', 'PLAN_TAMPERED', 'ALREADY_GRANTED'].includes(refusal.refused))
    await recordFinding(deps.db, { caseId: at.caseId, refusal })
  if (refusal.refused.startsWith('AUTHORITY_') || refusal.refused.startsWith('POLICY_'))
    await stop(deps, { caseId: at.caseId, refusal })
  return 'refused'
}

/**
 * Intent before effect: the grant's entry is in a signed checkpoint, verified here, before the target is
 * touched. A containment goes on from its committed intent when the signer is not there.
 */
async function awaitIntent(
  deps: ExecutionDeps,
  input: {
    readonly at: StepOf
    readonly state: CaseState
    readonly recorded: readonly Recorded[]
    readonly grantId: string
  },
): Promise<void> {
  const intent = input.recorded.find(
    ({ event }) => event.type === 'Granted' && event.grantId === input.grantId,
  )
  if (intent === undefined) throw new TypeError('a granted step without its grant')
  const { log, published, proofWithinMs: withinMs } = deps
  const { hash } = intent
  const said = 'at commit'
  const began = performance.now()
  const proof = await awaitProof(deps.db, { hash, log, published, withinMs, said })
  const outcome = isRefusal(proof) ? 'missing' : 'proved'
  proofWaited({ outcome, ms: performance.now() - began })
  if (!isRefusal(proof)) return
  const { caseId } = input.at
  const { opened } = input.state
  if (opened === null || !goesUnproved(opened, input.at.stepId))
    await stop(deps, { caseId, refusal: proof })
  await recordFinding(deps.db, { caseId, refusal: proof })
}

interface Running {
  readonly state: CaseState
  readonly recorded: readonly Recorded[]
  readonly step: StepState
}

async function runOperations(deps: ExecutionDeps, running: Running): Promise<void> {
  const { state, step } = running
  const setting = await settingOf(deps, state)
  const { plan } = state
  if (plan === null || step.grant === null)
    throw new TypeError('a granted step without plan or grant')
  const work = isInRecords(setting)
    ? { ...setting, plan }
    : { ...(await targetOf(deps, setting)), plan }
  const { grantId } = step.grant
  const at = { caseId: state.caseId, stepId: step.step.stepId }
  const { operations } = step.step
  let { recorded } = running
  let unrecorded: readonly Observation[] = []
  const keep = async (): Promise<void> => {
    if (unrecorded.length > 0) recorded = await recordAll(deps, { at, grantId, unrecorded })
    unrecorded = []
  }
  for (const [place, op] of operations.entries()) {
    if (place < ownFrom(step.step) || isDone(recorded, { grantId, place })) continue
    if (watches(op)) await keep()
    const startedAt = new Date().toISOString()
    const expected = signedState({ recorded, step })
    const controlled = controlledIn([...recorded.map(({ event }) => event), ...unrecorded])
    const doing = { deps, work, grantId, op, expected, controlled }
    const seen = await operateUnfenced(doing, at.stepId).catch(async (error: unknown) => {
      await keep()
      throw error
    })
    const observed = observation({ at, grantId, place, op, seen, startedAt })
    const all = [...unrecorded, observed]
    if (seen.outcome === 'refused')
      return failed(deps, { at, grantId, work, step, seen, observed: all })
    if (place === operations.length - 1) return finish(deps, { at, grantId, observed: all })
    unrecorded = all
    const next = operations[place + 1]
    if (next !== undefined && acts(next) && !canWait(op)) await keep()
  }
  return finish(deps, { at, grantId, observed: unrecorded })
}

const acts = (op: Operation): boolean => isChange(op) || isRecordsOperation(op)

/**
 * What was seen is recorded before the next change, or with the end of the step. Only a staged
 * secret may wait longer: it has its own commit, and changes no target.
 */
const canWait = ({ op }: Operation): boolean => op === 'stage'

const recordAll = (
  deps: ExecutionDeps,
  input: {
    readonly at: StepOf
    readonly grantId: string
    readonly unrecorded: readonly Observation[]
  },
): Promise<readonly Recorded[]> => {
  const { at, grantId, unrecorded } = input
  const attest = deps.attestFor(at.caseId)
  return record(deps, {
    caseId: at.caseId,
    decide: ({ state }) => {
      const held = holdsGrant(state, { stepId: at.stepId, grantId })
      return isRefusal(held) ? held : unrecorded.map((observed) => attest(observed))
    },
  })
}

/**
 * A change holds the case's fences while it is made: raising one is acknowledged before the change,
 * and then prevents it, or after it.
 */
async function operateUnfenced(
  doing: Doing<Operation, Work | RecordsWork>,
  stepId: string,
): Promise<Seen> {
  if (!isChange(doing.op)) return operate(doing)
  const { deps, work } = doing
  return transaction(deps.db, async (tx) => {
    const fences = await holdFences(tx, { ...deps, opened: work.opened, stepId })
    if (isRefusal(fences)) return stop(deps, { caseId: work.caseId, refusal: fences })
    return fences.raised === null ? operate(doing) : refusedByFence(doing)
  })
}

const refusedByFence = ({ op, work }: Doing<Operation, RecordsWork>): Seen => ({
  outcome: 'refused',
  code: 'FENCED',
  facts: [],
  observed: { op: op.op, about: work.opened.scope.id },
})

async function finish(
  deps: ExecutionDeps,
  input: { at: StepOf; grantId: string; observed: readonly Observation[] },
): Promise<void> {
  const { at, grantId, observed } = input
  const attest = deps.attestFor(at.caseId)
  await record(deps, {
    caseId: at.caseId,
    decide: ({ state, recorded }) => {
      const facts = [...factsUnder(recorded, grantId), ...observed.flatMap((item) => item.facts)]
      const finished = finishStep(state, { stepId: at.stepId, grantId, facts, attest })
      return isRefusal(finished) ? finished : [...observed.map((item) => attest(item)), ...finished]
    },
  })
}

async function failed(
  deps: ExecutionDeps,
  input: {
    readonly at: StepOf
    readonly grantId: string
    readonly work: Work | RecordsWork
    readonly step: StepState
    readonly seen: Seen
    /** What is not recorded yet; the last is what was seen. */
    readonly observed: readonly Observation[]
  },
): Promise<void> {
  const { at, grantId, seen, observed } = input
  if (input.step.phase === 'claimed') {
    const unrecorded = observed.slice(0, -1)
    if (unrecorded.length > 0) await recordAll(deps, { at, grantId, unrecorded })
    return contradict(deps, { at, step: input.step, observed: seen.observed })
  }
  const target = await leftBehind(input)
  const attest = deps.attestFor(at.caseId)
  const code = seen.code ?? 'TARGET_REJECTED'
  await record(deps, {
    caseId: at.caseId,
    decide: ({ state }) => {
      const failing = failStep(state, { stepId: at.stepId, grantId, code, target, attest })
      return isRefusal(failing) ? failing : [...observed.map((item) => attest(item)), ...failing]
    },
  })
}

/** Whether there is something that the step's own rollback has to undo: the target carries this grant. */
async function leftBehind(input: {
  readonly grantId: string
  readonly work: Work | RecordsWork
  readonly step: StepState
}): Promise<'clean' | 'dirty'> {
  const { work, grantId } = input
  if (!('connector' in work) || !hasRollback(input.step.step)) return 'clean'
  for (const credential of work.subject.credentials)
    if ((await work.connector.lastGrant(credential))?.grantId === grantId) return 'dirty'
  return 'clean'
}

/** The probe does not see what the partner claims: the claim counts for nothing and the task is open again. */
async function contradict(
  deps: ExecutionDeps,
  input: { at: StepOf; step: StepState; observed: Readonly<Record<string, string>> },
): Promise<void> {
  const { at, step } = input
  const claimId = step.task?.claimId ?? null
  if (claimId === null) return
  const { stepId } = at
  const attest = deps.attestFor(at.caseId)
  await record(deps, {
    caseId: at.caseId,
    decide: ({ state }) =>
      contradictClaim(state, { stepId, claimId, observed: { ...input.observed }, attest }),
  })
}

/**
 * The operators' doors beside the read-only Temporal UI: what stands still, who holds the ball and why, what is
 * under way, and having a workflow look again or start anew. Every call is an entry of the stream `ops`, made
 * before it is answered. None authorises anything: what a case owes and may do is what its own entries say.
 */
import { CasePath } from '../contract/http.js'
import {
  type DrainAnswer,
  type OperatedAnswer,
  type ProcessesAnswer,
  type StuckAnswer,
  StuckQuery,
  type WhoAnswer,
  type WhyAnswer,
} from '../contract/http-ops.js'
import { whyOf } from '../contract/why.js'
import { follow, unread } from '../domain/case/evolve.js'
import { isRefusal } from '../domain/refusal.js'
import type { OperatorActed } from '../domain/shapes/ops-event.js'
import { parseAs } from '../domain/shapes/parse.js'
import { eventsSince } from '../store/case/apply.js'
import { queueChanged, recordReattachment } from '../store/case/reconcile.js'
import { isMissing, missingWords, witnessHealth } from '../store/log/witnesses.js'
import { toldOf } from '../store/notices.js'
import { holders, quietCases, recordOperated, underWay } from '../store/streams/ops.js'
import {
  isSilent,
  type MeasuredClock,
  measuredClocks,
  startedProcesses,
} from '../store/streams/processes.js'
import type { Call, Handler } from './call.js'

const MOST = 100

export const stuck: Handler = async (call) => {
  const asked = parseAs(StuckQuery)(call.query)
  if (isRefusal(asked)) return asked
  await record(call, { act: 'list-stuck', caseId: null })
  const quiet = await quietCases(call.deps.db, { quietMs: asked.quietFor * 1000, limit: MOST })
  const cases = await Promise.all(
    quiet.map(async (item) => ({ ...item, why: (await explain(call, item.caseId)).why })),
  )
  const missing = (await witnessHealth(call.deps.db)).filter(isMissing).map(missingWords)
  return { body: { cases, missing } satisfies StuckAnswer }
}

export const who: Handler = async (call) => {
  await record(call, { act: 'who', caseId: null })
  return { body: { holders: [...(await holders(call.deps.db))] } satisfies WhoAnswer }
}

/** Of each process the newest starts; a start does not say that it still runs, its clock does. */
export const processes: Handler = async (call) => {
  await record(call, { act: 'processes', caseId: null })
  const { db } = call.deps
  const clocks = new Map((await measuredClocks(db)).map((one) => [one.instance, one]))
  const found = (await startedProcesses(db, { each: MOST_STARTS })).map((start) => {
    const { type: _, seq: __, at, skewMs: ___, ...said } = start
    const clock = clocks.get(start.instance)
    return { ...said, startedAt: at, running: runningOf(clock), skewMs: clock?.skewMs ?? null }
  })
  return { body: { processes: found } satisfies ProcessesAnswer }
}

const MOST_STARTS = 10

const runningOf = (clock: MeasuredClock | undefined): 'yes' | 'silent' | 'no' => {
  if (clock === undefined) return 'no'
  return isSilent(clock) ? 'silent' : 'yes'
}

/** Looked at before it is recorded: its own entry is not what anybody waits for. */
export const drain: Handler = async (call) => {
  const found = await underWay(call.deps.db)
  await record(call, { act: 'drain', caseId: null })
  return { body: { ...found, granted: [...found.granted] } satisfies DrainAnswer }
}

export const why: Handler = async (call) => {
  const path = parseAs(CasePath)(call.params)
  if (isRefusal(path)) return path
  await record(call, { act: 'why', ...path })
  const told = [...(await toldOf(call.deps.db, path.caseId))]
  return { body: { ...path, ...(await explain(call, path.caseId)), told } satisfies WhyAnswer }
}

/** The workflow reads the ledger again. */
export const nudge: Handler = async (call) => {
  const path = parseAs(CasePath)(call.params)
  if (isRefusal(path)) return path
  await record(call, { act: 'nudge', ...path })
  const queued = await queueChanged(call.deps.db, [path.caseId])
  const done = queued === 0 ? 'nothing' : 'asked'
  return { body: { ...path, done } satisfies OperatedAnswer }
}

/** The run there is ends, and a new one goes on where the ledger stands. */
export const reattach: Handler = async (call) => {
  const path = parseAs(CasePath)(call.params)
  if (isRefusal(path)) return path
  await record(call, { act: 'reattach', ...path })
  const recorded = await recordReattachment(call.deps.db, path.caseId)
  if (isRefusal(recorded)) return recorded
  const done = recorded === 'closed' ? 'nothing' : 'asked'
  return { body: { ...path, done } satisfies OperatedAnswer }
}

async function explain({ deps, at }: Call, caseId: string) {
  const recorded = await eventsSince(deps.db, { caseId, after: 0 })
  return {
    why: whyOf(follow(unread(caseId), recorded)),
    quietSince: recorded.at(-1)?.at ?? at,
  }
}

/** Throws when nobody asks: the door lets no machine in. */
async function record(
  { deps, principal, authority }: Call,
  what: Pick<OperatorActed, 'act' | 'caseId'>,
): Promise<void> {
  const { personId } = principal
  if (personId === null) throw new TypeError('an operator is a person')
  const { version, hash } = authority
  const reference = { version, hash }
  await recordOperated(deps.db, { type: 'OperatorActed', ...what, personId, authority: reference })
}

/**
 * The reconciler compares open cases with their workflows and with their own grants. A workflow that is
 * gone for longer than the grace is recorded as lost and started again by the relay; an intent without an
 * outcome is looked at again; a grant without its entry, an entry without its grant, and a leaf of the signed
 * log without its entry are findings. What needs no Temporal comes first: deadlines pass while it is away.
 */
import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { Logger } from 'pino'
import { isRefusal } from '../src/domain/refusal.js'
import { passDeadlines } from '../src/store/case/deadlines.js'
import { createInspection } from '../src/store/case/inspect.js'
import {
  findTampering,
  openCases,
  openIntents,
  queueChanged,
  recordRecovery,
} from '../src/store/case/reconcile.js'
import type { Db } from '../src/store/db.js'
import { faultOf } from './loop.js'

const PAGE = 200
const AT_ONCE = 8

export interface ReconcilerDeps {
  readonly db: Db
  readonly client: () => Promise<Client>
  readonly log: Logger
  readonly missingGraceMs: number
  readonly intentGraceMs: number
}

export function createReconciler(deps: ReconcilerDeps): () => Promise<void> {
  /** When each case was first seen without its workflow, by this process's monotonic clock. */
  const missing = new Map<string, number>()
  const inspect = createInspection(deps.db)
  return async () => {
    await passDeadlines(deps.db)
    const tampered = await findTampering(deps.db)
    if (tampered > 0) deps.log.error({ tampered }, 'grants and entries differ')
    const lost = await inspect()
    if (lost > 0) deps.log.error({ lost }, 'the store does not hold what was signed')
    await queueChanged(deps.db, await openIntents(deps.db, deps.intentGraceMs))
    await compareWorkflows(deps, missing)
  }
}

async function compareWorkflows(deps: ReconcilerDeps, missing: Map<string, number>): Promise<void> {
  const client = await deps.client()
  const running = await runningWorkflows(client)
  const open = new Set<string>()
  let after = ''
  for (;;) {
    const page = await openCases(deps.db, { after, limit: PAGE })
    for (const caseId of page) open.add(caseId)
    for (const caseId of page) if (running.has(caseId)) missing.delete(caseId)
    const unlisted = page.filter((caseId) => !running.has(caseId))
    await inLanes(unlisted, (caseId) => compareOne({ ...deps, connected: client, missing }, caseId))
    after = page.at(-1) ?? after
    if (page.length < PAGE) break
  }
  for (const caseId of missing.keys()) if (!open.has(caseId)) missing.delete(caseId)
}

/** As Temporal's visibility lists them. It lags: one that is not listed is asked for by itself, one that has just ended is found in a later round. */
async function runningWorkflows(client: Client): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  const query = "ExecutionStatus = 'Running'"
  for await (const { workflowId } of client.workflow.list({ query, pageSize: 1000 }))
    ids.add(workflowId)
  return ids
}

async function inLanes(
  caseIds: readonly string[],
  work: (caseId: string) => Promise<void>,
): Promise<void> {
  const rest = [...caseIds]
  const lane = async (): Promise<void> => {
    for (let caseId = rest.shift(); caseId !== undefined; caseId = rest.shift()) await work(caseId)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

interface Comparing extends ReconcilerDeps {
  readonly connected: Client
  readonly missing: Map<string, number>
}

async function compareOne(at: Comparing, caseId: string): Promise<void> {
  const status = await workflowStatus(at.connected, caseId)
  if (status === 'RUNNING') {
    at.missing.delete(caseId)
    return
  }
  const now = performance.now()
  const since = at.missing.get(caseId) ?? now
  at.missing.set(caseId, since)
  if (now - since < at.missingGraceMs) return
  at.missing.delete(caseId)
  try {
    const recovery = await recordRecovery(at.db, { caseId, previous: status, signal: 'changed' })
    if (isRefusal(recovery)) at.log.error({ caseId, code: recovery.refused }, 'not recoverable')
    else at.log.warn({ caseId, previous: status, recovery }, 'the workflow was lost')
  } catch (error) {
    at.log.warn({ caseId, fault: faultOf(error) }, 'not recovered yet')
  }
}

/** RUNNING, NOT_FOUND, or what Temporal calls the end of the last run. */
async function workflowStatus(client: Client, caseId: string): Promise<string> {
  try {
    return (await client.workflow.getHandle(caseId).describe()).status.name
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'NOT_FOUND'
    throw error
  }
}

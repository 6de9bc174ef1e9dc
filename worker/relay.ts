/**
 * The relay delivers what the outbox holds: at least once, in order within a case, many cases at a time.
 * Delivering starts the case's workflow when there is none. What is delivered authorises nothing, so a
 * lost, doubled or late delivery changes nothing but when the workflow looks at the ledger.
 */
import type { Client } from '@temporalio/client'
import {
  type SearchAttributePair,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/common'
import type { Logger } from 'pino'
import { ATTRIBUTES, type CaseInput, CORE_QUEUE } from '../src/contract/messages.js'
import {
  dropOutgoing,
  hurryOutgoing,
  type Outgoing,
  takeOutgoing,
} from '../src/store/case/outbox.js'
import { type CaseRow, caseRow } from '../src/store/case/reconcile.js'
import type { Db } from '../src/store/db.js'
import { faultOf } from './loop.js'

const IN_FLIGHT = 16
const BATCH = 200
/** Cases whose workflow this process has seen running; a signal to one of those needs no start. */
const REMEMBERED = 10_000

export interface RelayDeps {
  readonly db: Db
  readonly client: () => Promise<Client>
  readonly log: Logger
}

/** Delivers everything that is due; what is queued meanwhile wakes the relay again. Rejects when Temporal cannot be reached; what was not delivered stays. */
export function createRelay(deps: RelayDeps): () => Promise<void> {
  const { db, log } = deps
  const running = new Set<string>()
  let wasDown = false
  return async () => {
    for (;;) {
      const client = await deps.client()
      const batch = await takeOutgoing(db, BATCH)
      if (batch.length === 0) return
      const down = await deliverAll({ db, log, client, running }, batch)
      wasDown ||= down !== null
      if (down !== null) throw down
      if (!wasDown && batch.length < BATCH) return
      if (wasDown) await hurryOutgoing(db)
      wasDown = false
    }
  }
}

interface Delivering {
  readonly db: Db
  readonly log: Logger
  readonly client: Client
  readonly running: Set<string>
}

/** Cases side by side, the signals of one case one after the other. Stops when Temporal is away, and says so. */
async function deliverAll(at: Delivering, batch: readonly Outgoing[]): Promise<Error | null> {
  const byCase = new Map<string, Outgoing[]>()
  for (const item of batch) byCase.set(item.caseId, [...(byCase.get(item.caseId) ?? []), item])
  const queues = [...byCase.values()]
  let down: Error | null = null
  const lane = async (): Promise<void> => {
    for (let queue = queues.shift(); queue !== undefined && down === null; queue = queues.shift())
      down = (await deliverCase(at, queue)) ?? down
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  return down
}

/** A case whose signal is not accepted waits for its next turn and holds up no other case. */
async function deliverCase(at: Delivering, queue: readonly Outgoing[]): Promise<Error | null> {
  const delivered: string[] = []
  let down: Error | null = null
  for (const item of queue) {
    try {
      await deliver(at, item)
      delivered.push(item.id)
    } catch (error) {
      at.log.warn({ fault: faultOf(error), caseId: item.caseId }, 'a signal was not delivered')
      down = isDown(error) ? (error as Error) : null
      break
    }
  }
  await dropOutgoing(at.db, delivered)
  return down
}

const UNAVAILABLE = 14
const DEADLINE_EXCEEDED = 4

function isDown(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? error.code : null
  return code === UNAVAILABLE || code === DEADLINE_EXCEEDED || isDown(error.cause)
}

async function deliver(at: Delivering, item: Outgoing): Promise<void> {
  const { client, running, db } = at
  const { caseId } = item
  if (item.signal === 'reattach') return reattach(at, caseId)
  if (running.has(caseId)) {
    const signalled = await signal(client, item)
    if (signalled === 'delivered') return
    running.delete(caseId)
  }
  const row = await caseRow(db, caseId)
  // A case that is closed, or was never opened, owes its workflow no start.
  if (row === null || row.phase === 'closed') {
    await signal(client, item)
    return
  }
  await startWith({ client, row, item })
  if (running.size >= REMEMBERED) running.clear()
  running.add(caseId)
}

/** Whatever run there is ends here, and a new one reads the ledger from the first entry. */
async function reattach({ client, db }: Delivering, caseId: string): Promise<void> {
  const row = await caseRow(db, caseId)
  if (row === null || row.phase === 'closed') return
  await client.workflow.start(row.kind, {
    ...startOptions(row),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
  })
}

async function signal(client: Client, item: Outgoing): Promise<'delivered' | 'no workflow'> {
  try {
    await client.workflow.getHandle(item.caseId).signal(item.signal, item.payload)
    return 'delivered'
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'no workflow'
    throw error
  }
}

interface Start {
  readonly client: Client
  readonly row: CaseRow
  readonly item: Outgoing
}

/**
 * A workflow that completed although its case is open was not ours, or ended this moment; either way a new
 * run reads the ledger and does what is still owed.
 */
async function startWith(start: Start): Promise<void> {
  try {
    await signalWithStart(start, 'ALLOW_DUPLICATE_FAILED_ONLY')
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
    await signalWithStart(start, 'ALLOW_DUPLICATE')
  }
}

async function signalWithStart(
  { client, row, item }: Start,
  workflowIdReusePolicy: WorkflowIdReusePolicy,
): Promise<void> {
  await client.workflow.signalWithStart(row.kind, {
    ...startOptions(row),
    signal: item.signal,
    signalArgs: [item.payload],
    workflowIdReusePolicy,
    workflowIdConflictPolicy: 'USE_EXISTING',
  })
}

function startOptions(row: CaseRow) {
  const input: CaseInput = { caseId: row.caseId }
  return {
    workflowId: row.caseId,
    taskQueue: CORE_QUEUE,
    args: [input],
    staticSummary: `${capital(row.kind)} ${row.scope.id} for ${row.companyId} under ${row.objectiveId}`,
    staticDetails: staticDetails(row),
    typedSearchAttributes: startAttributes(row),
    memo: { policy: row.policy, owner: row.ownerId, objective: row.objectiveId },
    priority: { fairnessKey: `partner:${row.companyId}`.slice(0, 64) },
  }
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

const staticDetails = (row: CaseRow): string =>
  [
    `- About: ${row.scope.kind} ${row.scope.id} on ${row.systemId ?? 'no system'} (${row.tier})`,
    `- Owner: ${row.ownerId}, control objective ${row.objectiveId}`,
    `- Executor: ${row.companyId}`,
    `- Policy: ${row.policy}`,
    '',
    'Signals and buttons here authorise nothing: every step waits for signed decisions, and the evidence is in the ledger.',
  ].join('\n')

const startAttributes = (row: CaseRow): SearchAttributePair[] => [
  { key: ATTRIBUTES.partner, value: row.companyId },
  { key: ATTRIBUTES.owner, value: row.ownerId },
  { key: ATTRIBUTES.identity, value: row.scope.id },
  ...(row.objectiveId === null ? [] : [{ key: ATTRIBUTES.control, value: row.objectiveId }]),
  ...(row.systemId === null ? [] : [{ key: ATTRIBUTES.target, value: row.systemId }]),
  { key: ATTRIBUTES.policy, value: row.policy },
  { key: ATTRIBUTES.risk, value: row.tier },
  { key: ATTRIBUTES.phase, value: 'plan' },
  { key: ATTRIBUTES.waitingOn, value: ['system'] },
  { key: ATTRIBUTES.escalation, value: 0 },
  { key: ATTRIBUTES.frozen, value: false },
]

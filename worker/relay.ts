/**
 * The relay delivers what the outbox holds: at least once, in order within a case, many cases at a time.
 * Delivering starts the case's workflow when there is none. What is delivered authorises nothing, so a
 * lost, doubled or late delivery changes nothing but when the workflow looks at the ledger.
 */
import type { Client } from '@temporalio/client'
import {
  type SearchAttributePair,
  type WorkflowIdReusePolicy,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/common'
import type { Logger } from 'pino'
import { ATTRIBUTES, type CaseInput, CORE_QUEUE } from '../src/contract/messages.js'
import type { Db } from '../src/store/db.js'
import { dropOutgoing, hurryOutgoing, type Outgoing, takeOutgoing } from '../src/store/outbox.js'
import { type CaseRow, caseRow } from '../src/store/reconcile.js'
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

/** Delivers everything that is due. Rejects when Temporal cannot be reached; what was not delivered stays. */
export function createRelay(deps: RelayDeps): () => Promise<void> {
  const running = new Set<string>()
  let wasDown = false
  return async () => {
    for (;;) {
      const batch = await takeOutgoing(deps.db, BATCH)
      if (batch.length === 0) return
      const failure = await deliverAll({ ...deps, running }, batch)
      if (failure !== null) {
        wasDown = true
        throw failure
      }
      if (wasDown) await hurryOutgoing(deps.db)
      wasDown = false
    }
  }
}

interface Delivering extends RelayDeps {
  readonly running: Set<string>
}

/** Cases side by side, the signals of one case one after the other; returns the first failure. */
async function deliverAll(at: Delivering, batch: readonly Outgoing[]): Promise<Error | null> {
  const queues = [...Map.groupBy(batch, (item) => item.caseId).values()]
  const client = await at.client()
  let failure: Error | null = null
  const lane = async (): Promise<void> => {
    for (let queue = queues.shift(); queue !== undefined; queue = queues.shift()) {
      const failed = await deliverCase({ ...at, client }, queue)
      failure ??= failed
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  return failure
}

async function deliverCase(
  at: Delivering & { readonly client: Client },
  queue: readonly Outgoing[],
): Promise<Error | null> {
  const delivered: string[] = []
  let failure: Error | null = null
  for (const item of queue) {
    try {
      await deliver(at, item)
      delivered.push(item.id)
    } catch (error) {
      at.log.warn({ fault: faultOf(error), caseId: item.caseId }, 'a signal was not delivered')
      failure = error instanceof Error ? error : new Error('not delivered')
      break
    }
  }
  await dropOutgoing(at.db, delivered)
  return failure
}

async function deliver(
  at: Delivering & { readonly client: Client },
  item: Outgoing,
): Promise<void> {
  const { client, running, db } = at
  const { caseId } = item
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
  const input: CaseInput = { caseId: row.caseId }
  await client.workflow.signalWithStart(row.kind, {
    workflowId: row.caseId,
    taskQueue: CORE_QUEUE,
    args: [input],
    signal: item.signal,
    signalArgs: [item.payload],
    workflowIdReusePolicy,
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `${capital(row.kind)} ${row.identityId} for ${row.companyId} under ${row.objectiveId}`,
    staticDetails: staticDetails(row),
    typedSearchAttributes: startAttributes(row),
    memo: { policy: row.policy, owner: row.ownerId, objective: row.objectiveId },
    priority: { fairnessKey: `partner:${row.companyId}`.slice(0, 64) },
  })
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

const staticDetails = (row: CaseRow): string =>
  [
    `- Identity: ${row.identityId} on ${row.systemId} (${row.tier})`,
    `- Owner: ${row.ownerId}, control objective ${row.objectiveId}`,
    `- Executor: ${row.companyId}`,
    `- Policy: ${row.policy}`,
    '',
    'Signals and buttons here authorise nothing: every step waits for signed decisions, and the evidence is in the ledger.',
  ].join('\n')

const startAttributes = (row: CaseRow): SearchAttributePair[] => [
  { key: ATTRIBUTES.partner, value: row.companyId },
  { key: ATTRIBUTES.owner, value: row.ownerId },
  { key: ATTRIBUTES.identity, value: row.identityId },
  { key: ATTRIBUTES.control, value: row.objectiveId },
  { key: ATTRIBUTES.target, value: row.systemId },
  { key: ATTRIBUTES.policy, value: row.policy },
  { key: ATTRIBUTES.risk, value: row.tier },
  { key: ATTRIBUTES.phase, value: 'plan' },
  { key: ATTRIBUTES.waitingOn, value: 'system' },
  { key: ATTRIBUTES.escalation, value: 0 },
  { key: ATTRIBUTES.frozen, value: false },
]

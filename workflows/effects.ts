/**
 * The effects: every way from the workflow to the world, grouped by risk, each with the reason of its
 * timeouts. `sync` touches the evidence store only; the connector's activities may touch a target, are
 * idempotent under their grant, and run only on the queue of their system.
 */
import { proxyActivities, proxyLocalActivities, type RetryPolicy } from '@temporalio/workflow'
import {
  type ConnectorActivities,
  type CoreActivities,
  connectorQueue,
  type Folded,
} from '../src/contract/messages.js'
import type { Recorded } from '../src/domain/case/case.js'
import type { Due } from '../src/domain/case/due.js'

/**
 * A few short transactions for each item of the inbox, of which there are at most a hundred; a minute
 * means that the store is gone, and it is tried until it is back.
 * Beyond 5 s of waiting the SDK puts a durable timer in the place of the workflow task.
 */
export const { sync } = proxyLocalActivities<CoreActivities>({
  startToCloseTimeout: '60s',
  localRetryThreshold: '5s',
  retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '10s' },
})

/**
 * A fault is tried again for about two minutes by Temporal; then the workflow shows that it is stuck and
 * tries again itself. A refusal that no retry mends comes back at once.
 */
const RETRY: RetryPolicy = {
  initialInterval: '200ms',
  backoffCoefficient: 2,
  maximumInterval: '10s',
  maximumAttempts: 18,
}

/** Looks at the target and changes nothing: bounded by its connect and statement timeouts. */
const LOOKING = '60s'

/**
 * May change a target or watch it for as long as the policy says, so the attempt as a whole is bounded by
 * months; a connector that dies is noticed by the heartbeat, which it gives by itself while it lives.
 */
const ACTING = '60d'

/** Without a connector on the queue the case is stuck, and that has to show. */
const UNCLAIMED = '60s'

/** What a connector does next in a case. */
export type Work = Exclude<Due, { kind: 'closed' | 'decision' | 'wait' | 'claim' }>

export interface WorkOrder {
  readonly caseId: string
  readonly systemId: string | null
  readonly folded: Folded
  readonly work: Work
  /** Shown on the timeline. */
  readonly summary: string
}

/** Has the connector do it; returns the events after what was folded. Rejects with an ActivityFailure. */
export function carryOut(order: WorkOrder): Promise<readonly Recorded[]> {
  const { caseId, folded, work } = order
  const stepId = work.kind === 'plan' ? '' : work.stepId
  const looks = work.kind === 'plan' || work.kind === 'open-gate'
  const connector = proxyActivities<ConnectorActivities>({
    startToCloseTimeout: looks ? LOOKING : ACTING,
    heartbeatTimeout: '10s',
    retry: RETRY,
    taskQueue: connectorQueue(order.systemId),
    scheduleToStartTimeout: UNCLAIMED,
    summary: order.summary,
  })
  const name = work.kind === 'open-gate' ? 'openGate' : work.kind
  return connector[name]({ caseId, stepId, ...folded })
}

/**
 * The connector's doors from the workflow: each calls one function of execution, opens the next gate
 * if it is due, and returns the events that the workflow has not seen. What is returned is a pointer;
 * the truth is in the ledger.
 */
import { ApplicationFailure, heartbeat } from '@temporalio/activity'
import type { ConnectorActivities, ConnectorInput } from '../src/contract/messages.js'
import type { Recorded } from '../src/domain/case/case.js'
import { type ExecutionDeps, ExecutionFault, Stopped } from '../src/execution/deps.js'
import { observeStep, performStep } from '../src/execution/execute.js'
import { drawPlan, openDueGate } from '../src/execution/prepare.js'
import { undoDueStep } from '../src/execution/undo.js'
import { withCaseLock } from '../src/store/case/case-lock.js'
import { newsFor } from '../src/store/case/cases.js'

/** Says that this process lives; the workflow's heartbeat timeout is several of these. */
const HEARTBEAT_MS = 2000

export function createConnectorActivities(
  deps: Omit<ExecutionDeps, 'heartbeat'>,
): ConnectorActivities {
  const execution: ExecutionDeps = { ...deps, heartbeat: (doing) => heartbeat(doing) }
  const door =
    (work: (at: ConnectorInput) => Promise<void>) =>
    async (input: ConnectorInput): Promise<readonly Recorded[]> => {
      const { caseId, after, head } = input
      const beating = setInterval(() => heartbeat('alive'), HEARTBEAT_MS)
      await withCaseLock(deps.db, caseId, async () => {
        await work(input)
        await openDueGate(execution, caseId)
      })
        .catch(asFailure)
        .finally(() => clearInterval(beating))
      return newsFor(deps.db, { caseId, after, head })
    }
  return {
    plan: door(({ caseId }) => drawPlan(execution, caseId)),
    openGate: door(async () => undefined),
    perform: door((at) => performStep(execution, at)),
    observe: door((at) => observeStep(execution, at)),
    undo: door((at) => undoDueStep(execution, at)),
  }
}

/** What stands in the way of the case is no fault that a retry mends; everything else is tried again. */
function asFailure(error: unknown): never {
  if (error instanceof Stopped)
    throw ApplicationFailure.nonRetryable(error.message, error.refusal.refused)
  if (error instanceof ExecutionFault) throw ApplicationFailure.retryable(error.message, error.code)
  throw error
}

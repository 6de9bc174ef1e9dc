/**
 * The *bare* approval workflow: what the samples of workflow engines show. The same topology as a case here,
 * and none of its promises: whoever can signal it approves, and nothing of it can be proved.
 */
import {
  condition,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow'
import {
  approveSignal,
  BARE_STEPS,
  type BareActivities,
  type BareInput,
  EXECUTE_QUEUE,
  PHASE,
} from './messages.js'

const { perform } = proxyActivities<BareActivities>({
  taskQueue: EXECUTE_QUEUE,
  startToCloseTimeout: '60s',
})

export async function bareApproval(input: BareInput): Promise<'completed' | 'expired'> {
  const approved = new Set<string>()
  setHandler(approveSignal, (stepId) => {
    approved.add(stepId)
  })
  for (const stepId of BARE_STEPS) {
    upsertSearchAttributes([{ key: PHASE, value: stepId }])
    if (!(await condition(() => approved.has(stepId), '30 minutes'))) return 'expired'
    await perform({ ...input, stepId })
  }
  return 'completed'
}

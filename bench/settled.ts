/** A workflow is *settled* when it waits: no workflow task and no activity of it is pending. */
import type { WorkflowHandle } from '@temporalio/client'
import { until } from '../src/demo/stage.js'

/** Resolves with the number of events in its history. */
export async function settled(handle: WorkflowHandle): Promise<number> {
  let events = 0
  await until(`${handle.workflowId} is settled`, async () => {
    const { raw, historyLength } = await handle.describe()
    events = historyLength
    const task = raw.pendingWorkflowTask ?? null
    return task === null && (raw.pendingActivities ?? []).length === 0
  })
  return events
}

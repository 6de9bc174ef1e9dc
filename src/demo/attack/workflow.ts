/** Abuse by whoever rules the Temporal namespace: forged results, resets, terminations. */
import { encodeToPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js'
import { NAMESPACE } from '../../contract/messages.js'
import type { Recorded } from '../../domain/case/case.js'
import { look, type Stage, until, untilGate } from '../stage.js'
import { askForRotation, finishRotation, openRotation, passStep } from '../steps.js'
import type { Attempt } from './attempt.js'

const grants = (events: readonly Recorded[]): number =>
  events.filter(({ event }) => event.type === 'Granted').length

const found = (stage: Stage, input: { caseId: string; code: string }): Promise<void> =>
  until(`${input.code} is found`, async () =>
    (await stage.events(input.caseId)).some(
      ({ event }) => event.type === 'FindingRecorded' && event.code === input.code,
    ),
  )

/** Answers in the connector's place that the case was planned, signed, performed and closed. */
const forgedResult: Attempt = {
  name: 'an activity completed by id with a forged result',
  account: 'forged',
  play: async (stage) => {
    const connector = stage.system.process('connector')
    process.kill(connector.pid, 'SIGSTOP')
    const caseId = await askForRotation(stage, { account: 'forged' })
    try {
      const activityId = await pendingActivity(stage, caseId)
      const events = forgedEvents()
      await stage.temporal.workflowService.respondActivityTaskCompletedById({
        ...{ namespace: NAMESPACE, workflowId: caseId, activityId, identity: 'somebody' },
        result: {
          payloads:
            (await encodeToPayloads(stage.temporal.options.loadedDataConverter, events)) ?? [],
        },
      })
    } finally {
      process.kill(connector.pid, 'SIGCONT')
    }
    await found(stage, { caseId, code: 'EVIDENCE_TAMPERED' })
    await untilGate(stage, { caseId, stepId: 'issue' })
    return {
      happened:
        'the workflow believed it until it looked at the ledger; the case still waits for its owner',
      recorded: { stream: caseId, code: 'EVIDENCE_TAMPERED' },
    }
  },
}

const forgedEvents = () => {
  const hash = `sha256:${'0'.repeat(64)}`
  const at = new Date().toISOString()
  return [2, 3, 4].map((seq) => ({
    seq,
    hash,
    at,
    event: { type: 'FindingRecorded', code: 'NOT_DUE', where: '/', detail: 'forged' },
  }))
}

async function pendingActivity(stage: Stage, caseId: string): Promise<string> {
  let id: string | null = null
  await until('the connector has work', async () => {
    const described = await stage.temporal.workflow
      .getHandle(caseId)
      .describe()
      .catch(() => null)
    id = described?.raw.pendingActivities?.[0]?.activityId ?? null
    return id !== null
  })
  return id ?? ''
}

const reset: Attempt = {
  name: 'the workflow is reset to before the change',
  account: 'reset',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'reset' })
    await passStep(stage, { caseId, stepId: 'issue', persons: ['per_ana'] })
    await stage.baseline('reset')
    const before = grants(await stage.events(caseId))
    const handle = stage.temporal.workflow.getHandle(caseId)
    const history = await handle.fetchHistory()
    const first = (history.events ?? []).find(
      (event) => event.eventType === WORKFLOW_TASK_COMPLETED,
    )
    const { runId } = await handle.describe()
    await stage.temporal.workflowService.resetWorkflowExecution({
      ...{
        namespace: NAMESPACE,
        workflowExecution: { workflowId: caseId, runId },
        reason: 'abuse',
      },
      ...{ workflowTaskFinishEventId: first?.eventId ?? null, requestId: 'reset-1' },
    })
    await until('the reset run stands where the ledger stands', async () => {
      const described = await handle.describe().catch(() => null)
      return described?.status.name === 'RUNNING' && described.runId !== runId
    })
    await passStep(stage, { caseId, stepId: 'cut-over', persons: ['per_ana'] })
    const after = grants(await stage.events(caseId))
    if (before !== 1 || after !== 2) throw new Error(`grants: ${before}, then ${after}`)
    await until('the reset is found', () => hasRecovery(stage, caseId))
    return {
      happened: 'it went on where the ledger stands: one grant, one change, none repeated',
      recorded: { stream: caseId, code: 'RESET' },
    }
  },
}

/** temporal.api.enums.v1.EventType */
const WORKFLOW_TASK_COMPLETED = 7

const hasRecovery = async (stage: Stage, caseId: string): Promise<boolean> =>
  (await stage.events(caseId)).some(({ event }) => event.type === 'WorkflowRecovered')

const terminated: Attempt = {
  name: 'the workflow is terminated half-way',
  account: 'terminated',
  play: async (stage) => {
    const consumer = await stage.system.startConsumer('terminated')
    const caseId = await openRotation(stage, { account: 'terminated' })
    await passStep(stage, { caseId, stepId: 'issue', persons: ['per_ana'] })
    await stage.temporal.workflow.getHandle(caseId).terminate('abuse')
    await stage.baseline('terminated')
    await until('the keeper has started it again', () => hasRecovery(stage, caseId))
    if ((await look(stage.targetDba, 'terminated')) !== stage.baselines.get('terminated'))
      throw new Error('the target changed')
    await finishRotation(stage, { caseId, consumer })
    await stage.baseline('terminated')
    return {
      happened: 'recorded, started again from the ledger, and finished by its owners’ signatures',
      recorded: { stream: caseId, code: 'TERMINATED' },
    }
  },
}

export const workflowAttempts: readonly Attempt[] = [forgedResult, reset, terminated]

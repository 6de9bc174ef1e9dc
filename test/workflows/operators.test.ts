/**
 * What operators see of a case in Temporal, and that runs which grow, overflow, stand still or are started anew
 * go on from the ledger. The server here suggests a new run after few events.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { whyOf } from '../../src/contract/why.js'
import { due } from '../../src/domain/case/due.js'
import { follow, unread } from '../../src/domain/case/evolve.js'
import { MAX_RECORDED_REFUSALS } from '../../src/domain/decide/decision.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { recordReattachment } from '../../src/store/case/reconcile.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { aRig, phaseOf, type Rig, until } from '../support/rig.js'

/** More than a run holds at once. */
const FLOOD = 1100
/** Longer than work may stay unclaimed. */
const UNCLAIMED_MS = 90_000

let rig: Rig
beforeAll(async () => {
  rig = await aRig({ dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': 40 } })
})
afterAll(() => rig.stop())

const handleOf = (caseId: string) => rig.client.workflow.getHandle(caseId)
const recordedOf = (caseId: string) => eventsSince(rig.world.db('cs_api'), { caseId, after: 0 })

async function uncountedOf(caseId: string): Promise<number> {
  const { rows } = await rig.world
    .db('cs_keeper')
    .query<{ uncounted: number }>('select uncounted from cases where case_id = $1', [caseId])
  return rows[0]?.uncounted ?? 0
}

interface Metadata {
  readonly currentDetails?: string
}
/** As the Temporal UI asks for them; a mark that keeps Markdown from acting is not shown. */
const detailsOf = async (caseId: string): Promise<string> => {
  const { currentDetails = '' } = await handleOf(caseId).query<Metadata>(
    '__temporal_workflow_metadata',
  )
  return currentDetails.replace(/\\([\\`*_{}[\]<>#|!])/g, '$1')
}

const runsOf = async (caseId: string): Promise<string[]> => {
  const runs: string[] = []
  for await (const { status } of rig.client.workflow.list({ query: `WorkflowId = '${caseId}'` }))
    runs.push(status.name)
  return runs
}

const idsOf = async (query: string): Promise<string[]> => {
  const ids: string[] = []
  for await (const { workflowId } of rig.client.workflow.list({ query })) ids.push(workflowId)
  return ids
}

const VIEWS = readFileSync(new URL('../../ops/saved-views.md', import.meta.url), 'utf8')
const viewOf = (heading: string): string => {
  const [, query] = (VIEWS.split(`## ${heading}\n`)[1] ?? '').split('```')
  if (query === undefined) throw new TypeError(`no view ${heading}`)
  return query.trim()
}

const hasRead = (caseId: string) =>
  until('the run has read the ledger', async () => {
    const { seq } = await handleOf(caseId).query<{ seq: number }>('case')
    return seq === (await rig.stateOf(caseId)).seq
  })

const isDue = (caseId: string, kind: string, stepId: string) =>
  until(`${kind} ${stepId}`, async () => {
    const next = due(await rig.stateOf(caseId))
    return next.kind === kind && 'stepId' in next && next.stepId === stepId
  })

async function decline(caseId: string, stepId: string) {
  await caseworkIn(rig.world).decline(caseId, { stepId, person: 'per_ana' })
  await handleOf(caseId).result()
}

describe('the details of a waiting case', () => {
  it('say why in the words of the API, before anything that the UI could cut off', async () => {
    const caseId = await rig.open('billing')
    const recorded = await recordedOf(caseId)
    const why = whyOf(follow(unread(caseId), recorded))
    await until('the details say so', async () => (await detailsOf(caseId)).includes(why))
    const lines = (await detailsOf(caseId)).split('\n')
    expect(lines.at(-1)).toBe('&nbsp;')
    expect(lines.at(-3)).toContain(`countersign show ${caseId}`)
    await decline(caseId, 'issue')
  })
})

describe('a run', () => {
  it('goes on as a new one when its history has grown, and the case with it', async () => {
    const caseId = await rig.open('ledger')
    await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await isDue(caseId, 'decision', 'cut-over')
    for (let nudge = 0; nudge < 30; nudge += 1) await handleOf(caseId).signal('changed')
    await until('a new run', async () => (await runsOf(caseId)).includes('CONTINUED_AS_NEW'))
    await rig.approve(caseId, { stepId: 'cut-over', person: 'per_ana' })
    await isDue(caseId, 'claim', 'cut-over')
    await hasRead(caseId)
    const types = (await recordedOf(caseId)).map(({ event }) => event.type)
    expect(types).not.toContain('WorkflowRecovered')
    expect(types).not.toContain('FindingRecorded')
  })
})

describe('a flood of signals', () => {
  it('is recorded up to what a run holds, the rest as one refusal, and a good decision still counts', async () => {
    const caseId = await rig.open('billing')
    await rig.worker('stopped')
    for (let sent = 0; sent < FLOOD; sent += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => handleOf(caseId).signal('decide', sent + index)),
      )
    await rig.worker('running')
    // The entries that count them double: what has come since the last of them is counted beside the case.
    const refusals = async () => (await rig.stateOf(caseId)).refusals + (await uncountedOf(caseId))
    await until('all are refused', async () => (await refusals()) >= 1001)
    await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await isDue(caseId, 'decision', 'cut-over')
    // A workflow task that ran out of time is done again, and so is its sync: none is lost, and some count twice.
    expect(await refusals()).toBeGreaterThanOrEqual(1001)
    const recorded = (await recordedOf(caseId)).map(({ event }) => event.type)
    expect(recorded.filter((type) => type === 'DecisionRefused')).toHaveLength(
      MAX_RECORDED_REFUSALS,
    )
    await decline(caseId, 'cut-over')
  })
})

describe('a workflow that an operator has started anew', () => {
  it('goes on where the ledger stands, whatever the run before was doing', async () => {
    const caseId = await rig.open('billing')
    const { runId } = await handleOf(caseId).describe()
    must(await recordReattachment(rig.world.db('cs_api'), caseId))
    await until('another run', async () => (await handleOf(caseId).describe()).runId !== runId)
    await hasRead(caseId)
    await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await isDue(caseId, 'decision', 'cut-over')
    await decline(caseId, 'cut-over')
  })
})

describe('a case for whose system no connector is there', () => {
  it('is stuck and not waiting, in every view, and goes on when the connector is back', {
    timeout: 2 * UNCLAIMED_MS,
  }, async () => {
    await rig.connector('stopped')
    const { caseId } = must(await caseworkIn(rig.world).ask('vault', { kind: 'rotate' }))
    const over = performance.now() + UNCLAIMED_MS
    while ((await phaseOf(handleOf(caseId)).catch(() => null)) !== 'stuck') {
      if (performance.now() > over) throw new Error('it never shows that it is stuck')
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    expect(await detailsOf(caseId)).toContain('stuck: CONNECTOR_ABSENT')
    await until('the stuck view has it', async () =>
      (await idsOf(viewOf('Stuck'))).includes(caseId),
    )
    expect(await idsOf(viewOf('Stuck'))).toEqual([caseId])
    expect(await idsOf(viewOf('Waiting for a person, longest first'))).not.toContain(caseId)
    await rig.connector('running')
    await handleOf(caseId).signal('changed')
    await isDue(caseId, 'decision', 'issue')
    const waiting = viewOf('Waiting for a person, longest first')
    await until('the waiting view has it', async () => (await idsOf(waiting)).includes(caseId))
    expect(await idsOf(viewOf('Stuck'))).toEqual([])
  })
})

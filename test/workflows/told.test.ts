/** A run goes on at the word of the relay's signal, and finds out when that word was false. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stepOf } from '../../src/domain/case/case.js'
import { due } from '../../src/domain/case/due.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { aDecision, signDecision } from '../support/people.js'
import { aRig, type Rig, until } from '../support/rig.js'

let rig: Rig
beforeAll(async () => {
  rig = await aRig()
})
afterAll(() => rig.stop())

const handleOf = (caseId: string) => rig.client.workflow.getHandle(caseId)
const recordedOf = async (caseId: string) =>
  (await eventsSince(rig.world.db('cs_api'), { caseId, after: 0 })).map(({ event }) => event)
const isDue = (caseId: string, stepId: string) =>
  until(`a decision on ${stepId}`, async () => {
    const next = due(await rig.stateOf(caseId))
    return next.kind === 'decision' && next.stepId === stepId
  })

/** Names of what the run did, in order. */
async function didOf(caseId: string): Promise<readonly string[]> {
  const { events } = await handleOf(caseId).fetchHistory()
  return (events ?? []).flatMap((event) => {
    if (event.workflowExecutionSignaledEventAttributes != null) return ['signalled']
    if (event.activityTaskScheduledEventAttributes != null) return ['carried out']
    return event.markerRecordedEventAttributes == null ? [] : ['asked']
  })
}

async function signed(caseId: string) {
  const decision = aDecision(await rig.stateOf(caseId), { stepId: 'issue', person: 'per_ana' })
  return { decision, envelope: signDecision(rig.world.authority.keys, decision) }
}

describe('an approval that the relay delivers', () => {
  it('moves the case before the ledger is asked, and is not asked about once the connector has answered', async () => {
    const caseId = await rig.open('billing')
    const before = (await didOf(caseId)).length
    await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await isDue(caseId, 'cut-over')
    await until('the run has folded it', async () => {
      const { seq } = await handleOf(caseId).query<{ seq: number }>('case')
      return seq === (await rig.stateOf(caseId)).seq
    })
    expect((await didOf(caseId)).slice(before)).toEqual(['signalled', 'carried out'])
  })
})

describe('a signal that tells what the ledger does not hold', () => {
  it('changes nothing, is recorded, and the case waits for its owner as before', async () => {
    const caseId = await rig.open('ledger')
    const state = await rig.stateOf(caseId)
    const { decision, envelope } = await signed(caseId)
    const forged = { ...envelope, signatures: [{ ...envelope.signatures[0], sig: 'AAAA' }] }
    const at = new Date().toISOString()
    const { stepId, decisionId, notAfter } = decision
    const admitted = {
      ...{ type: 'DecisionAdmitted', stepId, round: 1, decisionId, verdict: 'approve' },
      ...{ votes: 'per_ana', signedBy: 'per_ana', notAfter, envelope: forged, choices: null },
    }
    const satisfied = {
      ...{ type: 'GateSatisfied', stepId, round: 1, decisionIds: [decisionId], mandateId: null },
    }
    const news = [admitted, satisfied].map((event, index) => ({
      ...{ seq: state.seq + 1 + index, hash: `sha256:${'0'.repeat(64)}`, at, event },
    }))
    await handleOf(caseId).signal('decide', { envelope: forged, news })
    await until('it is refused and found', async () => {
      const types = (await recordedOf(caseId)).map(({ type }) => type)
      return types.includes('DecisionRefused') && types.includes('FindingRecorded')
    })
    const after = await rig.stateOf(caseId)
    expect(stepOf(after, 'issue')).toMatchObject({ phase: 'open', votes: [], grant: null })
    await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await isDue(caseId, 'cut-over')
  })
})

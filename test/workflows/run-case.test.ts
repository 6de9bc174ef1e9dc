import { WorkflowNotFoundError } from '@temporalio/client'
import pg from 'pg'
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTRIBUTES, CORE_QUEUE } from '../../src/contract/messages.js'
import { stepOf } from '../../src/domain/case/case.js'
import { due } from '../../src/domain/case/due.js'
import { openSealed } from '../../src/keys/seal.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { submitClaim, submitLease } from '../../src/store/case/cases.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { must } from '../support/authority.js'
import { installPack } from '../support/packs.js'
import { aClaim, aDecision, signClaim, signDecision, signFence } from '../support/people.js'
import { aRig, phaseOf, type Rig, until } from '../support/rig.js'
import { quickPack } from '../support/world.js'

let rig: Rig
beforeAll(async () => {
  rig = await aRig()
})
afterAll(() => rig.stop())

const handleOf = (caseId: string) => rig.client.workflow.getHandle(caseId)
const typesOf = async (caseId: string) =>
  (await eventsSince(rig.world.db('cs_api'), { caseId, after: 0 })).map(({ event }) => event.type)
const lengthOf = async (caseId: string) => (await handleOf(caseId).describe()).historyLength

const isDue = (caseId: string, kind: string, stepId: string) =>
  until(`${kind} ${stepId}`, async () => {
    const next = due(await rig.stateOf(caseId))
    return next.kind === kind && 'stepId' in next && next.stepId === stepId
  })

/** The workflow has folded everything and waits. */
const settled = (caseId: string, phase: string) =>
  until(`the workflow shows ${phase}`, async () => {
    const [shown, state, described] = [
      await handleOf(caseId).query<{ seq: number }>('case'),
      await rig.stateOf(caseId),
      await phaseOf(handleOf(caseId)),
    ]
    return shown.seq === state.seq && described === phase
  })

async function sign(caseId: string, input: { stepId: string; verdict: 'approve' | 'decline' }) {
  const { stepId, verdict } = input
  const decision = aDecision(await rig.stateOf(caseId), {
    stepId,
    person: 'per_ana',
    overrides: { verdict },
  })
  return signDecision(rig.world.authority.keys, decision)
}

const decline = async (caseId: string) => {
  await handleOf(caseId).signal(
    'decide',
    await sign(caseId, { stepId: 'issue', verdict: 'decline' }),
  )
  return handleOf(caseId).result()
}

async function consume(input: { user: string; password: string }): Promise<pg.Client> {
  const { port } = rig.world.target
  const options = {
    host: '127.0.0.1',
    port,
    database: 'postgres',
    application_name: 'billing-service',
  }
  const client = new pg.Client({ ...options, ...input })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** The partner's part: lease, open the delivery, put a consumer on the new credential, claim. */
async function cutOver(caseId: string): Promise<pg.Client> {
  const { world } = rig
  const at = { caseId, stepId: 'cut-over' }
  const leased = must(await submitLease(world.api, { ...at, companyId: 'com_acme' }))
  const { rows } = await world
    .db('cs_api')
    .query<{ jwe: string }>('select jwe from sealed where grant_id = $1', [leased.grantId])
  const { privateKeyPem } = world.authority.keys.consumers.cns_billing
  const { secret } = must(await openSealed({ jwe: rows[0]?.jwe ?? '', privateKeyPem }))
  const fresh = await consume({ user: 'billing_b', password: secret })
  const claim = aClaim(await rig.stateOf(caseId), { stepId: 'cut-over', lease: leased.lease })
  must(await submitClaim(world.api, { caseId, envelope: signClaim(world.authority.keys, claim) }))
  return fresh
}

describe('a rotation driven by its workflow', () => {
  it('blocks at every gate, moves by signatures alone and shows whom it waits for', async () => {
    const old = await consume({ user: 'billing_a', password: rig.world.secretOf('billing') })
    const caseId = await rig.open('billing')
    rig.keep('rotation', caseId)
    const { typedSearchAttributes: shown } = await handleOf(caseId).describe()
    expect(shown.get(ATTRIBUTES.waitingOn)).toEqual(['owner:per_ana'])
    expect(shown.get(ATTRIBUTES.deadline)).toBeInstanceOf(Date)

    await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await isDue(caseId, 'decision', 'cut-over')
    await rig.approve(caseId, { stepId: 'cut-over', person: 'per_ana' })
    await isDue(caseId, 'claim', 'cut-over')
    const fresh = await cutOver(caseId)
    await isDue(caseId, 'decision', 'retire')
    await old.end()
    await rig.approve(caseId, { stepId: 'retire', person: 'per_ana' })
    await rig.approve(caseId, { stepId: 'retire', person: 'per_ben' })
    await isDue(caseId, 'decision', 'close')
    await rig.approve(caseId, { stepId: 'close', person: 'per_ana' })
    expect(await handleOf(caseId).result()).toBe('completed')
    expect(await phaseOf(handleOf(caseId))).toBe('closed')
    await fresh.end()
  })
})

describe('a waiting case', () => {
  it('costs at most 14 events for a step that one person approves', async () => {
    const caseId = await rig.open('ledger')
    await settled(caseId, 'approve')
    const before = await lengthOf(caseId)
    await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await isDue(caseId, 'decision', 'cut-over')
    await settled(caseId, 'approve')
    expect((await lengthOf(caseId)) - before).toBeLessThanOrEqual(14)
    const envelope = await sign(caseId, { stepId: 'cut-over', verdict: 'decline' })
    await handleOf(caseId).signal('decide', { envelope })
    expect(await handleOf(caseId).result()).toBe('rolled-back')
  })

  it('records garbage, unreadable, unknown and reserved signals as refused and still takes a good one', async () => {
    const caseId = await rig.open('ledger')
    rig.keep('noise', caseId)
    const handle = handleOf(caseId)
    await handle.signal('decide')
    await handle.signal('decide', 1, 'two', { three: [3] })
    await handle.signal('decide', { envelope: { payload: 'x'.repeat(99_000) } })
    await handle.signal('approve-everything', { please: true })
    await handle.signal('__temporal_poison')
    await signalUnencrypted(caseId)
    await handle.cancel()
    await until('six refusals', async () => (await rig.stateOf(caseId)).refusals === 6)
    expect(await decline(caseId)).toBe('declined')
    const types = await typesOf(caseId)
    expect(types.filter((type) => type === 'DecisionRefused')).toHaveLength(6)
  })

  it('counts one decision once when it is signalled fifty times with the start', async () => {
    await rig.relay('stopped')
    const opening = rig.open('ledger')
    const caseId = await openCaseOf('ledger')
    await signalWithStart(caseId, 'changed')
    await opening
    // Nothing can be granted meanwhile, so that the case still stands at its first gate afterwards.
    rig.target('absent')
    const envelope = await sign(caseId, { stepId: 'issue', verdict: 'approve' })
    const copies = Array.from({ length: 50 }, () => signalWithStart(caseId, 'decide', { envelope }))
    await Promise.all(copies)
    await until(
      'satisfied',
      async () => stepOf(await rig.stateOf(caseId), 'issue')?.phase === 'satisfied',
    )
    expect(await decline(caseId)).toBe('declined')
    rig.target('present')
    await rig.relay('running')
    const types = await typesOf(caseId)
    expect(types.filter((type) => type === 'DecisionAdmitted')).toHaveLength(2)
    expect(types).not.toContain('DecisionRefused')
  })

  it('goes on after it was terminated, and the record says so', async () => {
    const caseId = await rig.open('ledger')
    rig.keep('recovered', caseId)
    await handleOf(caseId).terminate('by hand')
    await rig.reconcile()
    await until(
      'a new run',
      async () => (await handleOf(caseId).describe()).status.name === 'RUNNING',
    )
    expect(await typesOf(caseId)).toContain('WorkflowRecovered')
    expect(await decline(caseId)).toBe('declined')
  })

  it('shows that it is stuck, which is not waiting, and goes on when there is news', async () => {
    rig.target('absent')
    const opening = rig.open('ledger')
    opening.catch(() => undefined)
    const caseId = await openCaseOf('ledger')
    await until('stuck', async () => (await phaseOf(handleOf(caseId)).catch(notThere)) === 'stuck')
    rig.target('present')
    await handleOf(caseId).signal('changed')
    expect(await opening).toBe(caseId)
    expect(await decline(caseId)).toBe('declined')
  })

  it('closes as fenced when an owner raises a fence, without a decision', async () => {
    const caseId = await rig.open('ledger')
    const { world } = rig
    const scope = { kind: 'identity', id: 'nhi_ledger' } as const
    const envelope = signFence(world.authority.keys, { person: 'per_ana', scope })
    must(
      await raiseFence(world.api.db, {
        envelope,
        authority: world.api.authority,
        verify: nodeVerify,
      }),
    )
    expect(await handleOf(caseId).result()).toBe('fenced')
    expect(stepOf(await rig.stateOf(caseId), 'issue')?.grant).toBeNull()
  })

  it('escalates and then expires when nobody signs, without spinning on its timers', async () => {
    await installHastyPolicy()
    const caseId = await rig.open('billing')
    rig.keep('expired', caseId)
    expect(await handleOf(caseId).result()).toBe('expired')
    expect(await typesOf(caseId)).toEqual(expect.arrayContaining(['GateEscalated', 'GateExpired']))
    const { events } = await handleOf(caseId).fetchHistory()
    const fired = (events ?? []).filter((event) => event.timerFiredEventAttributes)
    expect(fired.length).toBeGreaterThanOrEqual(2)
    expect(fired.length).toBeLessThan(8)
  })

  it('is not driven by a workflow that somebody started under another id or for no case', async () => {
    const caseId = `rotate:com_acme:nhi_ledger:${ulid()}`
    const stranger = await rig.client.workflow.start('rotate', {
      taskQueue: CORE_QUEUE,
      workflowId: caseId,
      args: [{ caseId }],
    })
    await expect(stranger.result()).rejects.toMatchObject({ cause: { type: 'CASE_UNKNOWN' } })
  })
})

/** The same policy with deadlines of a second, as version two of the authority bundle. */
async function installHastyPolicy(): Promise<void> {
  const files = Object.entries(quickPack()).map(([path, text]) => [
    path,
    text
      .replace(/escalateAfter: \S+/g, 'escalateAfter: 1s')
      .replace(/expireAfter: \S+/g, 'expireAfter: 2s'),
  ])
  await installPack(rig.world, { pack: Object.fromEntries(files) })
}

const notThere = (error: unknown) => {
  if (error instanceof WorkflowNotFoundError) return 'not there'
  throw error
}

const openCaseOf = async (identity: string): Promise<string> => {
  let caseId = ''
  await until('the case is open', async () => {
    const { rows } = await rig.world
      .db('cs_api')
      .query<{ case_id: string }>(
        "select case_id from cases where phase = 'open' and scope_id = $1",
        [`nhi_${identity}`],
      )
    caseId = rows[0]?.case_id ?? ''
    return caseId !== ''
  })
  return caseId
}

/** As the server's own tools send it: plain JSON that none of our keys encrypted. */
async function signalUnencrypted(caseId: string): Promise<void> {
  const data = Buffer.from('{"envelope":{}}')
  await rig.client.workflowService.signalWorkflowExecution({
    namespace: rig.client.options.namespace,
    workflowExecution: { workflowId: caseId },
    signalName: 'decide',
    input: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data }] },
  })
}

const signalWithStart = (caseId: string, signal: 'decide' | 'changed', ...signalArgs: unknown[]) =>
  rig.client.workflow.signalWithStart('rotate', {
    taskQueue: CORE_QUEUE,
    workflowId: caseId,
    args: [{ caseId }],
    signal,
    signalArgs,
  })

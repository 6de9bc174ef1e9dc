/** Every kind of case as a durable workflow: real Temporal, real PostgreSQL, each step behind its own gate. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asked } from '../../src/domain/shapes/asked.js'
import { contain } from '../../src/store/case/containment.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { must, type TestPerson } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { signFence } from '../support/people.js'
import { aRig, phaseOf, type Rig, until } from '../support/rig.js'

let rig: Rig
let work: Casework
beforeAll(async () => {
  rig = await aRig()
  work = caseworkIn(rig.world)
})
afterAll(() => rig?.stop())

const opened = async (identity: string, asked: Asked): Promise<string> =>
  must(await work.ask(identity, asked)).caseId

/** Waits until this gate is open, and nothing else happens, then signs it. */
async function sign(caseId: string, stepId: string, ...by: TestPerson[]): Promise<void> {
  await until(`the gate of ${stepId} is open`, async () => {
    const next = await work.dueOf(caseId)
    return next.kind === 'decision' && next.stepId === stepId
  })
  for (const person of by) await work.approve(caseId, { stepId, person })
}

const closed = (caseId: string): Promise<unknown> => rig.client.workflow.getHandle(caseId).result()

describe('a provision', () => {
  it('runs through its four gates, shown under its own name', async () => {
    const caseId = await opened('intake', { kind: 'provision', memberOf: ['billing_read'] })
    await sign(caseId, 'create', 'per_ana', 'per_ben')
    await sign(caseId, 'enable', 'per_ana')
    await sign(caseId, 'hand-over', 'per_ana')
    await until('the task is offered', async () => (await work.dueOf(caseId)).kind === 'claim')
    const handle = rig.client.workflow.getHandle(caseId)
    expect((await handle.describe()).type).toBe('provision')
    await until('operators see who is awaited', async () => (await phaseOf(handle)) === 'execute')
    const { secret, lease } = await work.deliver(caseId, 'hand-over')
    const consumer = await work.connect({
      ...{ user: 'intake_a', password: secret, appears: 'intake-service' },
    })
    await work.submitClaim(caseId, { stepId: 'hand-over', lease })
    await sign(caseId, 'close', 'per_ana')
    expect(await closed(caseId)).toBe('completed')
    await consumer.end()
  })
})

describe('a deprovision', () => {
  it('leaves nothing of the identity on the target', async () => {
    const caseId = await opened('ledger', { kind: 'deprovision', reassignTo: null })
    await sign(caseId, 'disable', 'per_ana')
    await sign(caseId, 'remove', 'per_ana', 'per_ben')
    await sign(caseId, 'close', 'per_ana')
    expect(await closed(caseId)).toBe('completed')
    const { rows } = await rig.world.targetDba.query(
      `select rolname from pg_roles where rolname like 'ledger\\_%'`,
    )
    expect(rows).toEqual([])
  })
})

describe('a containment', () => {
  it('supersedes the rotation that has the identity, and waits for a signature where no mandate covers it', async () => {
    const rotation = await rig.open('billing')
    const scope = { kind: 'identity', id: 'nhi_billing' } as const
    const { authority, verify } = rig.world.api
    const envelope = signFence(rig.world.authority.keys, {
      ...{ person: 'per_cleo', scope, speed: 'cut' },
    })
    const fence = must(await raiseFence(rig.world.db('cs_api'), { envelope, authority, verify }))
    const { contained } = must(await contain(rig.world.api, fence))
    expect(await closed(rotation)).toBe('fenced')
    const caseId = contained[0]?.caseId ?? ''
    await sign(caseId, 'contain', 'per_cleo')
    await sign(caseId, 'review', 'per_ana', 'per_cleo')
    expect(await closed(caseId)).toBe('completed')
  })
})

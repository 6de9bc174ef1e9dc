import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCase } from '../../src/execution/deps.js'
import { renewedAt } from '../../src/store/renewals.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const appears = 'billing-service'

describe('a rotation on real PostgreSQL, without Temporal', () => {
  it('moves the credential by the owners’ signatures, step by step, and proves the old one dead', async () => {
    const caseId = await work.open('billing', { kind: 'rotate' })
    const password = world.secretOf('billing')
    const old = await work.connect({ user: 'billing_a', password, appears })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'issue', round: 1 })

    expect(await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })).toMatchObject({
      gate: 'satisfied',
    })
    await work.perform(caseId, 'issue')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'cut-over' })

    await work.approve(caseId, { stepId: 'close', person: 'per_ana' })
    await work.signAndPerform(caseId, { stepId: 'cut-over', by: ['per_ana'] })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'claim', stepId: 'cut-over' })

    const { secret, lease } = await work.deliver(caseId, 'cut-over')
    const fresh = await work.connect({ user: 'billing_b', password: secret, appears })
    await work.claim(caseId, { stepId: 'cut-over', lease })
    await old.end()

    expect(await work.approve(caseId, { stepId: 'retire', person: 'per_ana' })).toMatchObject({
      gate: 'waiting',
    })
    expect(await work.approve(caseId, { stepId: 'retire', person: 'per_ben' })).toMatchObject({
      gate: 'satisfied',
    })
    await work.perform(caseId, 'retire')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'perform', stepId: 'close' })
    await work.perform(caseId, 'close')

    const state = await work.stateOf(caseId)
    expect(state.outcome).toBe('completed')
    const last = (await readCase(world.connector, caseId)).recorded.at(-1)
    expect((await renewedAt(world.keeper.db)).get('nhi_billing')).toBe(last?.at)
    expect(state.facts).toEqual(
      expect.arrayContaining([
        ...['new-credential-works', 'consumer-on-new', 'old-unused', 'old-refused'],
        ...['no-session-left', 'evidence-complete'],
      ]),
    )
    await expect(work.connect({ user: 'billing_a', password, appears })).rejects.toMatchObject({
      code: '28000',
    })
    await fresh.end()
  })
})

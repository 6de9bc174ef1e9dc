/** Whoever knows an identity may ask to deviate from a rule; only the risk owner accepts, with those who attest what makes up for it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Casework, caseworkIn } from '../support/casework.js'
import { verdictOn } from '../support/packets.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const asked = (change: { readonly until?: string } = {}) => ({
  ...{ kind: 'exception' as const, deviation: 'maximum-age' as const, reference: 'RISK-7' },
  controls: [{ controlId: 'network-allow-list', attestedBy: 'per_ana' }],
  ...{ attestEveryMs: 86_400_000, until: '2098-01-01T00:00:00.000Z', ...change },
})

describe('an exception', () => {
  it('that a partner asked for is accepted by the risk owner and the one who attests, and its packet verifies', async () => {
    const caseId = await work.open('billing', asked())
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'accept' })
    await work.signAndPerform(caseId, { stepId: 'accept', by: ['per_cleo', 'per_ana'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await verdictOn(world, caseId)).toMatchObject({
      verdict: 'VERIFIED',
      problems: [],
    })
  })

  it('leaves the identity free for other work', async () => {
    const caseId = await work.open('billing', asked())
    const rotation = await work.open('billing', { kind: 'rotate' })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision' })
    expect(await work.dueOf(rotation)).toMatchObject({ kind: 'decision', stepId: 'issue' })
  })

  it('that would be over already is never planned', async () => {
    const caseId = await work.open('ledger', asked({ until: '2020-01-01T00:00:00.000Z' }))
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'unplannable' })
  })
})

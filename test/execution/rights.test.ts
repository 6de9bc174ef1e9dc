/** The three rights as a number: what the cases themselves say about when each last worked, and where. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gridOf } from '../../src/domain/rights/rights.js'
import { drive } from '../../src/execution/drive.js'
import { rightsStanding } from '../../src/store/evidence/rights.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { containmentIn } from '../support/cutting.js'
import { aMandate, signMandate } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const cell = async (right: string) => {
  const { authority } = world.authority
  const at = new Date().toISOString()
  const grid = gridOf(authority, must(await rightsStanding(world.api, { authority, at })))
  return grid.find(
    (one) => one.right === right && one.partnerId === 'com_acme' && one.systemId === 'sys_billing',
  )
}

describe('the grid of the three rights', () => {
  it('says never for a right that nobody has exercised', async () => {
    for (const right of ['revoke', 'decide-exceptions', 'demand-evidence'])
      expect(await cell(right)).toMatchObject({ last: null })
  })

  it('says when access was last seen to be gone, and how long that took', async () => {
    const { keys } = world.authority
    must(await giveMandate(world.api, signMandate(keys, aMandate())))
    const caseId = await containmentIn(world, { identityId: 'nhi_ledger' })
    expect(await cell('revoke')).toMatchObject({ last: null })
    await drive(world.connector, caseId)
    const { last } = (await cell('revoke')) ?? {}
    expect(last).toMatchObject({ caseId, tookMs: expect.any(Number) })
  })

  it('counts an exception once it was decided, whichever way', async () => {
    const caseId = await work.open('billing', {
      ...{ kind: 'exception', deviation: 'maximum-age', reference: 'RISK-7' },
      controls: [{ controlId: 'network-allow-list', attestedBy: 'per_ana' }],
      ...{ attestEveryMs: 86_400_000, until: '2098-01-01T00:00:00.000Z' },
    })
    expect(await cell('decide-exceptions')).toMatchObject({ last: null })
    await work.decline(caseId, { stepId: 'accept', person: 'per_cleo' })
    expect(await cell('decide-exceptions')).toMatchObject({ last: { caseId } })
  })
})

/** An emergency is signed by one person on duty, who says by it that it is one; both owners look at it afterwards. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeVerify } from '../../src/keys/verify.js'
import { exportPacket } from '../../src/packet/export.js'
import { verifyPacket } from '../../src/packet/verify.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

describe('an emergency rotation', () => {
  it('is asked of the person on duty, not of the owner, and its packet verifies under the rules of an emergency', async () => {
    const caseId = await work.open('billing', { kind: 'rotate' }, 'emergency')
    const { opened } = await work.stateOf(caseId)
    const groups = (stepId: string) =>
      opened?.requirements[stepId]?.requirement.groups.map(({ name }) => name)
    expect(groups('retire')).toEqual(['duty-person'])
    expect(groups('close')).toEqual(['identity-owner', 'objective-owner'])
    await expect(work.approve(caseId, { stepId: 'issue', person: 'per_ana' })).rejects.toThrow(
      'NOT_AN_APPROVER',
    )
    await work.signAndPerform(caseId, { stepId: 'issue', by: ['per_cleo'] })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'cut-over' })
    const { connector, authority } = world
    const packet = must(await exportPacket({ ...connector, db: world.db('cs_api') }, { caseId }))
    const { trust } = authority
    expect(verifyPacket({ bytes: packet.bytes, trust, verify: nodeVerify })).toMatchObject({
      ...{ verdict: 'VERIFIED', problems: [] },
    })
  })
})

/** An emergency is signed by one person on duty, who says by it that it is one; both owners look at it afterwards. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeVerify } from '../../src/keys/verify.js'
import { simulatePacket } from '../../src/packet/verify/simulate.js'
import { packHash, parsePack } from '../../src/packs/load.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf } from '../support/packets.js'
import { aWorld, quickPack, type World } from '../support/world.js'

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
    const packet = await packetOf(world, caseId)
    expect(verdictOf(world, packet)).toMatchObject({
      ...{ verdict: 'VERIFIED', problems: [] },
    })

    // The same case under a pack in which an emergency needs a second person on duty, whom nobody is.
    const files = quickPack((rules) =>
      rules.replace(
        /approvers: \[\{ role: duty-person, need: 1 \}\]\n {6}quorum: 1/g,
        'approvers: [{ role: duty-person, need: 2 }]\n      quorum: 2',
      ),
    )
    const under = { pack: must(parsePack(files)), hash: packHash(files) }
    const simulating = { trust: world.authority.trust, verify: nodeVerify, under }
    const { gates } = must(simulatePacket({ ...simulating, bytes: packet }))
    expect(gates).toContainEqual({
      ...{ stepId: 'retire', comparison: 'stricter', refused: 'UNSIGNABLE' },
      ...{ quorum: 2, eligible: 1 },
    })
    expect(gates).toContainEqual({
      ...{ stepId: 'close', comparison: 'same', refused: null, quorum: 2, eligible: 2 },
    })
    const bytes = packet.slice(0, -1)
    expect(simulatePacket({ ...simulating, bytes })).toMatchObject({ refused: 'PACKET_INVALID' })
  })
})

/** The packet of a case of a World, as the enterprise takes it away, and what an outsider's verifier says of it. */
import { nodeVerify } from '../../src/keys/verify.js'
import { exportPacket } from '../../src/packet/export/export.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { must } from './authority.js'
import type { World } from './world.js'

export const packetOf = async ({ connector, db }: World, caseId: string): Promise<Uint8Array> =>
  must(await exportPacket({ ...connector, db: db('cs_api') }, { caseId, reader: 'enterprise' }))
    .bytes

export const verdictOf = ({ authority }: World, bytes: Uint8Array) =>
  verifyPacket({ bytes, trust: authority.trust, verify: nodeVerify })

export const verdictOn = async (world: World, caseId: string) =>
  verdictOf(world, await packetOf(world, caseId))

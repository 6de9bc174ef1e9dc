/** The use of a sealed kit as late evidence, and what a kit does not let anybody do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { judgeKit } from '../../src/domain/rights/kit.js'
import type { Kit, KitUse } from '../../src/domain/shapes/kit.js'
import { generateX25519 } from '../../src/keys/seal.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { cutAll } from '../../src/kit/cut.js'
import { openKit, sealKit } from '../../src/kit/seal.js'
import { parsePack } from '../../src/packs/load.js'
import { kitContents, recordKitUse } from '../../src/store/streams/kits.js'
import { giveMandate, revokeMandate } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import { aMandate, signFence, signMandate, signRevocation } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

let world: World
const mandate = aMandate()
beforeAll(async () => {
  world = await aWorld()
  must(await giveMandate(world.api, signMandate(world.authority.keys, mandate)))
})
afterAll(() => world.stop())

const scope = { kind: 'identity', id: 'nhi_ledger' } as const
const aKit = async (): Promise<Kit> => {
  const contents = must(await kitContents(world.db('cs_connector'), world.connector))
  return { v: 1, trust: world.authority.trust, ...contents, systems: {} }
}
const judged = (kit: Kit, input: { person?: 'per_cleo' | 'per_zed'; speed?: 'stop' | 'cut' }) => {
  const { person = 'per_cleo', speed = 'cut' } = input
  return judgeKit({
    ...{ kit, pack: must(parsePack(kit.pack)), verify: nodeVerify },
    fence: signFence(world.authority.keys, { person, scope, speed }),
    at: new Date().toISOString(),
  })
}

describe('a sealed kit', () => {
  it('opens for whom it was sealed to and for nobody else', async () => {
    const mine = generateX25519()
    const jwe = await sealKit(await aKit(), mine.publicKey)
    expect(await openKit({ jwe, ...mine })).toMatchObject({ v: 1, systems: {} })
    expect(await openKit({ jwe, ...generateX25519() })).toMatchObject({
      refused: 'SECRET_UNREADABLE',
    })
  })

  it('gives a partner’s person nothing, does not stop without cutting, and nothing is cut without a mandate', async () => {
    const kit = await aKit()
    expect(judged(kit, { person: 'per_zed' })).toMatchObject({ refused: 'NOT_ALLOWED' })
    expect(judged(kit, { speed: 'stop' })).toMatchObject({ refused: 'NOT_ALLOWED' })
    expect(judged({ ...kit, mandates: [] }, {})).toMatchObject({ refused: 'MANDATE_INVALID' })
    expect(judged({ ...kit, trust: { ...kit.trust, threshold: 2 } }, {})).toMatchObject({
      refused: 'AUTHORITY_INVALID',
    })
  })

  it('cuts on the target, and its use is recorded once as late evidence', async () => {
    const cutting = must(judged(await aKit(), {}))
    const startedAt = new Date().toISOString()
    const results = await cutAll(cutting, world.connector.connectorOf)
    expect(results).toMatchObject([{ identityId: 'nhi_ledger', outcome: 'cut' }])
    const { rows } = await world.targetDba.query<{ login: boolean }>(
      "select rolcanlogin as login from pg_roles where rolname like 'ledger\\__'",
    )
    expect(rows.every(({ login }) => !login)).toBe(true)
    const { keys } = world.authority
    const fence = signFence(keys, { person: 'per_cleo', scope, speed: 'cut' })
    const payload: KitUse = {
      ...{ type: 'kit-use', v: 1, enterprise: 'ent_bank', personId: 'per_cleo' },
      ...{ sealedAt: startedAt, fence, mandate: signMandate(keys, mandate) },
      ...{ results: [...results], startedAt, endedAt: new Date().toISOString() },
    }
    const sign = (who: 'per_cleo' | 'per_ana') =>
      signEnvelope({ kind: 'kit-use', payload, ...keys.persons[who] })
    const record = (envelope: ReturnType<typeof sign>) =>
      recordKitUse(world.db('cs_api'), { ...world.api, envelope })
    expect(await record(sign('per_ana'))).toMatchObject({ refused: 'PERSON_UNKNOWN' })
    must(await record(sign('per_cleo')))
    must(await record(sign('per_cleo')))
    const { rows: entries } = await world.dba.query("select 1 from entries where type = 'KitUsed'")
    expect(entries).toHaveLength(1)
  })

  it('that is sealed after its mandate was revoked holds none', async () => {
    const { keys } = world.authority
    const { mandateId } = mandate
    must(await revokeMandate(world.api, signRevocation(keys, { mandateId, person: 'per_dora' })))
    expect((await aKit()).mandates).toEqual([])
  })
})

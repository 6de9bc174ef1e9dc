/** The one fence that a partner raises: around itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fence } from '../../src/domain/shapes/envelope.js'
import { signSelfStop } from '../support/people.js'
import { type ApiRig, anApi } from './rig.js'

let rig: ApiRig
beforeAll(async () => {
  rig = await anApi()
})
afterAll(() => rig.stop())

describe('over HTTP', () => {
  it('a partner stops itself with its claim key and without a token, and nothing else', async () => {
    const { keys } = rig.world.authority
    const company = 'com_zeta' as const
    const tries: Partial<Fence>[] = [
      { speed: 'cut' },
      { scope: { kind: 'partner', id: 'com_acme' } },
      { scope: { kind: 'system', id: 'sys_billing' } },
      { personId: 'per_cleo' },
    ]
    for (const overrides of tries)
      expect(
        await rig.anonymous.fence({ envelope: signSelfStop(keys, { company, overrides }) }),
      ).toMatchObject({ refused: 'NOT_ALLOWED' })
    const stopped = await rig.anonymous.fence({ envelope: signSelfStop(keys, { company }) })
    expect(stopped).toMatchObject({ scope: { kind: 'partner', id: company }, contained: [] })
  })
})

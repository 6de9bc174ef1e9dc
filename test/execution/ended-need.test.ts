/** A business need that ended: the identity is deprovisioned without anybody asking, under a mandate without anybody awake. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRefusal } from '../../src/domain/refusal.js'
import { drive } from '../../src/execution/drive.js'
import { deprovisionEnded } from '../../src/store/schedule/ended-needs.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { verdictOn } from '../support/packets.js'
import { aMandate, signMandate } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

const ENDED = '2026-01-01T00:00:00.000Z'
let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld({
    change: {
      ownership: (section) => ({
        ...section,
        identities: section.identities.map((item) =>
          item.identityId === 'nhi_ledger'
            ? { ...item, need: { reference: 'NEED-9', until: ENDED } }
            : item,
        ),
      }),
    },
  })
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const look = async () => must(await deprovisionEnded(world.keeper, new Set()))

describe('an ended need', () => {
  it('gets no new work, opens its own case once, and ends under a mandate until only the close waits for a person', async () => {
    expect(await work.ask('ledger', { kind: 'rotate' })).toMatchObject({ refused: 'NEED_ENDED' })
    const mandate = aMandate({
      covers: {
        ...{ kinds: ['deprovision'], steps: ['disable', 'remove', 'close'] },
        ...{ tiers: ['tier1'], systems: null, partners: null, identities: null },
      },
    })
    must(await giveMandate(world.api, signMandate(world.authority.keys, mandate)))

    const [ended, ...others] = await look()
    expect(others).toEqual([])
    if (ended === undefined || isRefusal(ended.opened)) throw new Error('no case')
    const { caseId } = ended.opened
    expect(await look()).toEqual([])

    await drive(world.connector, caseId)
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'close' })
    const { rows } = await world.targetDba.query(
      "select rolname from pg_roles where rolname like 'ledger\\_%'",
    )
    expect(rows).toEqual([])
    await work.signAndPerform(caseId, { stepId: 'close', by: ['per_ana'] })
    expect(await look()).toEqual([])

    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })
})

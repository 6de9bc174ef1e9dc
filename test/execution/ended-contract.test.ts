/** A contract that ended: what its partner kept loses access under a mandate, with nobody awake and no partner asked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRefusal } from '../../src/domain/refusal.js'
import { drive } from '../../src/execution/drive.js'
import { deprovisionEnded } from '../../src/store/schedule/ended-needs.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { acknowledge, must, type Overrides, someKeys } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { verdictOn } from '../support/packets.js'
import { aMandate, signMandate } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

const ENDED = '2026-01-01T00:00:00.000Z'
const keys = someKeys()

/** com_acme's contract is over; com_zeta's names nhi_billing too. */
const contracts: NonNullable<NonNullable<Overrides['change']>['contracts']> = (section) => {
  const named = { contractId: 'con_zeta-2', companyId: 'com_zeta' }
  return {
    ...section,
    contracts: section.contracts.flatMap((contract) =>
      contract.companyId === 'com_acme'
        ? [{ ...contract, notAfter: ENDED }]
        : [
            contract,
            {
              ...{ ...contract, ...named },
              acknowledgement: acknowledge({ key: keys.claims.com_zeta, ...named }),
              clauses: contract.clauses.map((clause) => ({
                ...clause,
                identities: ['nhi_billing', 'nhi_intake', 'nhi_vault'],
              })),
            },
          ],
    ),
  }
}

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld({ keys, change: { contracts } })
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const look = async () => must(await deprovisionEnded(world.keeper, new Set()))

describe('an ended contract', () => {
  it('gives its partner no new work, and takes away what no other partner’s contract names', async () => {
    expect(await work.ask('ledger', { kind: 'rotate' })).toMatchObject({
      refused: 'CONTRACT_ENDED',
    })
    const mandate = aMandate({
      covers: {
        ...{ kinds: ['deprovision'], steps: ['disable', 'remove', 'close'] },
        ...{ tiers: ['tier1'], systems: null, partners: null, identities: null },
      },
    })
    must(await giveMandate(world.api, signMandate(keys, mandate)))
    const [ended, ...others] = await look()
    expect(others).toEqual([])
    expect(ended).toMatchObject({ identityId: 'nhi_ledger' })
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
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })
})

/**
 * Every kind of case as a durable workflow, one row each with its refusals: real Temporal, real PostgreSQL, each step
 * behind its own gate. At the end the target's own statement log is set against the packets of all of them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountFor, isChange } from '../../src/demo/target-account.js'
import { committedOn, logStatements } from '../../src/demo/target-log.js'
import { CaseKind } from '../../src/domain/shapes/basic.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import type { Change } from '../support/bundle-changes.js'
import { aMandate, signMandate } from '../support/people.js'
import { aRig, type Rig } from '../support/rig.js'
import { quickPack } from '../support/world.js'
import { type Authorities, authoritiesIn } from './rows/authorities.js'
import { type Hands, handsIn } from './rows/hands.js'
import * as identities from './rows/identities.js'
import * as incidents from './rows/incidents.js'
import * as partners from './rows/partners.js'

/** More identities than the cast has, each for one row, and a second person who may respond to an incident. */
const standing: Change = {
  people: (section) => ({
    ...section,
    persons: section.persons.map((person) =>
      person.personId === 'per_ben'
        ? { ...person, duties: ['duty-person' as const, 'risk-owner' as const] }
        : person,
    ),
  }),
  ownership: (section) => {
    const [like] = section.identities
    if (like === undefined) throw new Error('no identity')
    const more = Object.entries(MORE).map(([name, change]) => ({
      ...{ ...like, identityId: `nhi_${name}`, ...change },
      need: {
        ...like.need,
        reference: name === 'web' ? 'NEED-MAIL' : `NEED-${name.toUpperCase()}`,
      },
      ...{ group: `${name}_app`, credentials: [`${name}_a`, `${name}_b`] },
      consumers: like.consumers.map((consumer) => ({
        ...{ ...consumer, consumerId: `cns_${name}`, appears: `${name}-service` },
      })),
    }))
    const known = section.identities.map((item) =>
      item.identityId === 'nhi_vault'
        ? { ...item, tier: 'tier1' as const, custodian: null }
        : { ...item, need: { ...item.need, reference: `NEED-${item.identityId.toUpperCase()}` } },
    )
    return { ...section, identities: [...known, ...more].sort(byId) }
  },
}

const byId = (one: { identityId: string }, two: { identityId: string }): number =>
  one.identityId < two.identityId ? -1 : 1

const MORE = {
  payroll: {},
  crm: {},
  idle: {},
  mail: {},
  web: {},
  backup: { tier: 'tier3' },
  keep: { tier: 'tier2' },
  drop: { tier: 'tier2' },
  canary: { custodian: 'com_zeta', canary: true },
} as const

/** Nothing is hurried, and a credential of the least tier is too old at once. */
const pack = quickPack((rules) => {
  const calm = rules.replace(/within: \S+/g, 'within: 20s')
  if (!calm.includes('kind: rotate\n')) return calm
  const rule = calm.split(/^(?=- id: )/m).find((one) => one.startsWith('- id: rotate\n'))
  const aged = (rule ?? '')
    .replace('id: rotate', 'id: rotate-aged')
    .replace('[tier1, tier2, tier3]', '[tier3]')
    .replace(/maximumAge: \S+/, 'maximumAge: 1ms')
  return `${calm}\n${aged}`
})

let rig: Rig
let hands: Hands
let authority: Authorities
beforeAll(async () => {
  rig = await aRig({ pack, overrides: { change: standing } })
  hands = handsIn(rig)
  authority = authoritiesIn(hands, { standing, pack })
  const { world } = rig
  const mandate = aMandate({
    covers: {
      ...aMandate().covers,
      identities: ['nhi_mail', 'nhi_web', 'nhi_canary'],
    },
  })
  must(await giveMandate(world.api, signMandate(world.authority.keys, mandate)))
  await world.targetDba.query('alter role vault_a nologin')
  await logStatements(world.targetDba)
})
afterAll(() => rig?.stop())

describe.concurrent('a case of each kind', () => {
  it('provision: four gates, and a secret that only the consumer can open', () =>
    identities.provision(hands))
  it('deprovision: nothing of the identity is left on the target', () =>
    identities.deprovision(hands))
  it('suspend: taken back by the owner’s word, and upheld', () => identities.suspension(hands))
  it('rotate: the consumer takes the new credential, the old one is dead', () =>
    identities.rotation(hands))
  it('rotate, in an emergency: one person on duty, and both owners afterwards', () =>
    identities.emergencyRotation(hands))
  it('rotate, by maximum age: nobody asks, and a decline puts everything back', () =>
    identities.scheduledRotation(hands))
  it('recertify: keeps one, revokes one, and closes with the proof from the target', () =>
    identities.recertification(hands))
  it('exception and attest: accepted by the risk owner, attested when it is due', () =>
    identities.exception(hands))
  it('break-glass: opens, ends when a fence is raised, is reviewed by somebody else', () =>
    identities.emergencyAccess(hands))
  it('contain: ends what has the identity, and waits for a signature where no mandate covers it', () =>
    incidents.containment(hands))
  it('incident, lift and reinstate: validated by those who did not respond', () =>
    incidents.incident(hands))
  it('demand and dispute: evidence under a clock, and a finding that is withdrawn', () =>
    partners.demand(hands))
  it('drill and partner-review: three rights, and one change that no case explains', () =>
    partners.drillAndReview(hands))
})

describe('the authority', () => {
  it('change-people: a key is enrolled by others than its owner', () => authority.enrolsAKey())
  it('change-contracts: a contract is prolonged by its owner', () => authority.prolongsAContract())
  it('change-policy: in other words', () => authority.rewordsThePolicy())
  it('succession and change-ownership: nobody asks for it, and it closes when there is an owner', () =>
    authority.succeedsAnOwner())
  it('revoke-keys: one officer, and no step before it', () => authority.revokesKeys())
})

describe('all of them together', () => {
  it('are every kind there is, and every packet verifies', async () => {
    const { rows } = await rig.world.dba.query<{ case_id: string }>('select case_id from cases')
    const kinds = new Set(rows.map(({ case_id }) => case_id.split(':')[0]))
    expect([...kinds].sort()).toEqual([...CaseKind.options].sort())
    for (const { case_id } of rows) expect(await hands.verified(case_id)).toEqual([])
  })

  it('account for every change in the target’s own log: each follows a decision or a mandate, but for the one made behind their back', async () => {
    const { targetDba: dba, targetLog: logFile } = rig.world
    const committed = await committedOn({ dba, logFile, counts: isChange })
    const account = accountFor(committed, hands.told())
    expect(account.unexplained).toEqual([expect.stringMatching(UNEXPLAINED)])
    expect(account.statements).toBeGreaterThan(account.grants)
    expect(account.grants).toBeGreaterThan(20)
    const hidden = hands.told((caseId) => !caseId.includes(':nhi_ledger:'))
    expect(accountFor(committed, hidden).unexplained).toContainEqual(
      expect.stringContaining('DROP ROLE "ledger_'),
    )
  })
})

/** By its text and time. */
const UNEXPLAINED = new RegExp(
  `^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z ${partners.UNEXPLAINED.replace(/[()]/g, '\\$&')}$`,
)

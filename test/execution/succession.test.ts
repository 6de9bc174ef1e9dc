/** An owner who is gone: listed, no new work, and a case that stays open until everything has an owner who is there. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityScope } from '../../src/domain/authority/matter.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { drive } from '../../src/execution/drive.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { wrongOwners } from '../../src/packet/verify/reproduce-succession.js'
import { installAuthority } from '../../src/store/authority/authority.js'
import { keepReports } from '../../src/store/authority/ownership.js'
import { openCase } from '../../src/store/case/open-case.js'
import { openSuccessions, succeedGone } from '../../src/store/schedule/successions.js'
import { anAuthority, must, type Overrides } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { verdictOn } from '../support/packets.js'
import { aWorld, type World } from '../support/world.js'

type Ownership = NonNullable<NonNullable<Overrides['change']>['ownership']>

/** Nothing of the strictest tier, so that keys suffice. */
const ordinary: Ownership = (section) => ({
  ...section,
  identities: section.identities.map((item) => ({ ...item, tier: 'tier1' as const })),
})
const toBen: Ownership = (section) => ({
  ...section,
  identities: ordinary(section).identities.map((item) => ({ ...item, ownerId: 'per_ben' })),
})

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld({ change: { ownership: ordinary } })
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const report = (status: 'present' | 'gone') =>
  keepReports(world.db('cs_api'), {
    ...{
      reports: [{ personId: 'per_ana', status }],
      by: 'directory',
      at: new Date().toISOString(),
    },
  })
const look = async () => must(await succeedGone(world.keeper, new Set()))
const install = async (version: number, change: Overrides['change']) => {
  const { keys, authority } = world.authority
  const [pack] = authority.packs
  if (pack === undefined) throw new Error('no pack')
  const { bundle, trust } = anAuthority({ keys, version, pack, ...(change && { change }) })
  must(await installAuthority(world.db('owner'), { bundle, trust, verify: nodeVerify }))
}

const IDENTITIES = ['nhi_billing', 'nhi_intake', 'nhi_ledger', 'nhi_reports', 'nhi_vault']

describe('an owner who is reported gone', () => {
  it('gets no new work from a partner; what takes access away still begins', async () => {
    await report('gone')
    expect(await work.ask('billing', { kind: 'rotate' })).toMatchObject({ refused: 'NO_OWNER' })
    const removal = await openCase(world.api, {
      request: {
        asked: { kind: 'deprovision', reassignTo: null },
        scope: identityScope('nhi_vault'),
        requester: { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' },
        ...{ change: 'standard', changeReference: null },
      },
      ...{ principal: 'dora', idempotencyKey: ulid() },
    })
    expect(isRefusal(removal)).toBe(false)
    await report('present')
    expect(await look()).toEqual([])
  })

  it('has a succession that opens once, by itself, and closes only when the authority gives each an owner who is there', async () => {
    await report('gone')
    const [scheduled, ...others] = await look()
    expect(others).toEqual([])
    if (scheduled === undefined || isRefusal(scheduled.opened)) throw new Error('no case')
    const { caseId } = scheduled.opened
    expect(await look()).toEqual([])
    expect(await openSuccessions(world.db('cs_api'))).toMatchObject([
      { caseId, gone: 'per_ana', owned: IDENTITIES },
    ])
    await drive(world.connector, caseId)
    expect((await work.stateOf(caseId)).plan?.about).toMatchObject({
      candidates: ['per_cleo', 'per_dora'],
    })

    await work.approve(caseId, { stepId: 'succeed', person: 'per_dora' })
    await drive(world.connector, caseId)
    expect((await work.stateOf(caseId)).steps[0]).toMatchObject({
      phase: 'open',
      because: 'NO_OWNER',
    })

    await install(2, { ownership: toBen })
    await work.approve(caseId, { stepId: 'succeed', person: 'per_dora' })
    // Who owns has changed since the gate opened, so it opens once more with the owners of now.
    await drive(world.connector, caseId)
    await work.approve(caseId, { stepId: 'succeed', person: 'per_dora' })
    await drive(world.connector, caseId)
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await look()).toEqual([])
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })
})

describe('the verifier of a packet', () => {
  it('believes no owners but those whom the authority of that moment gives', () => {
    const { authority } = anAuthority({ change: { ownership: toBen } })
    const asked = { kind: 'succession', gone: 'per_ana', owned: ['nhi_billing'] }
    const told = (observed: Record<string, string>) =>
      wrongOwners({
        ...{ state: { opened: { asked } }, at: '', atLeast: 0 },
        ...{ event: { op: 'observe-succession', outcome: 'done', observed } },
        believed: { inForce: () => [authority] },
      } as never)
    expect(told({ nhi_billing: 'per_ben' })).toBeNull()
    expect(told({ nhi_billing: 'per_cleo' })).toMatchObject({ refused: 'JUDGEMENT_DIFFERS' })
    expect(told({})).toMatchObject({ refused: 'JUDGEMENT_DIFFERS' })
  })
})

describe('the database', () => {
  const insert = (scopeId: string, ownerId: string) =>
    world.dba.query(
      `insert into cases (case_id, kind, scope_kind, scope_id, company_id, owner_id, policy, tier)
       values ($1, 'rotate', 'identity', $1, 'com_acme', $2, 'demo@1', 'tier1')`,
      [scopeId, ownerId],
    )

  it('holds one live owner of each identity and outcome, and begins no partner’s work under anybody else', async () => {
    const { rows } = await world.dba.query('select of, owner_id from live_owners order by of')
    expect(rows).toHaveLength(IDENTITIES.length + 6)
    expect(rows[0]).toEqual({ of: 'nhi_billing', owner_id: 'per_ben' })
    await expect(
      world.dba.query("insert into live_owners values ('nhi_billing', 'per_ana')"),
    ).rejects.toMatchObject({ code: '23505' })
    await expect(insert('nhi_billing', 'per_ana')).rejects.toThrow('nobody who is there owns')
    await install(3, {
      ownership: toBen,
      people: (section) => ({
        ...section,
        persons: section.persons.map((person) =>
          person.personId === 'per_ben' ? { ...person, status: 'disabled' as const } : person,
        ),
      }),
    })
    await expect(insert('nhi_billing', 'per_ben')).rejects.toThrow('nobody who is there owns')
  })

  it('and an owner who is disabled has a succession of everything, the outcomes too', async () => {
    const [scheduled] = await look()
    if (scheduled === undefined || isRefusal(scheduled.opened)) throw new Error('no case')
    const [open] = await openSuccessions(world.db('cs_api'))
    expect(open?.owned).toEqual(
      expect.arrayContaining([...IDENTITIES, 'obj_access rotation', 'obj_access provisioning']),
    )
  })
})

/** Cut: an identity loses access at once, on a signed fence and a mandate, with nobody at hand and no Temporal. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { identityScope } from '../../src/domain/authority/matter.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { FenceScope } from '../../src/domain/shapes/envelope.js'
import { drive, dueWithoutTemporal } from '../../src/execution/drive.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { openCase } from '../../src/store/case/open-case.js'
import { giveMandate, revokeMandate } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { cutIn } from '../support/cutting.js'
import { verdictOn } from '../support/packets.js'
import { aMandate, signMandate, signRevocation } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const SYSTEMS = ['sys_billing']

const cut = (scope: FenceScope) => cutIn(world, { scope })

const cutIdentity = async (name: string): Promise<string> => {
  const { contained, residue } = await cut({ kind: 'identity', id: `nhi_${name}` })
  expect(residue).toEqual([])
  return contained[0]?.caseId ?? ''
}

const give = async (overrides = {}) => {
  const mandate = aMandate(overrides)
  must(await giveMandate(world.api, signMandate(world.authority.keys, mandate)))
  return mandate
}

const loginOf = async (role: string): Promise<unknown> =>
  (
    await world.targetDba.query('select rolcanlogin as login from pg_roles where rolname = $1', [
      role,
    ])
  ).rows[0]

const eventsOf = async (caseId: string) =>
  (await eventsSince(world.db('cs_api'), { caseId, after: 0 })).map(({ event }) => event)

describe('without a mandate', () => {
  it('a cut stops everything at once, and the containment itself waits for the signature of a risk owner', async () => {
    const rotation = await work.open('vault', { kind: 'rotate' })
    const caseId = await cutIdentity('vault')
    expect(await dueWithoutTemporal(world.db('cs_connector'), SYSTEMS)).toEqual([caseId])
    await drive(world.connector, caseId)
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'contain' })
    expect(await loginOf('vault_a')).toEqual({ login: true })
    expect(isRefusal(await work.ask('vault', { kind: 'rotate' }))).toBe(true)
    expect(rotation).not.toBe(caseId)
  })
})

describe('under a reduce-only mandate', () => {
  it('the identity loses access and its sessions without anybody, and people review it afterwards', async () => {
    const { mandateId } = await give()
    const password = world.secretOf('billing')
    const appears = 'billing-service'
    const service = await work.connect({ user: 'billing_a', password, appears })
    const caseId = await cutIdentity('billing')
    await drive(world.connector, caseId)
    await expect(service.query('select 1')).rejects.toBeDefined()
    await expect(work.connect({ user: 'billing_a', password, appears })).rejects.toMatchObject({
      code: '28000',
    })
    expect(await eventsOf(caseId)).toContainEqual(
      expect.objectContaining({ type: 'Granted', decisionIds: [], mandateId }),
    )
    await work.signAndPerform(caseId, { stepId: 'review', by: ['per_ana', 'per_cleo'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })

    expect(await verdictOn(world, caseId)).toMatchObject({
      verdict: 'VERIFIED',
      problems: [],
    })
  })

  it('a revoked one covers nothing any more, and neither does one that is used up', async () => {
    const { mandateId } = await give({ caps: { total: 1, perDay: 1 } })
    await world.dba.query('delete from mandates where mandate_id <> $1', [mandateId])
    const first = await cutIdentity('ledger')
    await drive(world.connector, first)
    expect(await loginOf('ledger_a')).toEqual({ login: false })
    const second = await cutIdentity('reports')
    await drive(world.connector, second)
    expect(await work.dueOf(second)).toMatchObject({ kind: 'decision', stepId: 'contain' })

    const other = await give()
    const revocation = { mandateId: other.mandateId, person: 'per_dora' as const }
    const { keys } = world.authority
    must(await revokeMandate(world.api, signRevocation(keys, revocation)))
    await work.approve(second, { stepId: 'contain', person: 'per_cleo' })
    expect(await work.dueOf(second)).toMatchObject({ kind: 'perform' })
    await drive(world.connector, second)
    expect(await loginOf('reports_a')).toEqual({ login: false })
    const granted = (await eventsOf(second)).find(({ type }) => type === 'Granted')
    expect(granted).toMatchObject({ mandateId: null })
  })
})

describe('a containment that no fence opened', () => {
  it('is granted by nobody, whatever mandate is in force', async () => {
    await give()
    await world.targetDba.query('alter role reports_a login')
    await world.dba.query("update cases set phase = 'closed' where scope_id = 'nhi_reports'")
    const { caseId } = must(
      await openCase(world.api, {
        request: {
          asked: { kind: 'contain', fenceId: ulid() },
          scope: identityScope('nhi_reports'),
          requester: { kind: 'enterprise', companyId: 'com_bank', personId: null },
          ...{ change: 'emergency', changeReference: null },
        },
        ...{ principal: 'whoever holds the role', idempotencyKey: 'no fence' },
      }),
    )
    await drive(world.connector, caseId).catch(() => undefined)
    expect(await loginOf('reports_a')).toEqual({ login: true })
    expect((await eventsOf(caseId)).map(({ type }) => type)).not.toContain('Granted')
  })
})

describe('who may give one', () => {
  let mandate = aMandate()
  beforeEach(() => {
    mandate = aMandate()
  })
  const given = (changed = mandate) =>
    giveMandate(world.api, signMandate(world.authority.keys, changed))

  it.each([
    ['QUORUM_MISSING', { signers: ['per_ana', 'per_cleo'] }],
    ['MANDATE_INVALID', { notAfter: '2099-01-01T00:00:00.000Z' }],
    ['WRONG_ENTERPRISE', { enterprise: 'ent_other' }],
  ])('is refused with %s', async (code, change) => {
    expect(await given({ ...mandate, ...change })).toMatchObject({ refused: code })
  })

  it('the same one given twice is given once, and another one under its id is a replay', async () => {
    must(await given())
    must(await given())
    expect(await given({ ...mandate, caps: { total: 99, perDay: 99 } })).toMatchObject({
      refused: 'REPLAYED',
    })
  })
})

describe('when parts fail', () => {
  it('with the signer down it goes on from its committed intent, and the entry says that the proof was missing', async () => {
    await give()
    await world.targetDba.query('alter role billing_a login')
    await world.stopSigner()
    const caseId = await cutIdentity('billing')
    await drive({ ...world.connector, proofWithinMs: 50 }, caseId)
    expect(await loginOf('billing_a')).toEqual({ login: false })
    expect(await eventsOf(caseId)).toContainEqual(
      expect.objectContaining({ type: 'FindingRecorded', code: 'PROOF_MISSING' }),
    )
  })
})

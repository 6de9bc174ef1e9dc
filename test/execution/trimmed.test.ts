/**
 * Streams beside a case, of fences and mandates, under a superuser who cuts their ends off, copies them, or puts
 * into them what is nothing, and under two gates at once: what was judged by before is not forgotten.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CaseEvent } from '../../src/domain/shapes/event.js'
import { drive } from '../../src/execution/drive.js'
import { performStep } from '../../src/execution/execute.js'
import { lookAt } from '../../src/execution/place.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { authoritySource, installAuthority } from '../../src/store/authority/authority.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { passGate } from '../../src/store/case/gate.js'
import { openMemory } from '../../src/store/log/memory.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { giveMandate, listMandates, revokeMandate } from '../../src/store/streams/mandates.js'
import { anAuthority, must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { containmentIn } from '../support/cutting.js'
import { aMandate, signFence, signMandate, signRevocation } from '../support/people.js'
import { asSuperuser, entriesOf, insert, trim } from '../support/superuser.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const NAMES = ['billing', 'ledger', 'reports', 'vault'] as const
type Name = (typeof NAMES)[number]

beforeEach(async () => {
  await world.dba.query("update cases set phase = 'closed'")
  await world.dba.query('delete from mandates')
  for (const name of NAMES) await world.targetDba.query(`alter role ${name}_a login`)
})

const give = async (overrides = {}) => {
  const mandate = aMandate(overrides)
  must(await giveMandate(world.api, signMandate(world.authority.keys, mandate)))
  return `mandate:${mandate.mandateId}`
}

/** A containment of this identity, up to its open gate. */
async function containing(name: Name, connector = world.connector): Promise<string> {
  const caseId = await containmentIn(world, { identityId: `nhi_${name}` })
  await drawPlan(connector, caseId)
  await openDueGate(connector, caseId)
  return caseId
}

/** The connector after a restart: what it knows, it knows from its memory. */
async function restarted() {
  const memory = await openMemory(world.memoryFile)
  const { trust } = world.authority
  return {
    ...world.connector,
    memory,
    authority: authoritySource({ trust, verify: nodeVerify, memory }),
  }
}

const canLogin = async (name: Name): Promise<boolean> =>
  (
    await world.targetDba.query('select rolcanlogin as login from pg_roles where rolname = $1', [
      `${name}_a`,
    ])
  ).rows[0]?.login

const eventsOf = async (caseId: string): Promise<readonly CaseEvent[]> =>
  (await eventsSince(world.db('cs_api'), { caseId, after: 0 })).map(({ event }) => event)

const codesOf = async (caseId: string) =>
  (await eventsOf(caseId)).flatMap((event) => (event.type === 'GateRefused' ? [event.code] : []))

const revoke = (stream: string, person: 'per_cleo' | 'per_dora') =>
  revokeMandate(
    world.api,
    signRevocation(world.authority.keys, { mandateId: stream.replace('mandate:', ''), person }),
  )

/** Asked at once, with the target as it is. */
async function askGate(caseId: string) {
  const preState = await lookAt(world.connector, await work.stateOf(caseId))
  return must(await passGate(world.connector, { caseId, stepId: 'contain', preState })).answer
}

describe('a mandate whose stream was cut', () => {
  it('is not used again once its use is gone, also after a restart: the gate refuses and people decide', async () => {
    const stream = await give({ caps: { total: 2, perDay: 2 } })
    await drive(world.connector, await containing('ledger'))
    expect(await canLogin('ledger')).toBe(false)
    const caseId = await containing('reports')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'perform' })
    await trim(world.dba, { stream, from: 2 })
    const connector = await restarted()
    await performStep(connector, { caseId, stepId: 'contain' })
    expect(await codesOf(caseId)).toEqual(['EVIDENCE_TAMPERED'])
    await openDueGate(connector, caseId)
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'contain' })
    expect(await canLogin('reports')).toBe(true)
  })

  it('stays revoked when the revocation is gone that a gate has seen', async () => {
    const stream = await give()
    const caseId = await containing('ledger')
    must(await revoke(stream, 'per_dora'))
    await performStep(world.connector, { caseId, stepId: 'contain' })
    expect(await codesOf(caseId)).toEqual(['MANDATE_INVALID'])
    await trim(world.dba, { stream, from: 2 })
    await world.dba.query("update cases set phase = 'closed'")
    expect(await work.dueOf(await containing('reports', await restarted()))).toMatchObject({
      ...{ kind: 'decision', stepId: 'contain' },
    })
  })

  it('has no effect when the use is cut off between grant and change', async () => {
    const stream = await give()
    const caseId = await containing('vault')
    expect(await askGate(caseId)).toMatchObject({ gate: 'granted' })
    await trim(world.dba, { stream, from: 2 })
    await expect(performStep(world.connector, { caseId, stepId: 'contain' })).rejects.toThrow(
      /EVIDENCE_TAMPERED/,
    )
    expect(await canLogin('vault')).toBe(true)
  })
})

describe('a mandate', () => {
  it('cannot be counted anew in a stream of another id', async () => {
    const stream = await give({ caps: { total: 1, perDay: 1 } })
    await drive(world.connector, await containing('ledger'))
    const [given] = await entriesOf(world.dba, stream)
    const mandateId = '01KB0000000000000000000009'
    const body = { ...given?.entry.body, type: 'MandateGiven', mandateId }
    await insert(world.dba, { stream: `mandate:${mandateId}`, body })
    await world.dba.query("insert into mandates values ($1, '2099-01-01T00:00:00.000Z')", [
      mandateId,
    ])
    const caseId = await containing('reports')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision' })
    expect(await canLogin('reports')).toBe(true)
  })

  it('is used once by two gates that ask for its last use at the same time', async () => {
    await give({ caps: { total: 1, perDay: 1 } })
    const cases = [await containing('ledger'), await containing('reports')]
    const answers = await Promise.all(cases.map((caseId) => askGate(caseId)))
    expect(answers.map(({ gate }) => gate).sort()).toEqual(['granted', 'refused'])
  })

  it('is revoked by one entry, however often and by whomever it is sent', async () => {
    const stream = await give()
    const { keys } = world.authority
    const mandateId = stream.replace('mandate:', '')
    const same = signRevocation(keys, { mandateId, person: 'per_dora' })
    must(await revokeMandate(world.api, same))
    must(await revokeMandate(world.api, same))
    must(await revoke(stream, 'per_cleo'))
    expect((await entriesOf(world.dba, stream)).map(({ entry }) => entry.body.type)).toEqual([
      'MandateGiven',
      'MandateRevoked',
    ])
  })

  it('stays usable and revocable when somebody wrote into its stream what is nothing', async () => {
    const stream = await give()
    const mandateId = stream.replace('mandate:', '')
    await insert(world.dba, { stream, body: { type: 'MandateRevoked' } })
    const caseId = await containing('ledger')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'perform' })
    must(await revoke(stream, 'per_dora'))
    const listed = await listMandates(world.api, new Date().toISOString())
    expect(listed).toMatchObject([{ mandate: { mandateId }, revoked: 'yes' }])
    await performStep(world.connector, { caseId, stepId: 'contain' })
    expect(await codesOf(caseId)).toEqual(['MANDATE_INVALID'])
  })
})

describe('a fence', () => {
  const fenced = async (name: Name) => {
    const caseId = await work.open(name, { kind: 'rotate' })
    await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    return { caseId, stream: `fence:identity:nhi_${name}` }
  }
  const clear = (name: Name) =>
    asSuperuser(world.dba, async () => {
      await world.dba.query('delete from entries where stream = $1', [`fence:identity:nhi_${name}`])
      await world.dba.query('update streams set seq = 0, head = null where stream = $1', [
        `fence:identity:nhi_${name}`,
      ])
      await world.dba.query('update fences set epoch = 0 where id = $1', [`nhi_${name}`])
    })
  beforeAll(async () => {
    for (const name of NAMES) await clear(name)
  })

  it('that a gate has seen is not forgotten when stream and row are cleared', async () => {
    const { caseId } = await fenced('billing')
    const { authority, verify } = world.api
    const scope = { kind: 'identity', id: 'nhi_billing' } as const
    const envelope = signFence(world.authority.keys, { person: 'per_cleo', scope })
    must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
    await performStep(world.connector, { caseId, stepId: 'issue' })
    expect((await work.stateOf(caseId)).outcome).toBe('fenced')
    await clear('billing')
    const next = await fenced('billing')
    await expect(
      performStep(await restarted(), { caseId: next.caseId, stepId: 'issue' }),
    ).rejects.toThrow(/EVIDENCE_TAMPERED/)
    expect(await eventsOf(next.caseId)).not.toContainEqual(
      expect.objectContaining({ type: 'Granted' }),
    )
  })
})

describe('what is nothing in the stream of a fence', () => {
  const stream = 'fence:identity:nhi_ledger'
  beforeEach(async () => {
    await world.targetDba.query('alter role ledger_b nologin')
  })

  it('stops nobody, and no fence can be hidden behind it', async () => {
    await insert(world.dba, { stream, body: { type: 'Fenced' } })
    const caseId = await work.open('ledger', { kind: 'rotate' })
    await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await performStep(world.connector, { caseId, stepId: 'issue' })
    expect(await eventsOf(caseId)).toContainEqual(expect.objectContaining({ type: 'Granted' }))

    const scope = { kind: 'identity', id: 'nhi_ledger' } as const
    const envelope = signFence(world.authority.keys, { person: 'per_cleo', scope })
    const { authority, verify } = world.api
    must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
    await insert(world.dba, { stream, body: { type: 'FenceLifted' } })
    await world.dba.query("update cases set phase = 'closed'")
    expect(await work.ask('ledger', { kind: 'rotate' })).toMatchObject({ refused: 'FENCED' })
  })
})

describe('the authority', () => {
  it('that was believed before a restart is the oldest that is believed after it', async () => {
    const [pack] = world.authority.authority.packs
    const next = (version: number) =>
      anAuthority({ keys: world.authority.keys, version, ...(pack === undefined ? {} : { pack }) })
    const install = async (version: number) =>
      must(
        await installAuthority(world.db('owner'), {
          ...{ bundle: next(version).bundle, trust: world.authority.trust, verify: nodeVerify },
        }),
      )
    await install(2)
    const ask = async () =>
      (await restarted()).authority.current(world.db('cs_connector'), {
        ...{ at: new Date().toISOString(), lock: 'none' },
      })
    expect(await ask()).toMatchObject({ version: 2 })
    await world.dba.query('update authority_head set version = 1')
    expect(await ask()).toMatchObject({ refused: 'AUTHORITY_ROLLBACK' })
    await world.dba.query('update authority_head set version = 2')
    expect(await ask()).toMatchObject({ version: 2 })
  })
})

describe('a plan that was rewritten between grant and change', () => {
  it('is carried out by nobody', async () => {
    await give()
    await world.targetDba.query('alter role vault_b login')
    const caseId = await containing('vault')
    expect(await askGate(caseId)).toMatchObject({ gate: 'granted' })
    await asSuperuser(world.dba, async () => {
      await world.dba.query(
        `update entries
            set bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '"vault_a"', '"vault_b"'), 'UTF8')
          where stream = $1 and type = 'Planned'`,
        [caseId],
      )
    })
    await expect(performStep(world.connector, { caseId, stepId: 'contain' })).rejects.toThrow(
      /EVIDENCE_TAMPERED/,
    )
    const { rows } = await world.targetDba.query<{ login: boolean }>(
      "select rolcanlogin as login from pg_roles where rolname like 'vault\\__' order by rolname",
    )
    expect(rows).toEqual([{ login: true }, { login: true }])
  })
})

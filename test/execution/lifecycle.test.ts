/** An identity's life on a real PostgreSQL target: it is made as planned, and it is removed without a trace. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asked } from '../../src/domain/shapes/asked.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { removedOf } from '../../src/store/schedule/recertification.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const PROVISION: Asked = { kind: 'provision', memberOf: ['billing_read'] }
const REMOVE: Asked = { kind: 'deprovision', reassignTo: null }
const appears = 'intake-service'

const rolesNamed = async (prefix: string): Promise<string[]> => {
  const { rows } = await world.targetDba.query<{ name: string }>(
    'select rolname as name from pg_roles where rolname like $1 order by 1',
    [`${prefix}\\_%`],
  )
  return rows.map(({ name }) => name)
}
const findingsOf = async (caseId: string): Promise<string[]> =>
  (await eventsSince(world.db('cs_api'), { caseId, after: 0 })).flatMap(({ event }) =>
    event.type === 'FindingRecorded' ? [`${event.code} ${event.where} ${event.detail}`] : [],
  )

describe('a provision on real PostgreSQL', () => {
  it('makes the identity disabled, with the rights of the plan and no other, and hands its secret to the consumer', async () => {
    const caseId = await work.open('intake', PROVISION)
    await work.approve(caseId, { stepId: 'create', person: 'per_ana' })
    expect(await rolesNamed('intake')).toEqual([])
    await work.signAndPerform(caseId, { stepId: 'create', by: ['per_ben'] })
    expect(await rolesNamed('intake')).toEqual(['intake_a', 'intake_app', 'intake_b'])
    const created = await world.targetDba.query(
      `select rolname from pg_roles where rolname like 'intake\\_%' and (rolcanlogin or rolsuper or rolcreaterole)`,
    )
    expect(created.rows).toEqual([])
    expect((await work.stateOf(caseId)).facts).toContain('created-as-planned')

    await work.signAndPerform(caseId, { stepId: 'enable', by: ['per_ana'] })
    await work.signAndPerform(caseId, { stepId: 'hand-over', by: ['per_ana'] })
    const { secret, lease } = await work.deliver(caseId, 'hand-over')
    const consumer = await work.connect({ user: 'intake_a', password: secret, appears })
    expect((await consumer.query('select total from invoices')).rows).toEqual([{ total: '10' }])
    await expect(consumer.query('delete from invoices')).rejects.toMatchObject({ code: '42501' })
    await work.claim(caseId, { stepId: 'hand-over', lease })
    await work.signAndPerform(caseId, { stepId: 'close', by: ['per_ana'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    await consumer.end()
  })

  it('is not planned over what somebody made before', async () => {
    const caseId = await work.open('billing', PROVISION)
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'unplannable' })
    expect(await findingsOf(caseId)).toEqual([
      expect.stringContaining('there already: billing_app'),
    ])
  })

  it('is undone by dropping what it created, when the owner declines to go on', async () => {
    await world.targetDba.query('drop owned by intake_app, intake_a, intake_b')
    await world.targetDba.query('drop role intake_a, intake_b, intake_app')
    const caseId = await work.open('intake', PROVISION)
    await work.signAndPerform(caseId, { stepId: 'create', by: ['per_ana', 'per_ben'] })
    await work.decline(caseId, { stepId: 'enable', person: 'per_ana' })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'undo', stepId: 'create' })
    await work.undo(caseId, 'create')
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'rolled-back' })
    expect(await rolesNamed('intake')).toEqual([])
  })
})

describe('a deprovision on real PostgreSQL', () => {
  it('ends access and sessions, proves each living credential dead, and can be put back until the removal', async () => {
    const password = world.secretOf('billing')
    const service = await work.connect({ user: 'billing_a', password, appears: 'billing-service' })
    const caseId = await work.open('billing', REMOVE)
    const { plan } = await work.stateOf(caseId)
    expect(plan?.target?.consumersSeen).toEqual(['billing-service: 1'])
    await work.signAndPerform(caseId, { stepId: 'disable', by: ['per_ana'] })
    await expect(service.query('select 1')).rejects.toBeDefined()
    expect((await work.stateOf(caseId)).facts).toEqual(
      expect.arrayContaining(['old-refused', 'access-disabled', 'stayed-disabled']),
    )
    await work.decline(caseId, { stepId: 'remove', person: 'per_ben' })
    await work.undo(caseId, 'disable')
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'rolled-back' })
    const back = await work.connect({ user: 'billing_a', password, appears: 'billing-service' })
    await back.end()
  })

  it('gives what the identity owns to the planned role and leaves nothing of it', async () => {
    await world.targetDba.query('create schema ledger_data authorization ledger_app')
    await world.targetDba.query('create table ledger_data.lines (id bigint)')
    await world.targetDba.query('alter table ledger_data.lines owner to ledger_app')
    await world.targetDba.query('grant select on invoices to ledger_app')
    const held = await work.open('ledger', { kind: 'deprovision', reassignTo: 'archive' })
    expect(await findingsOf(held)).toEqual([expect.stringContaining('1 privilege(s)')])
    await world.targetDba.query('revoke select on invoices from ledger_app')
    await world.targetDba.query('grant billing_read to ledger_app')

    const refused = await work.open('ledger', REMOVE)
    expect(await findingsOf(refused)).toEqual([expect.stringContaining('it owns 2 object(s)')])

    const caseId = await work.open('ledger', { kind: 'deprovision', reassignTo: 'archive' })
    expect(await findingsOf(caseId)).toEqual([])
    await work.signAndPerform(caseId, { stepId: 'disable', by: ['per_ana'] })
    await work.signAndPerform(caseId, { stepId: 'remove', by: ['per_ana', 'per_ben'] })
    await work.signAndPerform(caseId, { stepId: 'close', by: ['per_ana'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await rolesNamed('ledger')).toEqual([])
    const { rows } = await world.targetDba.query(
      `select tableowner from pg_tables where schemaname = 'ledger_data'`,
    )
    expect(rows).toEqual([{ tableowner: 'archive' }])
    const { ledger, billing } = await removedOfBoth()
    expect([ledger, billing]).toEqual(['removed', 'there'])
  })
})

/** Whether a campaign would still ask about each. */
async function removedOfBoth() {
  const identities = [...world.authority.authority.identities.values()]
  const removed = await removedOf(world.db('cs_api'), identities)
  const said = (identityId: string) => (removed.has(identityId) ? 'removed' : 'there')
  return { ledger: said('nhi_ledger'), billing: said('nhi_billing') }
}

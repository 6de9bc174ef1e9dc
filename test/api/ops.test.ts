/** What operators do through the API: each call is recorded under their name, and none changes what a case is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digest } from '../../src/domain/bytes/digest.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { keepClock, recordStart } from '../../src/store/streams/processes.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { type ApiRig, anApi } from './rig.js'

let rig: ApiRig
let caseId: string
beforeAll(async () => {
  rig = await anApi()
  caseId = await caseworkIn(rig.world).open('billing', { kind: 'rotate' })
})
afterAll(() => rig?.stop())

const dora = () => rig.client('dora')

async function operated() {
  const { rows } = await rig.world.dba.query<{ body: Record<string, unknown> }>(
    `select convert_from(bytes, 'UTF8')::jsonb -> 'body' as body from entries where stream = 'ops' order by seq`,
  )
  return rows.map(({ body }) => `${body.act} ${body.caseId ?? 'all'} by ${body.personId}`)
}

const queued = async () => {
  const { rows } = await rig.world.dba.query<{ signal: string }>(
    'select signal from outbox where case_id = $1 order by id',
    [caseId],
  )
  return rows.map(({ signal }) => signal)
}

describe('an operator', () => {
  it('reads why a case waits in the words that everybody reads', async () => {
    const { why } = must(await dora().opsWhy({ caseId }))
    expect(why).toMatch(/^owner:per_ana holds the ball since \S+, to decide on issue \(/)
    expect(must(await rig.client('acme').readCase({ caseId })).why).toBe(why)
    expect(await operated()).toContain(`why ${caseId} by per_dora`)
  })

  it('finds what is stuck among what waits for nobody, and never what waits for a person', async () => {
    const asked = must(await caseworkIn(rig.world).ask('ledger', { kind: 'rotate' })).caseId
    const found = must(await dora().opsStuck({ quietFor: '0' })).cases
    expect(found.map((item) => item.caseId)).toEqual([asked])
    expect(found[0]?.why).toContain('the connector of sys_billing looks at the target')
    expect(must(await dora().opsStuck({})).cases).toEqual([])
  })

  it('sees who holds the ball in how many cases', async () => {
    const { holders } = must(await dora().opsWho())
    expect(holders.map(({ holder, cases }) => [holder, cases]).sort()).toEqual([
      ['owner:per_ana', 1],
      ['system', 1],
    ])
  })

  it('sees what was started, what still runs, and whose clock is off', async () => {
    const db = rig.world.db('cs_keeper')
    const running = { process: 'keeper', instance: '01KB0000000000000000000007' } as const
    const [build, configuration] = [digest('build'), digest('configuration')]
    const said = { ...running, host: 'ops-1', tool: 'countersign/0.1.0', skewMs: 0 }
    await recordStart(db, { type: 'ProcessStarted', ...said, build, configuration })
    const { skewMs: _, ...shown } = said
    const found = async () => must(await dora().opsProcesses()).processes
    expect(await found()).toMatchObject([{ ...shown, build, running: 'no', skewMs: null }])
    await keepClock(db, { ...running, skewMs: -3000 })
    expect(await found()).toMatchObject([{ ...shown, running: 'yes', skewMs: -3000 }])
    expect(await operated()).toContain('processes all by per_dora')
  })

  it('has the workflow look again, once until that is delivered', async () => {
    await rig.world.dba.query('delete from outbox')
    const before = await eventsSince(rig.world.db('cs_api'), { caseId, after: 0 })
    expect(must(await dora().opsNudge({ caseId })).done).toBe('asked')
    expect(must(await dora().opsNudge({ caseId })).done).toBe('nothing')
    expect(await queued()).toEqual(['changed'])
    expect(await eventsSince(rig.world.db('cs_api'), { caseId, after: 0 })).toEqual(before)
  })

  it('has a workflow started anew, which the case records and which moves nothing in it', async () => {
    await rig.world.dba.query('delete from outbox')
    const before = must(await dora().readCase({ caseId }))
    expect(must(await dora().opsReattach({ caseId })).done).toBe('asked')
    expect(await queued()).toEqual(['reattach'])
    const [last] = await eventsSince(rig.world.db('cs_api'), { caseId, after: before.seq })
    expect(last?.event).toEqual({ type: 'WorkflowRecovered', previous: 'REATTACHED' })
    const {
      seq: _seq,
      head: _head,
      turn: _turn,
      clock: _clock,
      ...after
    } = must(await dora().readCase({ caseId }))
    expect(before).toMatchObject(after)
  })

  it('sees what is under way before stopping anything', async () => {
    const found = must(await dora().opsDrain())
    expect(found.granted).toEqual([])
    expect(found.signals).toBe(1)
  })

  it('is recorded with every call', async () => {
    const acts = (await operated()).map((text) => text.split(' ')[0])
    for (const act of ['why', 'list-stuck', 'who', 'nudge', 'reattach', 'drain'])
      expect(acts).toContain(act)
  })

  it('is an officer or a duty person, until the authority names operators', async () => {
    expect(must(await rig.client('cleo').opsWho()).holders).not.toEqual([])
    expect(await rig.client('ana').opsWho()).toMatchObject({
      ...{ refused: 'NOT_ALLOWED', detail: 'this is for an operator of the enterprise' },
    })
    await rig.amend((people) => ({
      ...people,
      persons: people.persons.map((person) =>
        person.personId === 'per_ana' ? { ...person, duties: ['operator'] } : person,
      ),
    }))
    expect(must(await rig.client('ana').opsWho()).holders).not.toEqual([])
    for (const who of ['cleo', 'dora'] as const)
      expect(await rig.client(who).opsWho()).toMatchObject({ refused: 'NOT_ALLOWED' })
  })
})

/** What runs is recorded: each start with what was started, once, by its own role; and each time a clock was off. */
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeeperConfig } from '../../src/config.js'
import { fsck } from '../../src/fsck/fsck.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { append, lockEnd } from '../../src/store/case/apply.js'
import { transaction } from '../../src/store/db.js'
import { MOST_SKEW_MS } from '../../src/store/log/skew.js'
import { forgetClock, measuredClocks, startedProcesses } from '../../src/store/streams/processes.js'
import { buildDigest } from '../../worker/build-digest.js'
import { createPresence, NoAuthority } from '../../worker/presence.js'
import { configurationDigest, stated } from '../../worker/stated.js'
import { aStore } from '../support/store.js'
import { aWorld, type World } from '../support/world.js'

let world: World
beforeAll(async () => {
  world = await aWorld()
})
afterAll(() => world?.stop())

const SECRET = 'do-not-tell'
const running = { process: 'keeper', instance: '01KB0000000000000000000001' } as const

const aConfig = (): KeeperConfig => ({
  databaseUrl: `postgres://cs_keeper:${SECRET}@db.bank.test:5432/countersign?password=${SECRET}`,
  trust: world.authority.trust,
  temporal: {
    address: 'temporal:7233',
    namespace: 'countersign',
    codecKeys: [{ kid: 'payload-1', key: Buffer.from(SECRET) }],
  },
  stateDir: '/var/lib/countersign',
  logKey: { path: '/run/secrets/log.pem', passphrase: SECRET },
  ...{ relayPollMs: 1000, reconcileMs: 30_000, scheduleMs: 60_000 },
  ...{ missingGraceMs: 60_000, intentGraceMs: 300_000, witnessPolicy: null },
  ...{ notices: null, metrics: null },
})

const inStream = async (stream: string) =>
  (
    await world.dba.query<{ body: Record<string, unknown> }>(
      `select convert_from(bytes, 'UTF8')::jsonb -> 'body' as body from entries where stream = $1 order by seq`,
      [stream],
    )
  ).rows.map(({ body }) => body)

function aPresence(clock: () => number = Date.now) {
  const logged: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) })
  const of = { ...{ process: 'keeper' as const, config: aConfig(), log, clock }, running }
  return { look: createPresence({ ...of, db: world.db('cs_keeper') }), logged }
}

const checked = async () => {
  const { trust } = world.authority
  return fsck(world.db('cs_api'), { trust, verify: nodeVerify, highWater: null })
}

describe('the start of a process', () => {
  it('is an entry of its own stream, once for each run, however often it is recorded', async () => {
    const { look } = aPresence()
    await look()
    await look()
    await aPresence().look()
    const [started, ...others] = await inStream('process:keeper')
    expect(others).toEqual([])
    expect(started).toMatchObject({
      ...{ type: 'ProcessStarted', ...running, build: buildDigest() },
      configuration: configurationDigest('keeper', aConfig()),
    })
    expect(await startedProcesses(world.db('cs_api'), { each: 1 })).toMatchObject([running])
    expect(await checked()).toMatchObject({ verdict: 'CLEAN' })
  })

  it('tells another configuration from this one, and no secret', () => {
    const config = aConfig()
    expect(JSON.stringify(stated('keeper', config))).not.toContain(SECRET)
    const digest = configurationDigest('keeper', config)
    expect(configurationDigest('keeper', { ...config, reconcileMs: 1 })).not.toBe(digest)
    const passphrase = `${SECRET} any more`
    const { path } = config.logKey
    expect(configurationDigest('keeper', { ...config, logKey: { path, passphrase } })).toBe(digest)
  })

  it('is told by no role for another', async () => {
    const [started] = await inStream('process:keeper')
    const told = transaction(world.db('cs_worker'), async (tx) => {
      const locked = await lockEnd(tx, 'process:keeper')
      await append(tx, { locked, bodies: [started as { type: string }] })
    })
    await expect(told).rejects.toMatchObject({ code: '42501' })
  })

  it('is no entry before an authority is installed, which is the first one', async () => {
    const store = await aStore()
    try {
      const of = { process: 'keeper' as const, config: aConfig(), log: pino({ level: 'silent' }) }
      const look = createPresence({ ...of, running, db: store.db('cs_keeper') })
      await expect(look()).rejects.toThrow(NoAuthority)
      expect((await store.dba.query('select 1 from entries')).rows).toEqual([])
    } finally {
      await store.stop()
    }
  })
})

describe('the clock of a process', () => {
  it('is an entry when it passes the bound, and one when it is right again', async () => {
    let ahead = MOST_SKEW_MS + 5000
    const { look, logged } = aPresence(() => Date.now() + ahead)
    await look()
    await look()
    const clocks = async () => {
      const entries = await inStream('process:keeper')
      return entries.filter(({ type }) => type === 'ClockLooked').map(({ clock }) => clock)
    }
    expect(await clocks()).toEqual(['off'])
    const [row] = await measuredClocks(world.db('cs_api'))
    expect(row?.skewMs).toBeGreaterThan(MOST_SKEW_MS)
    ahead = 0
    await look()
    await look()
    expect(await clocks()).toEqual(['off', 'right'])
    expect(logged.map((line) => JSON.parse(line).msg)).toEqual([
      'the clock is off the database’s',
      'the clock is right again',
    ])
    expect(await checked()).toMatchObject({ verdict: 'CLEAN' })
    await forgetClock(world.db('cs_keeper'), running)
    expect(await measuredClocks(world.db('cs_api'))).toEqual([])
  })

  it('is no other process’s to tell', async () => {
    const insert = "insert into clocks (instance, process, skew_ms) values ('x', 'connector', 0)"
    await expect(world.db('cs_worker').query(insert)).rejects.toMatchObject({ code: '42501' })
    await world.db('cs_connector').query(insert)
    const { rowCount } = await world.db('cs_worker').query('update clocks set skew_ms = 9')
    expect(rowCount).toBe(0)
    await world.db('cs_connector').query('delete from clocks')
  })
})

describe('fsck', () => {
  it('names what stands in the stream of a process and is none of its own', async () => {
    await transaction(world.db('cs_worker'), async (tx) => {
      const locked = await lockEnd(tx, 'process:worker')
      const [started] = await inStream('process:keeper')
      const bodies = [
        { ...started, type: 'ProcessStarted' },
        { type: 'ClockLooked', instance: '01KB0000000000000000000009', clock: 'off', skewMs: 1 },
        { type: 'ProcessStarted', process: 'worker' },
      ]
      await append(tx, { locked, bodies })
    })
    const { problems } = await checked()
    expect(problems.map(({ subject, where }) => `${subject} ${where}`)).toEqual([
      'process:worker /1',
      'process:worker /2',
      'process:worker /3',
    ])
  })
})

import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Connector } from '../../src/connectors/connector.js'
import { createPostgresqlConnector } from '../../src/connectors/postgresql.js'
import { stopChildren } from '../../src/embedded/children.js'
import { freePort } from '../../src/embedded/ports.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import {
  type Identity,
  newSecret,
  openSession,
  startTarget,
  type Target,
  timeouts,
} from './target.js'

let target: Target
let connector: Connector
let one: Identity
let secret: string
let sessions: pg.Client[]
beforeAll(async () => {
  target = await startTarget({
    hba: ['host walled_off all 127.0.0.1/32 reject', 'host trusting all 127.0.0.1/32 trust'],
  })
  connector = target.connector()
  for (const database of ['walled_off', 'trusting']) await target.sql(`CREATE DATABASE ${database}`)
})
afterAll(async () => {
  await connector.close()
  await target.stop()
  await stopChildren()
})
beforeEach(async () => {
  one = await target.identity()
  secret = newSecret()
  sessions = []
  const change = await changeOf('issue')
  expect(await connector.set({ ...change, secret })).toEqual({ effect: 'done' })
  return async () => {
    await Promise.all(sessions.map((session) => session.end()))
  }
})

const changeOf = async (grantId: string) => ({
  subject: one.subject,
  credential: one.a,
  credentials: [one.a],
  grantId,
  expected: await connector.state(one.subject),
})
const open = async (application?: string) => {
  const session = await openSession(target, {
    user: one.a,
    secret,
    ...(application === undefined ? {} : { application }),
  })
  sessions.push(session)
  return session
}

const byRoute = async (route: { port?: number; database?: string }) => {
  const other = createPostgresqlConnector({
    adminUrl: 'postgres://nobody:nothing@127.0.0.1:1/none',
    loginRoute: { host: '127.0.0.1', port: target.port, database: 'postgres', ...route },
    fingerprintKey: new Uint8Array(32),
    timeouts: { ...timeouts, connectMs: 500, statementMs: 500 },
  })
  try {
    return await other.login({ credential: one.a, secret })
  } finally {
    await other.close()
  }
}

describe('a login attempt', () => {
  it('of a living credential with its secret is accepted', async () => {
    expect(await connector.login({ credential: one.a, secret })).toEqual({ login: 'accepted' })
  })

  it('with NOLOGIN and the right secret is refused with 28000', async () => {
    await connector.disable(await changeOf('disable'))
    const login = await connector.login({ credential: one.a, secret })
    expect(login).toEqual({ login: 'refused', code: '28000' })
  })

  it.each([
    ['a living role and a wrong secret', () => one.a, ''],
    ['a role that never had a secret', () => one.b, ''],
    ['a role that does not exist', () => 'nobody_here', ''],
    ['NOLOGIN and a wrong secret', () => one.a, 'NOLOGIN'],
    ['a passed VALID UNTIL', () => one.a, "VALID UNTIL '2001-01-01'"],
  ])('with %s is refused with 28P01, one like the other', async (_, credential, alter) => {
    await target.sql(`ALTER ROLE ${one.a} ${alter}`)
    const tried = alter.startsWith('VALID') ? secret : newSecret()
    const login = await connector.login({ credential: credential(), secret: tried })
    expect(login).toEqual({ login: 'refused', code: '28P01' })
  })

  it('that pg_hba.conf rejects is refused with 28000, although the role lives', async () => {
    expect(await byRoute({ database: 'walled_off' })).toEqual({ login: 'refused', code: '28000' })
  })

  it.each([
    ['role', () => `ALTER ROLE ${one.a} CONNECTION LIMIT 1`],
    ['server', () => 'SELECT 1'],
  ])('with no connections left for the %s is unreachable with 53300', async (_, limit) => {
    await target.sql(limit())
    const full = async (): Promise<unknown> => {
      try {
        await open()
        return 'room'
      } catch (error) {
        return error instanceof Error && 'code' in error ? error.code : error
      }
    }
    await expect.poll(full, { interval: 1 }).toBe('53300')
    const login = await connector.login({ credential: one.a, secret })
    expect(login).toEqual({ login: 'unreachable', code: '53300' })
  })

  it('is unreachable where the database is missing or nobody listens', async () => {
    expect(await byRoute({ database: 'missing' })).toEqual({ login: 'unreachable', code: '3D000' })
    const refused = await byRoute({ port: await freePort() })
    expect(refused).toEqual({ login: 'unreachable', code: 'ECONNREFUSED' })
  })

  it.each([
    ['blackhole', 'TIMEOUT'],
    ['pause', 'TIMEOUT'],
    ['reset', 'ECONNRESET'],
  ] as const)('is unreachable on a network in mode %s', async (kind, code) => {
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: target.port })
    try {
      proxy.mode({ kind })
      expect(await byRoute({ port: proxy.port })).toEqual({ login: 'unreachable', code })
    } finally {
      await proxy.close()
    }
  })

  it('is not accepted by a server that never asks for the secret', async () => {
    const login = await byRoute({ database: 'trusting' })
    expect(login).toEqual({ login: 'unreachable', code: 'SECRET_NOT_ASKED' })
  })

  it('leaves no session behind', async () => {
    await connector.login({ credential: one.a, secret })
    expect(await connector.sessions(one.a)).toEqual([])
  })
})

describe('sessions of a credential', () => {
  it('are counted by application', async () => {
    for (const name of ['billing', 'billing', 'reports']) await open(name)
    expect(await connector.sessions(one.a)).toEqual([
      { application: 'billing', count: 2 },
      { application: 'reports', count: 1 },
    ])
    expect(await connector.sessions(one.b)).toEqual([])
  })

  it('outlive NOLOGIN and the loss of the secret, still work, and end when told to', async () => {
    const [first, second] = [await open(), await open()]
    await connector.disable(await changeOf('disable'))
    await connector.unset(await changeOf('unset'))
    for (const session of [first, second]) {
      const { rowCount } = await session.query('CREATE TEMP TABLE written AS SELECT 1 AS one')
      expect(rowCount).toBe(1)
    }
    expect(await connector.endSessions(one.a)).toEqual({ ended: 2, left: 0 })
    expect(await connector.sessions(one.a)).toEqual([])
    await expect(first.query('SELECT 1')).rejects.toThrow()
    expect(await connector.endSessions(one.a)).toEqual({ ended: 0, left: 0 })
  })

  it('cannot hide by calling themselves a probe', async () => {
    await open('countersign-probe')
    expect(await connector.sessions(one.a)).toEqual([
      { application: 'countersign-probe', count: 1 },
    ])
    expect(await connector.endSessions(one.a)).toEqual({ ended: 1, left: 0 })
  })

  it('that do not end in time are counted as left', async () => {
    const session = await open()
    const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const pid = rows[0]?.pid ?? Number.NaN
    const hasty = target.connector({ timeouts: { connectMs: 5_000, statementMs: 400 } })
    process.kill(pid, 'SIGSTOP')
    try {
      expect(await hasty.endSessions(one.a)).toEqual({ ended: 0, left: 1 })
    } finally {
      process.kill(pid, 'SIGCONT')
      await hasty.close()
    }
    await expect.poll(() => connector.sessions(one.a)).toEqual([])
  })

  it('of other credentials are not ended', async () => {
    await open()
    expect(await connector.endSessions(one.b)).toEqual({ ended: 0, left: 0 })
    expect(await connector.sessions(one.a)).toEqual([{ application: 'billing', count: 1 }])
  })
})

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Connector } from '../../src/connectors/connector.js'
import { attributesOf } from '../../src/connectors/postgresql-state.js'
import { TargetFault } from '../../src/connectors/target-fault.js'
import { stopChildren } from '../../src/embedded/children.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { ADMIN, type Identity, newSecret, startTarget, type Target } from './target.js'

let target: Target
let connector: Connector
let one: Identity
beforeAll(async () => {
  target = await startTarget()
  connector = target.connector()
})
afterAll(async () => {
  await connector.close()
  await target.stop()
  await stopChildren()
})
beforeEach(async () => {
  one = await target.identity()
})

const changeOf = async (grantId: string) => ({
  subject: one.subject,
  credential: one.a,
  credentials: [one.a],
  grantId,
  expected: await connector.state(one.subject),
})
const setIt = async (grantId: string, secret = newSecret()) =>
  connector.set({ ...(await changeOf(grantId)), secret })
const changed = (before: Record<string, string>, after: Record<string, string>) =>
  Object.keys(after).filter((name) => before[name] !== after[name])

describe('the state of an identity', () => {
  it('has exactly the attributes that a plan lists, sorted, and fits a plan of two credentials', async () => {
    const state = await connector.state(one.subject)
    expect(Object.keys(state)).toEqual(attributesOf(one.subject))
    expect(Object.keys(state)).toEqual(Object.keys(state).toSorted())
    expect(Object.keys(state).length).toBeLessThanOrEqual(64)
  })

  it('names rights, memberships and settings in words', async () => {
    await target.sql(`ALTER ROLE ${one.a} SET work_mem = '8MB'`)
    await target.sql(`ALTER ROLE ${one.a} CONNECTION LIMIT 7 VALID UNTIL '2031-01-02 03:04:05+01'`)
    expect(await connector.state(one.subject)).toMatchObject({
      [`${one.a}.login`]: 'false',
      [`${one.a}.verifier`]: 'none',
      [`${one.a}.memberOf`]: `["${one.group} (inherit, set)"]`,
      [`${one.a}.settings`]: '["work_mem=8MB"]',
      [`${one.a}.connectionLimit`]: '7',
      [`${one.a}.validUntil`]: '2031-01-02T02:04:05.000000Z',
      [`${one.a}.grant`]: 'none',
      [`${one.group}.members`]: `["${ADMIN} (admin)","${one.a} (inherit, set)","${one.b} (inherit, set)"]`,
    })
  })

  it('shows secrets as keyed fingerprints only, those in custom settings too', async () => {
    const secret = newSecret()
    await setIt('g1', secret)
    await target.sql(`ALTER ROLE ${one.a} SET app.token = '${secret}'`)
    const state = await connector.state(one.subject)
    expect(state[`${one.a}.verifier`]).toMatch(/^hmac:[0-9a-f]{16}$/)
    expect(state[`${one.a}.settings`]).toMatch(/^\["app\.token=hmac:[0-9a-f]{16}"\]$/)
    expect(JSON.stringify(state)).not.toContain(secret)
    expect(JSON.stringify(state)).not.toContain('SCRAM')
  })

  it('says that a role is absent, in every attribute', async () => {
    const state = await connector.state({ group: 'nobody_here', credentials: [] })
    expect(new Set(Object.values(state))).toEqual(new Set(['absent']))
  })
})

describe('a change', () => {
  it('sets the secret, the login and the grant of exactly one credential', async () => {
    const before = await connector.state(one.subject)
    const secret = newSecret()
    expect(await setIt('g1', secret)).toEqual({ effect: 'done' })
    const after = await connector.state(one.subject)
    const names = ['grant', 'login', 'verifier'].map((name) => `${one.a}.${name}`)
    expect(changed(before, after)).toEqual(names)
    expect(await connector.login({ credential: one.a, secret })).toEqual({ login: 'accepted' })
    expect(await connector.lastGrant(one.a)).toEqual({ grantId: 'g1', change: 'set' })
    expect(await connector.lastGrant(one.b)).toBeNull()
  })

  it('disables login and keeps the verifier; unset takes both away', async () => {
    await setIt('g1')
    const living = await connector.state(one.subject)
    expect(await connector.disable(await changeOf('g2'))).toEqual({ effect: 'done' })
    const disabled = await connector.state(one.subject)
    expect(changed(living, disabled)).toEqual([`${one.a}.grant`, `${one.a}.login`])
    expect(await connector.unset(await changeOf('g3'))).toEqual({ effect: 'done' })
    expect((await connector.state(one.subject))[`${one.a}.verifier`]).toBe('none')
    expect(await connector.lastGrant(one.a)).toEqual({ grantId: 'g3', change: 'unset' })
  })

  it('leaves the target untouched when somebody else changed the password', async () => {
    const secret = newSecret()
    await setIt('g1', secret)
    const signed = await changeOf('g2')
    await target.sql(`ALTER ROLE ${one.a} PASSWORD 'by somebody else'`)
    const found = await connector.state(one.subject)
    expect(await connector.set({ ...signed, secret: newSecret() })).toEqual({
      effect: 'state-differs',
      attributes: [`${one.a}.verifier`],
    })
    expect(await connector.state(one.subject)).toEqual(found)
  })

  it.each([
    ['a membership of the credential', () => `GRANT pg_monitor TO ${one.a}`, 'a.memberOf'],
    ['the other credential', () => `ALTER ROLE ${one.b} CREATEDB`, 'b.createdb'],
    ['a new member of the group', () => `GRANT ${one.group} TO pg_monitor`, 'owner.members'],
    ['a setting', () => `ALTER ROLE ${one.a} SET search_path = evil`, 'a.settings'],
  ])('compares %s', async (_, sql, attribute) => {
    const signed = await changeOf('g1')
    await target.sql(sql())
    const effect = await connector.set({ ...signed, secret: newSecret() })
    const prefix = one.a.slice(0, -1)
    expect(effect).toEqual({ effect: 'state-differs', attributes: [`${prefix}${attribute}`] })
  })

  it('has one effect when the same grant comes twice, also at the same time', async () => {
    const change = { ...(await changeOf('g1')), secret: newSecret() }
    const effects = await Promise.all([connector.set(change), connector.set(change)])
    expect(effects.map(({ effect }) => effect).toSorted()).toEqual(['already', 'done'])
    const after = await connector.state(one.subject)
    expect(await connector.set({ ...change, secret: newSecret() })).toEqual({ effect: 'already' })
    expect(await connector.state(one.subject)).toEqual(after)
  })

  it('is not undone by a late copy of itself after its own undo', async () => {
    const late = { ...(await changeOf('g1')), secret: newSecret() }
    await connector.set(late)
    await connector.unset(await changeOf('g1'))
    expect(await connector.set(late)).toMatchObject({ effect: 'state-differs' })
    expect((await connector.state(one.subject))[`${one.a}.login`]).toBe('false')
  })

  it.each([
    ['the same credential', 'ROLLBACK', () => one.a],
    ['the other credential of the identity', 'ROLLBACK', () => one.b],
    ['the same credential, after both lost a race to a third', 'COMMIT', () => one.a],
  ])(
    'is won by exactly one of two grants at the same time, the second on %s',
    async (_, end, other) => {
      const signed = await changeOf('g1')
      // Both wait for the same lock, so neither has read the state when the other one has not.
      await target.sql('BEGIN')
      await target.sql(`ALTER ROLE ${one.a}`)
      const both = Promise.all([
        connector.set({ ...signed, secret: newSecret() }),
        connector.set({ ...signed, credential: other(), grantId: 'g2', secret: newSecret() }),
      ])
      await expect
        .poll(() => target.sql('SELECT count(*)::int FROM pg_locks WHERE NOT granted'))
        .toEqual([[2]])
      await target.sql(end)
      expect((await both).map(({ effect }) => effect).toSorted()).toEqual(['done', 'state-differs'])
      const state = await connector.state(one.subject)
      const tags = one.subject.credentials.map((name) => state[`${name}.grant`])
      expect(tags.filter((tag) => tag !== 'none')).toHaveLength(1)
    },
  )

  it('is rejected with the SQLSTATE when the role is gone', async () => {
    await target.sql(`DROP ROLE ${one.a}`)
    const effect = await connector.set({ ...(await changeOf('g1')), secret: newSecret() })
    expect(effect).toEqual({ effect: 'rejected', code: '42704' })
  })

  it('is rejected with the SQLSTATE when a right is missing', async () => {
    const change = { ...(await changeOf('g1')), secret: newSecret() }
    await target.sql(`REVOKE SET ON PARAMETER countersign."grant" FROM ${ADMIN}`)
    try {
      expect(await connector.set(change)).toEqual({ effect: 'rejected', code: '42501' })
      expect(await connector.state(one.subject)).toEqual(change.expected)
    } finally {
      await target.sql(`GRANT SET ON PARAMETER countersign."grant" TO ${ADMIN}`)
    }
  })

  it('never shows the secret to the server log, which records every statement', async () => {
    const secret = newSecret()
    await setIt('g1', secret)
    await connector.login({ credential: one.a, secret })
    await connector.disable(await changeOf('g2'))
    expect(target.log()).toContain(`ALTER ROLE "${one.a}" LOGIN PASSWORD 'SCRAM-SHA-256$4096:`)
    expect(target.log()).not.toContain(secret)
    expect(target.log()).not.toContain(target.adminSecret)
  })
})

// With its terminating zero byte, so that READ COMMITTED is another word.
const COMMIT = 'COMMIT\0'

describe('on a bad network', () => {
  let proxy: TcpProxy
  let far: Connector
  let faults: string[]
  beforeEach(async () => {
    faults = []
    proxy = await startTcpProxy({ host: '127.0.0.1', port: target.port })
    const timeouts = { connectMs: 1_000, statementMs: 800 }
    far = target.connector({ port: proxy.port, timeouts, onFault: (code) => faults.push(code) })
  })
  afterEach(async () => {
    await far.close()
    await proxy.close()
  })

  it.each([
    ['blackhole', 'TIMEOUT'],
    ['reset', 'ECONNRESET'],
  ] as const)(
    'a lost answer to COMMIT (%s) is unknown, and the last grant decides it',
    async (answers, code) => {
      const secret = newSecret()
      const change = { ...(await changeOf('g1')), secret }
      proxy.mode({ kind: 'cutAfter', bytes: COMMIT, answers })
      expect(await far.set(change)).toEqual({ effect: 'unknown', code })
      expect(proxy.cuts()).toBe(1)
      proxy.mode({ kind: 'pass' })
      await expect.poll(() => connector.lastGrant(one.a)).toEqual({ grantId: 'g1', change: 'set' })
      expect(await far.login({ credential: one.a, secret })).toEqual({ login: 'accepted' })
      expect(await far.set(change)).toEqual({ effect: 'already' })
    },
  )

  it.each([
    ['blackhole', 'TIMEOUT'],
    ['reset', 'ECONNRESET'],
  ] as const)(
    'an answer lost before COMMIT (%s) is a fault, and nothing was changed',
    async (answers, code) => {
      const change = { ...(await changeOf('g1')), secret: newSecret() }
      proxy.mode({ kind: 'cutAfter', bytes: 'LOGIN PASSWORD', answers })
      const fault = await far.set(change).catch((error: unknown) => error)
      expect(fault).toBeInstanceOf(TargetFault)
      expect(fault).toMatchObject({ code, origin: 'connection' })
      expect(fault).not.toHaveProperty('cause')
      proxy.mode({ kind: 'pass' })
      expect(await far.set(change)).toEqual({ effect: 'done' })
    },
  )

  it('an admin connection lost while idle is reported, and the next call opens another', async () => {
    await far.state(one.subject)
    proxy.mode({ kind: 'reset' })
    await expect.poll(() => faults).toEqual(['ECONNRESET'])
    proxy.mode({ kind: 'pass' })
    expect(await far.state(one.subject)).toEqual(await connector.state(one.subject))
  })

  it('a fault tells neither the connection string nor a statement nor a secret', async () => {
    proxy.mode({ kind: 'reset' })
    const secret = newSecret()
    const change = { ...(await changeOf('g1')), secret }
    const fault: unknown = await far.set(change).catch((error: unknown) => error)
    if (!(fault instanceof TargetFault)) throw new Error('expected a fault')
    expect(fault.message).toBe('the target failed during set: ECONNRESET')
    const all = `${fault.stack} ${JSON.stringify(fault)}`
    for (const hidden of [secret, target.adminSecret, 'postgres://', 'ALTER', String(proxy.port)])
      expect(all).not.toContain(hidden)
  })

  it('a role that somebody else keeps locked is a fault, and nothing was changed', async () => {
    const change = { ...(await changeOf('g1')), secret: newSecret() }
    await target.sql('BEGIN')
    await target.sql(`ALTER ROLE ${one.a}`)
    await expect(far.set(change)).rejects.toMatchObject({ code: '57014', origin: 'server' })
    await target.sql('ROLLBACK')
    expect(await connector.state(one.subject)).toEqual(change.expected)
  })

  it('slow answers are waited for', async () => {
    proxy.mode({ kind: 'delay', ms: 20 })
    expect(await far.state(one.subject)).toEqual(await connector.state(one.subject))
  })
})

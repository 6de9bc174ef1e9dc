import { fc, test } from '@fast-check/vitest'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Connector } from '../../src/connectors/connector.js'
import { isRoleName } from '../../src/connectors/postgresql-sql.js'
import { stopChildren } from '../../src/embedded/children.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { ADMIN, type Identity, newSecret, openSession, startTarget, type Target } from './target.js'

let target: Target
let connector: Connector
let one: Identity
beforeAll(async () => {
  target = await startTarget()
  connector = target.connector()
  await target.identity()
  await target.sql('CREATE SCHEMA billing')
  await target.sql('CREATE TABLE billing.invoices AS SELECT 42 AS total')
  await target.sql('CREATE TABLE billing.salaries AS SELECT 99 AS total')
  await target.entitlement('billing_read')
  await target.sql('GRANT USAGE ON SCHEMA billing TO billing_read')
  await target.sql('GRANT SELECT ON billing.invoices TO billing_read')
})
afterAll(async () => {
  await connector.close()
  await target.stop()
  await stopChildren()
})
beforeEach(() => {
  one = target.unused()
})

const creationOf = async (grantId: string, memberOf: readonly string[] = ['billing_read']) => ({
  subject: one.subject,
  grantId,
  memberOf,
  expected: await connector.state(one.subject),
})
const logIn = async () => {
  const secret = newSecret()
  const expected = await connector.state(one.subject)
  const change = { subject: one.subject, credential: one.a, grantId: 'enable', expected }
  expect(await connector.set({ ...change, secret })).toEqual({ effect: 'done' })
  return secret
}
const there = async () => {
  const { group, credentials } = await connector.inspect(one.subject, [])
  return [group, ...credentials.map(({ login }) => login)]
}
const tags = async () => {
  const roles = [one.group, one.a, one.b]
  return Promise.all(roles.map((name) => connector.lastGrant(name)))
}

describe('a creation', () => {
  it('makes roles with exactly the planned memberships, no login, no secret and no other right', async () => {
    expect(await connector.create(await creationOf('g1'))).toEqual({ effect: 'done' })
    const none = { superuser: 'false', createrole: 'false', createdb: 'false', bypassrls: 'false' }
    const expected = { ...none, login: 'false', verifier: 'none', settings: '[]' }
    const ofGroup = {
      ...{ ...expected, replication: 'false', memberOf: '["billing_read (inherit)"]' },
      members: `["${ADMIN} (admin)","${one.a} (inherit, set)","${one.b} (inherit, set)"]`,
    }
    const ofCredential = {
      ...{ ...expected, replication: 'false', memberOf: `["${one.group} (inherit, set)"]` },
      ...{ inherit: 'true', connectionLimit: '-1', validUntil: 'none', grant: 'g1:create' },
    }
    const named = (role: string, attributes: Record<string, string>) =>
      Object.entries(attributes).map(([name, value]) => [`${role}.${name}`, value])
    expect(await connector.state(one.subject)).toEqual(
      Object.fromEntries([
        ...named(one.group, ofGroup),
        ...[one.a, one.b].flatMap((name) => named(name, ofCredential)),
      ]),
    )
    expect(await connector.holdings(one.subject)).toEqual({
      ...{ owned: [], ownedCount: 0, ownedElsewhere: 0 },
      ...{ privileges: 0, privilegesOutOfReach: 0 },
    })
    expect(await tags()).toEqual(Array(3).fill({ grantId: 'g1', change: 'create' }))
  })

  it('gives a consumer the one table of the plan, no other and no way to pass it on', async () => {
    await connector.create(await creationOf('g1'))
    const secret = await logIn()
    const session = await openSession(target, { user: one.a, secret })
    try {
      expect((await session.query('SELECT total FROM billing.invoices')).rows).toEqual([
        { total: 42 },
      ])
      for (const sql of [
        'SELECT total FROM billing.salaries',
        'DELETE FROM billing.invoices',
        'CREATE TABLE billing.mine ()',
        'CREATE ROLE mine',
        'SET ROLE billing_read',
        `GRANT billing_read TO ${one.b}`,
        `GRANT ${one.group} TO billing_read`,
      ])
        await expect(session.query(sql), sql).rejects.toMatchObject({ code: '42501' })
    } finally {
      await session.end()
    }
  })

  it('lets nobody in before a secret is set', async () => {
    await connector.create(await creationOf('g1'))
    const tried = await connector.login({ credential: one.a, secret: newSecret() })
    expect(tried).toMatchObject({ login: 'refused' })
    const secret = await logIn()
    expect(await connector.login({ credential: one.a, secret })).toEqual({ login: 'accepted' })
  })

  it('leaves roles that look as the setup makes them, so that a rotation finds what it expects', async () => {
    await connector.create(await creationOf('g1', []))
    const made = await connector.state(one.subject)
    const old = await target.identity()
    const shown = await connector.state(old.subject)
    const renamed = JSON.stringify(made)
      .replaceAll(one.group.slice(0, -'owner'.length), old.group.slice(0, -'owner'.length))
      .replaceAll('g1:create', 'none')
    expect(JSON.parse(renamed)).toEqual(shown)
  })

  it('gives the admin role ADMIN and nothing else, whatever the server adds by itself', async () => {
    await target.sql(`ALTER ROLE ${ADMIN} SET createrole_self_grant = 'set, inherit'`)
    const fresh = target.connector()
    try {
      expect(await fresh.create(await creationOf('g1'))).toEqual({ effect: 'done' })
    } finally {
      await fresh.close()
      await target.sql(`ALTER ROLE ${ADMIN} RESET createrole_self_grant`)
    }
    const state = await connector.state(one.subject)
    expect(state[`${one.group}.members`]).toContain(`"${ADMIN} (admin)"`)
  })

  it('has one effect when the same grant comes twice, also at the same time', async () => {
    const creation = await creationOf('g1')
    const effects = await Promise.all([connector.create(creation), connector.create(creation)])
    expect(effects.map(({ effect }) => effect).toSorted()).toEqual(['already', 'done'])
    expect(await connector.create(creation)).toEqual({ effect: 'already' })
  })

  it('is won by exactly one of two grants at the same time', async () => {
    const creation = await creationOf('g1')
    const effects = await Promise.all([
      connector.create(creation),
      connector.create({ ...creation, grantId: 'g2', memberOf: [] }),
    ])
    expect(effects.map(({ effect }) => effect).toSorted()).toEqual(['done', 'state-differs'])
    expect(new Set((await tags()).map((tag) => tag?.grantId)).size).toBe(1)
  })

  it('waits for somebody who is making one of the roles, and then finds it there', async () => {
    const creation = await creationOf('g1')
    await target.sql('BEGIN')
    await target.sql(`CREATE ROLE ${one.b}`)
    const effect = connector.create(creation)
    await expect
      .poll(() => target.sql('SELECT count(*)::int FROM pg_locks WHERE NOT granted'))
      .toEqual([[1]])
    await target.sql('COMMIT')
    expect(await effect).toMatchObject({ effect: 'state-differs' })
    expect(await there()).toEqual(['absent', 'absent', 'disabled'])
  })

  it.each([
    ['the group', () => one.group],
    ['a credential', () => one.b],
  ])('leaves everything as it is when somebody made %s first', async (_, role) => {
    const creation = await creationOf('g1')
    await target.sql(`CREATE ROLE ${role()} LOGIN`)
    const effect = await connector.create(creation)
    if (effect.effect !== 'state-differs') throw new Error(effect.effect)
    expect(effect.attributes).toContain(`${role()}.login`)
    expect(effect.attributes.every((name) => name.startsWith(`${role()}.`))).toBe(true)
    expect((await there()).filter((login) => login !== 'absent')).toHaveLength(1)
  })

  it.each([
    ['that is not there', 'no_such_role', '42704'],
    ['on which the admin role has no ADMIN', 'postgres', '42501'],
    ['that is predefined', 'pg_read_all_data', '42602'],
    ['that is the group itself', 'itself', '0LP01'],
  ])('is rejected, with nothing made, for a membership in a role %s', async (_, name, code) => {
    const memberOf = ['billing_read', name === 'itself' ? one.group : name]
    const effect = await connector.create(await creationOf('g1', memberOf))
    expect(effect).toEqual({ effect: 'rejected', code })
    expect(await there()).toEqual(['absent', 'absent', 'absent'])
  })

  it('is not repeated by a late copy of itself after a later change', async () => {
    const late = await creationOf('g1')
    await connector.create(late)
    await logIn()
    const before = await connector.state(one.subject)
    expect(await connector.create(late)).toMatchObject({ effect: 'state-differs' })
    expect(await connector.state(one.subject)).toEqual(before)
  })
})

describe('a hostile name', () => {
  const odd = [
    'x"; DROP ROLE postgres; --',
    `it's`,
    '"',
    'back\\slash',
    'current_user',
    '$do$',
    'Ünï ☃',
  ]
  const name = fc.string({
    unit: fc.constantFrom('"', "'", '\\', ';', '$', 'a', '-', ' ', '☃'),
    minLength: 1,
    maxLength: 20,
  })
  test.prop([name], { numRuns: 15, examples: odd.map((text): [string] => [text]) })(
    'makes, changes and removes exactly the roles of that name',
    async (text) => {
      const group = `g ${text}`
      const taker = `t ${text}`
      const subject = { group, credentials: [text] }
      expect([group, text, taker].every(isRoleName)).toBe(true)
      const before = await target.sql(ROLES)
      await target.entitlement(taker)
      const now = async () => ({ subject, expected: await connector.state(subject) })
      const creation = { ...(await now()), grantId: 'g1', memberOf: [taker] }
      expect(await connector.create(creation)).toEqual({ effect: 'done' })
      const secret = newSecret()
      const setting = { ...(await now()), credential: text, grantId: 'g2', secret }
      expect(await connector.set(setting)).toEqual({ effect: 'done' })
      expect(await connector.login({ credential: text, secret })).toEqual({ login: 'accepted' })
      await expect.poll(() => connector.sessions(text)).toEqual([])
      const removal = { ...(await now()), grantId: 'g3', reassignTo: taker }
      expect(await connector.remove(removal)).toEqual({ effect: 'done' })
      await target.sql(`DROP ROLE "${taker.replaceAll('"', '""')}"`)
      expect(await target.sql(ROLES)).toEqual(before)
    },
    60_000,
  )
  const ROLES = `SELECT rolname, rolcanlogin, rolsuper, rolpassword, setconfig FROM pg_authid
    LEFT JOIN pg_db_role_setting ON setrole = pg_authid.oid ORDER BY rolname`
})

describe('on a bad network', () => {
  let proxy: TcpProxy
  let far: Connector
  beforeEach(async () => {
    proxy = await startTcpProxy({ host: '127.0.0.1', port: target.port })
    far = target.connector({ port: proxy.port, timeouts: { connectMs: 1_000, statementMs: 800 } })
  })
  afterEach(async () => {
    await far.close()
    await proxy.close()
  })

  it.each([
    ['blackhole', 'TIMEOUT'],
    ['reset', 'ECONNRESET'],
  ] as const)(
    'a creation whose answer to COMMIT is lost (%s) is unknown, and the tags decide it',
    async (answers, code) => {
      const creation = await creationOf('g1')
      proxy.mode({ kind: 'cutAfter', bytes: 'COMMIT\0', answers })
      expect(await far.create(creation)).toEqual({ effect: 'unknown', code })
      proxy.mode({ kind: 'pass' })
      await expect.poll(tags).toEqual(Array(3).fill({ grantId: 'g1', change: 'create' }))
      expect(await far.create(creation)).toEqual({ effect: 'already' })
    },
  )

  it('a creation cut off half way is a fault, and nothing was made', async () => {
    const creation = await creationOf('g1')
    proxy.mode({ kind: 'cutAfter', bytes: `CREATE ROLE "${one.b}"`, answers: 'reset' })
    await expect(far.create(creation)).rejects.toMatchObject({ origin: 'connection' })
    proxy.mode({ kind: 'pass' })
    await expect.poll(there).toEqual(['absent', 'absent', 'absent'])
    await expect.poll(() => far.create(creation)).toEqual({ effect: 'done' })
  })
})

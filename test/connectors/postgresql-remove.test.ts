import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Connector } from '../../src/connectors/connector.js'
import { stopChildren } from '../../src/embedded/children.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { ADMIN, type Identity, newSecret, openSession, startTarget, type Target } from './target.js'

let target: Target
let connector: Connector
let one: Identity
beforeAll(async () => {
  target = await startTarget()
  connector = target.connector()
  await target.identity()
  await target.sql('CREATE DATABASE elsewhere')
  for (const name of ['archive', 'reader', 'table_owner']) await target.entitlement(name)
  await target.sql(`GRANT CREATE ON DATABASE postgres TO ${ADMIN}`)
})
afterAll(async () => {
  await connector.close()
  await target.stop()
  await stopChildren()
})
beforeEach(async () => {
  one = target.unused()
  const expected = await connector.state(one.subject)
  const creation = { subject: one.subject, grantId: 'made', memberOf: ['reader'], expected }
  expect(await connector.create(creation)).toEqual({ effect: 'done' })
})

const removalOf = async (reassignTo: string | null = 'archive', of = one) => ({
  subject: of.subject,
  grantId: 'gone',
  reassignTo,
  expected: await connector.state(of.subject),
})
const left = async (of = one) =>
  (
    await target.sql(`SELECT rolname FROM pg_roles
      WHERE rolname IN ('${of.group}', '${of.a}', '${of.b}') ORDER BY rolname`)
  ).map(([name]) => name)
const all = () => [one.a, one.b, one.group]
/** Every membership of the admin role but those in the identities' own roles. */
const adminIs = () =>
  target.sql(`SELECT roleid::regrole::text, grantor::regrole::text, admin_option, inherit_option, set_option
    FROM pg_auth_members WHERE member = '${ADMIN}'::regrole AND roleid::regrole::text !~ '^t[0-9]' ORDER BY 1, 2`)
const ownerOf = async (relation: string) =>
  (
    await target.sql(
      `SELECT relowner::regrole::text FROM pg_class WHERE oid = '${relation}'::regclass`,
    )
  )[0]?.[0]

const nothingHappened = async (change: { expected: Record<string, string> }) => {
  expect(await left()).toEqual(all())
  expect(await connector.state(one.subject)).toEqual(change.expected)
}

describe('a removal', () => {
  it('drops the group and its credentials, and nothing is left of them', async () => {
    expect(await connector.remove(await removalOf(null))).toEqual({ effect: 'done' })
    expect(await left()).toEqual([])
    expect(new Set(Object.values(await connector.state(one.subject)))).toEqual(new Set(['absent']))
    expect(await connector.lastGrant(one.a)).toBeNull()
  })

  it('drops what a DBA set up, after a life of changes', async () => {
    one = await target.identity()
    const expected = await connector.state(one.subject)
    const change = { subject: one.subject, credential: one.a, grantId: 'set', expected }
    await connector.set({ ...change, secret: newSecret() })
    expect(await connector.remove(await removalOf(null))).toEqual({ effect: 'done' })
    expect(await left()).toEqual([])
  })

  it('hands over schemas, tables, sequences and functions, with their contents', async () => {
    const schema = `s_${one.group}`
    await target.sql(`CREATE SCHEMA ${schema} AUTHORIZATION ${one.group}`)
    await target.sql(
      `CREATE TABLE ${schema}.bills (id int GENERATED ALWAYS AS IDENTITY, total int)`,
    )
    await target.sql(`INSERT INTO ${schema}.bills (total) VALUES (42)`)
    await target.sql(`ALTER TABLE ${schema}.bills OWNER TO ${one.a}`)
    await target.sql(`CREATE FUNCTION ${schema}.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`)
    await target.sql(`ALTER FUNCTION ${schema}.f() OWNER TO ${one.b}`)
    expect(await connector.holdings(one.subject)).toEqual({
      owned: [
        `function ${schema}.f()`,
        `schema ${schema}`,
        `sequence ${schema}.bills_id_seq`,
        `table ${schema}.bills`,
      ],
      ...{ ownedCount: 4, ownedElsewhere: 0, privileges: 0, privilegesOutOfReach: 0 },
    })
    const before = await adminIs()
    expect(await connector.remove(await removalOf('archive'))).toEqual({ effect: 'done' })
    expect(await left()).toEqual([])
    expect(await ownerOf(`${schema}.bills`)).toBe('archive')
    expect(await ownerOf(`${schema}.bills_id_seq`)).toBe('archive')
    expect(await target.sql(`SELECT total, ${schema}.f() FROM ${schema}.bills`)).toEqual([[42, 1]])
    expect(await adminIs()).toEqual(before)
  })

  it('is rejected when they own something and nobody takes it over', async () => {
    await target.sql(`CREATE TABLE kept_${one.group} ()`)
    await target.sql(`ALTER TABLE kept_${one.group} OWNER TO ${one.b}`)
    const removal = await removalOf(null)
    expect(await connector.remove(removal)).toEqual({ effect: 'rejected', code: '2BP01' })
    await nothingHappened(removal)
    expect(await ownerOf(`kept_${one.group}`)).toBe(one.b)
  })

  it('takes away privileges, memberships that they granted, and default privileges', async () => {
    const table = `given_${one.group}`
    await target.sql(`CREATE TABLE ${table} (id int)`)
    await target.sql(`ALTER TABLE ${table} OWNER TO table_owner`)
    await target.sql('CREATE ROLE reader_of_all')
    for (const grant of [
      `GRANT SELECT ON ${table} TO ${one.group}`,
      `GRANT UPDATE (id) ON ${table} TO ${one.a}`,
      `GRANT ${one.group} TO ${one.a} WITH ADMIN TRUE`,
      `GRANT ${one.group} TO reader_of_all GRANTED BY ${one.a}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE ${one.group} GRANT SELECT ON TABLES TO ${one.a}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE ${one.a} GRANT SELECT ON TABLES TO ${one.group}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE table_owner GRANT SELECT ON TABLES TO ${one.b}`,
    ])
      await target.sql(grant)
    const holdings = { ownedCount: 0, privileges: 5, privilegesOutOfReach: 0 }
    expect(await connector.holdings(one.subject)).toMatchObject(holdings)
    const before = await adminIs()
    expect(await connector.remove(await removalOf(null))).toEqual({ effect: 'done' })
    expect(await left()).toEqual([])
    expect(
      await target.sql(`SELECT DISTINCT grantee::regrole::text
        FROM pg_class, aclexplode(relacl) WHERE relname = '${table}'`),
    ).toEqual([['table_owner']])
    expect(await adminIs()).toEqual(before)
  })

  it('is rejected, and said to be out of reach before, when a superuser gave a privilege', async () => {
    await target.sql(`CREATE TABLE of_dba_${one.group} ()`)
    await target.sql(`GRANT SELECT ON of_dba_${one.group} TO ${one.group}`)
    const holdings = { privileges: 1, privilegesOutOfReach: 1 }
    expect(await connector.holdings(one.subject)).toMatchObject(holdings)
    const removal = await removalOf('archive')
    expect(await connector.remove(removal)).toEqual({ effect: 'rejected', code: '2BP01' })
    await nothingHappened(removal)
    await target.sql(`REVOKE SELECT ON of_dba_${one.group} FROM ${one.group}`)
    expect(await connector.remove(removal)).toEqual({ effect: 'done' })
  })

  it.each([
    ['an object', () => `CREATE SCHEMA far_${one.group} AUTHORIZATION ${one.group}`, 1, 0],
    ['a privilege', () => `GRANT USAGE ON SCHEMA public TO ${one.a}`, 0, 1],
  ])('is rejected when they have %s in another database, and nothing happened', async (...row) => {
    const [, sql, ownedElsewhere, privileges] = row
    await target.sqlIn('elsewhere', sql())
    expect(await connector.holdings(one.subject)).toEqual({
      ...{ owned: [], ownedCount: 0, ownedElsewhere },
      ...{ privileges, privilegesOutOfReach: privileges },
    })
    await target.sql(`CREATE TABLE near_${one.group} ()`)
    await target.sql(`ALTER TABLE near_${one.group} OWNER TO ${one.a}`)
    const removal = await removalOf('archive')
    const before = await adminIs()
    expect(await connector.remove(removal)).toEqual({ effect: 'rejected', code: '2BP01' })
    await nothingHappened(removal)
    expect(await ownerOf(`near_${one.group}`)).toBe(one.a)
    expect(await adminIs()).toEqual(before)
  })

  it('names at most 50 objects and counts them all', async () => {
    const count = 60
    await target.sql(`CREATE SCHEMA many_${one.group} AUTHORIZATION ${one.group}`)
    await target.sql(`DO $$ BEGIN FOR i IN 1..${count} LOOP
      EXECUTE format('CREATE TABLE many_${one.group}.t%s ()', i);
      EXECUTE format('ALTER TABLE many_${one.group}.t%s OWNER TO ${one.group}', i);
    END LOOP; END $$`)
    const { holdings } = await connector.inspect(one.subject, ['archive'])
    expect(holdings.owned).toHaveLength(50)
    expect(holdings.ownedCount).toBe(count + 1)
    expect(await connector.remove(await removalOf('archive'))).toEqual({ effect: 'done' })
  })

  it.each([
    ['is not there', 'nobody_here', '42704'],
    ['the admin role has no ADMIN on', 'postgres', '42501'],
    ['is predefined', 'pg_database_owner', '42602'],
  ])('is rejected when the role that takes over %s', async (_, name, code) => {
    const removal = await removalOf(name)
    expect(await connector.remove(removal)).toEqual({ effect: 'rejected', code })
    await nothingHappened(removal)
  })

  it('keeps what the admin role had given itself of the role that takes over', async () => {
    await target.entitlement('own_archive')
    const admin = await openSession(target, { user: ADMIN, secret: target.adminSecret })
    await admin.query(`GRANT own_archive TO ${ADMIN} WITH INHERIT TRUE, SET TRUE`)
    await admin.end()
    const before = await adminIs()
    expect(await connector.remove(await removalOf('own_archive'))).toEqual({ effect: 'done' })
    expect(await adminIs()).toEqual(before)
  })

  it('leaves everything as it is when something was changed since it was signed', async () => {
    const removal = await removalOf(null)
    await target.sql(`GRANT pg_monitor TO ${one.group}`)
    const attributes = [`${one.group}.memberOf`]
    expect(await connector.remove(removal)).toEqual({ effect: 'state-differs', attributes })
    expect(await left()).toEqual(all())
  })

  it('is rejected while a session is open, which nobody could find by name afterwards', async () => {
    const secret = newSecret()
    const expected = await connector.state(one.subject)
    const change = { subject: one.subject, credential: one.a, grantId: 'set', expected, secret }
    await connector.set(change)
    const session: pg.Client = await openSession(target, { user: one.a, secret })
    try {
      const removal = await removalOf(null)
      expect(await connector.remove(removal)).toEqual({ effect: 'rejected', code: '55006' })
      await nothingHappened(removal)
    } finally {
      await session.end()
    }
    await expect.poll(() => connector.sessions(one.a)).toEqual([])
    expect(await connector.remove(await removalOf(null))).toEqual({ effect: 'done' })
  })

  it('is already done the second time, and drops the rest when somebody dropped a part', async () => {
    await target.sql(`DROP ROLE ${one.a}`)
    const removal = await removalOf(null)
    expect(await connector.remove(removal)).toEqual({ effect: 'done' })
    expect(await connector.remove(removal)).toEqual({ effect: 'already' })
  })

  it('sees that a role was dropped while it waited for another one', async () => {
    const removal = await removalOf(null)
    await target.sql('BEGIN')
    await target.sql(`ALTER ROLE ${one.a}`)
    const effect = connector.remove(removal)
    await expect
      .poll(() => target.sql('SELECT count(*)::int FROM pg_locks WHERE NOT granted'))
      .toEqual([[1]])
    await target.sqlIn('postgres', `DROP ROLE ${one.b}`)
    await target.sql('ROLLBACK')
    expect(await effect).toMatchObject({ effect: 'state-differs' })
    expect(await left()).toEqual([one.a, one.group])
  })

  it('has one effect when it comes twice at the same time', async () => {
    const removal = await removalOf()
    const effects = await Promise.all([connector.remove(removal), connector.remove(removal)])
    expect(effects.map(({ effect }) => effect).toSorted()).toEqual(['already', 'done'])
  })

  it('of two identities at the same time, to the same role, does both', async () => {
    const other = await target.identity()
    const before = await adminIs()
    const effects = await Promise.all([
      connector.remove(await removalOf('archive')),
      connector.remove(await removalOf('archive', other)),
    ])
    expect(effects).toEqual([{ effect: 'done' }, { effect: 'done' }])
    expect([...(await left()), ...(await left(other))]).toEqual([])
    expect(await adminIs()).toEqual(before)
  })

  it('and a change at the same time: one finds what was signed, the other one does not', async () => {
    const removal = await removalOf(null)
    const set = { ...removal, credential: one.a, grantId: 'set', secret: newSecret() }
    const [removed, changed] = await Promise.all([connector.remove(removal), connector.set(set)])
    const outcome = [removed.effect, changed.effect]
    expect([
      ['done', 'state-differs'],
      ['state-differs', 'done'],
    ]).toContainEqual(outcome)
    expect(await left()).toEqual(removed.effect === 'done' ? [] : all())
  })
})

describe('on a bad network', () => {
  const cutOff = async (bytes: string, expected: object) => {
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: target.port })
    const far = target.connector({ port: proxy.port })
    const removal = await removalOf()
    try {
      proxy.mode({ kind: 'cutAfter', bytes, answers: 'reset' })
      expect(await far.remove(removal).catch((error: unknown) => error)).toMatchObject(expected)
      expect(proxy.cuts()).toBe(1)
    } finally {
      await far.close()
      await proxy.close()
    }
    return removal
  }

  it('a removal whose answer to COMMIT is lost is unknown, and the same call again decides it', async () => {
    const removal = await cutOff('COMMIT\0', { effect: 'unknown', code: 'ECONNRESET' })
    await expect.poll(() => left()).toEqual([])
    expect(await connector.remove(removal)).toEqual({ effect: 'already' })
  })

  it('a removal cut off half way is a fault, nothing was removed, and nothing is still lent', async () => {
    const before = await adminIs()
    const removal = await cutOff('DROP OWNED', { code: 'ECONNRESET', origin: 'connection' })
    await nothingHappened(removal)
    expect(await adminIs()).toEqual(before)
    expect(await connector.remove(removal)).toEqual({ effect: 'done' })
  })
})

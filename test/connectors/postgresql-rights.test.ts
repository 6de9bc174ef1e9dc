import { fc, test } from '@fast-check/vitest'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Connector } from '../../src/connectors/connector.js'
import { createPostgresqlConnector } from '../../src/connectors/postgresql.js'
import { isRoleName } from '../../src/connectors/postgresql-sql.js'
import { scramVerifier } from '../../src/connectors/scram.js'
import { TargetFault } from '../../src/connectors/target-fault.js'
import { targetSetupSql } from '../../src/connectors/target-setup.js'
import { stopChildren } from '../../src/embedded/children.js'
import { ADMIN, newSecret, openSession, startTarget, type Target, timeouts } from './target.js'

let target: Target
let connector: Connector
beforeAll(async () => {
  target = await startTarget()
  connector = target.connector()
  await target.identity()
})
afterAll(async () => {
  await connector.close()
  await target.stop()
  await stopChildren()
})

const asAdmin = async <T>(work: (admin: pg.Client) => Promise<T>): Promise<T> => {
  const admin = await openSession(target, { user: ADMIN, secret: target.adminSecret })
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

describe('the admin role', () => {
  it.each([
    `ALTER ROLE ${ADMIN} SUPERUSER`,
    `ALTER ROLE ${ADMIN} BYPASSRLS`,
    `ALTER ROLE ${ADMIN} REPLICATION`,
    'CREATE ROLE evil SUPERUSER',
    `GRANT postgres TO ${ADMIN}`,
    `GRANT pg_write_all_data TO ${ADMIN}`,
    `GRANT pg_execute_server_program TO ${ADMIN}`,
    "ALTER ROLE postgres PASSWORD 'taken over'",
    'SET ROLE postgres',
    'UPDATE pg_authid SET rolsuper = true',
    'SELECT rolsuper FROM pg_authid',
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $$postgres$$',
  ])('cannot %s', (sql) =>
    asAdmin((admin) => expect(admin.query(sql)).rejects.toMatchObject({ code: '42501' })),
  )

  it('changes no role that it was not given', async () => {
    await target.sql('CREATE ROLE stranger LOGIN')
    const subject = { group: 'stranger', credentials: ['stranger'] }
    const expected = await connector.state(subject)
    const change = { subject, credentials: ['stranger'], grantId: 'g1', expected }
    expect(await connector.disable(change)).toEqual({ effect: 'rejected', code: '42501' })
    expect(await connector.state(subject)).toEqual(expected)
  })
})

describe('a credential', () => {
  it('cannot change the grant that it carries', async () => {
    const { subject, a } = await target.identity()
    const expected = await connector.state(subject)
    const secret = newSecret()
    await connector.set({ subject, credential: a, grantId: 'g1', expected, secret })
    const session = await openSession(target, { user: a, secret })
    try {
      for (const sql of [`SET countersign."grant" = 'g2:set'`, `RESET countersign."grant"`])
        await expect(session.query(`ALTER ROLE ${a} ${sql}`)).rejects.toMatchObject({
          code: '42501',
        })
      await session.query(`ALTER ROLE ${a} RESET ALL`)
    } finally {
      await session.end()
    }
    expect(await connector.lastGrant(a)).toEqual({ grantId: 'g1', change: 'set' })
  })
})

describe('an inspection', () => {
  it('finds nothing missing after the setup, which may be run again', async () => {
    const { subject, a, b } = await target.identity()
    await target.onboard(subject)
    const seen = await connector.inspect(subject, [])
    expect(seen.group).toBe('present')
    expect(seen.server).toMatch(/^PostgreSQL 1[678]/)
    expect(seen.missing).toEqual([])
    expect(seen.credentials).toEqual(
      [a, b].map((credential) => ({
        credential,
        login: 'disabled',
        memberOfGroup: 'yes',
        sessions: [],
      })),
    )
  })

  it('keeps the login and the secret of a credential that existed before', async () => {
    const { subject, a } = await target.identity()
    const secret = newSecret()
    await target.sql(`ALTER ROLE ${a} LOGIN PASSWORD '${secret}'`)
    await target.onboard(subject)
    expect(await connector.login({ credential: a, secret })).toEqual({ login: 'accepted' })
  })

  it('names every missing right with the SQL that gives it, and no more once it was run', async () => {
    const { subject, group, a, b } = await target.identity()
    await target.sql(`CREATE ROLE bare LOGIN PASSWORD '${target.adminSecret}'`)
    await target.sql(`DROP ROLE ${a}`)
    await target.sql('CREATE ROLE known_reader')
    const others = ['known_reader']
    const bare = createPostgresqlConnector({
      adminUrl: `postgres://bare:${target.adminSecret}@127.0.0.1:${target.port}/postgres`,
      loginRoute: { host: '127.0.0.1', port: target.port, database: 'postgres' },
      fingerprintKey: new Uint8Array(32),
      timeouts,
    })
    try {
      const { missing, credentials } = await bare.inspect(subject, others)
      expect(credentials[0]).toMatchObject({ credential: a, login: 'absent', memberOfGroup: 'no' })
      const admin = (name: string) =>
        `GRANT "${name}" TO "bare" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`
      expect(missing).toEqual([
        'ALTER ROLE "bare" CREATEROLE',
        'GRANT pg_signal_backend TO "bare" WITH INHERIT TRUE',
        'GRANT pg_read_all_stats TO "bare" WITH INHERIT TRUE',
        'GRANT SELECT (oid, rolname, rolpassword) ON pg_catalog.pg_authid TO "bare"',
        'GRANT SET ON PARAMETER countersign."grant" TO "bare"',
        admin(b),
        admin(group),
        admin('known_reader'),
      ])
      await expect(bare.state(subject)).rejects.toMatchObject({ code: '42501' })
      for (const statement of missing) await target.sql(statement)
      expect((await bare.inspect(subject, others)).missing).toEqual([])
      const expected = await bare.state(subject)
      const change = { subject, credential: b, grantId: 'g1', expected, secret: newSecret() }
      expect(await bare.set(change)).toEqual({ effect: 'done' })
    } finally {
      await bare.close()
    }
  })

  it('misses nothing for roles that are still to be made', async () => {
    const { subject } = target.unused()
    const seen = await connector.inspect(subject, [])
    expect(seen).toMatchObject({ group: 'absent', missing: [] })
    expect(seen.credentials.map(({ login }) => login)).toEqual(['absent', 'absent'])
  })

  it.each(['pg_read_all_data', '', 'public', 'line\nbreak', 'x'.repeat(64), 'no_reader_yet'])(
    'says of an asked role %j that there is none, and how to make it it does not say',
    async (name) => {
      const { subject } = target.unused()
      const { missing } = await connector.inspect(subject, [name])
      expect(missing).toEqual([`there is no ordinary role ${JSON.stringify(name)}`])
    },
  )

  it('never asks for the rights of a superuser on behalf of a request', async () => {
    const { subject } = target.unused()
    await target.sql('CREATE ROLE too_strong SUPERUSER')
    const { missing } = await connector.inspect(subject, ['too_strong'])
    expect(missing).toEqual(['"too_strong" is a superuser: never'])
  })

  it('asks for the right to make schemas when one is to change hands', async () => {
    const { subject, group } = await target.identity()
    await target.sql(`CREATE SCHEMA of_${group} AUTHORIZATION ${group}`)
    await target.entitlement('schema_taker')
    const needed = `GRANT CREATE ON DATABASE "postgres" TO "${ADMIN}"`
    expect((await connector.inspect(subject, [])).missing).toEqual([])
    expect((await connector.inspect(subject, ['schema_taker'])).missing).toEqual([needed])
    await target.sql(`GRANT CREATE ON DATABASE postgres TO ${group}`)
    expect((await connector.inspect(subject, ['schema_taker'])).missing).toEqual([])
  })
})

const hostile = [
  'x"; DROP ROLE postgres; --',
  `it's`,
  'a"b',
  '"',
  'back\\slash',
  'current_user',
  'session_user',
  '$do$',
  'Ünïcode ☃',
  'A',
]

describe('a hostile role name', () => {
  it.each([
    '',
    'public',
    'none',
    'pg_read_all_data',
    'zero\0byte',
    'line\nbreak',
    '\ud800',
    'x'.repeat(64),
    'é'.repeat(32),
  ])('that the server would read as another role is refused (%j)', async (name) => {
    const subject = { group: name, credentials: [name] }
    const change = { subject, credentials: [name], grantId: 'g1', expected: {} }
    expect(await connector.disable(change)).toEqual({ effect: 'rejected', code: '42602' })
    await expect(connector.state(subject)).rejects.toBeInstanceOf(TargetFault)
    const login = connector.login({ credential: name, secret: newSecret() })
    await expect(login).rejects.toMatchObject({ code: '42602' })
    const adminPassword = scramVerifier('any')
    expect(() => targetSetupSql({ admin: ADMIN, adminPassword, ...subject })).toThrow(TargetFault)
  })

  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 70 }),
    fc.string({ unit: fc.constantFrom('"', "'", '\\', ';', '$', '\0', 'a', '-', ' ', '\u202e') }),
    fc.constantFrom(...hostile),
  )
  test.prop([name], { numRuns: 60, examples: hostile.map((one): [string] => [one]) })(
    'reaches exactly the role of that name or is refused',
    async (credential) => {
      const others = await rolesBut(credential)
      const subject = { group: 'hostile_owner', credentials: [credential] }
      if (!isRoleName(credential)) {
        await expect(target.onboard(subject)).rejects.toBeInstanceOf(TargetFault)
        expect(await rolesBut(credential)).toEqual(others)
        return
      }
      await target.onboard({ group: 'hostile_owner', credentials: [] })
      const before = await rolesBut(credential)
      await target.onboard(subject)
      const secret = newSecret()
      const expected = await connector.state(subject)
      const change = { subject, credential, grantId: 'g1', expected }
      expect(await connector.set({ ...change, secret })).toEqual({ effect: 'done' })
      expect(await connector.login({ credential, secret })).toEqual({ login: 'accepted' })
      expect(await connector.lastGrant(credential)).toEqual({ grantId: 'g1', change: 'set' })
      expect(await rolesBut(credential)).toEqual(before)
      await target.sql(`DROP ROLE ${pg.escapeIdentifier(credential)}`)
    },
    60_000,
  )
})

// What the catalog says of every role but this one, with memberships left out and secrets included.
const rolesBut = async (name: string) => {
  const rows = await target.sql(
    `SELECT rolname, rolcanlogin, rolsuper, rolpassword, setconfig FROM pg_authid
     LEFT JOIN pg_db_role_setting ON setrole = pg_authid.oid
     WHERE rolname <> '${ADMIN}' ORDER BY rolname`,
  )
  return rows.filter(([rolname]) => rolname !== name)
}

/**
 * The demonstration's target system: another PostgreSQL cluster with service accounts in use. Each is
 * a group role that owns the privileges and two login roles, of which one is active. The statements
 * are what a DBA runs once; the connector gets an admin role that is no superuser.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { createRoleSql, rights } from '../connectors/postgresql-sql.js'
import { scramVerifier } from '../connectors/scram.js'
import { targetSetupSql } from '../connectors/target-setup.js'

export const ADMIN = 'countersign_admin'
export const DATABASE = 'payments'

/** The table of the application, and its owner, on whose behalf the connector may take privileges away again. */
const OWNER = 'payments_owner'
/** What an identity that is provisioned can be given. */
const ENTITLEMENT = 'payments_work'
const OWNED = [
  createRoleSql(OWNER),
  createRoleSql(ADMIN),
  rights.adminOption(ADMIN, OWNER),
  'create table if not exists work (id bigint generated always as identity, done text)',
  `alter table work owner to ${OWNER}`,
  createRoleSql(ENTITLEMENT),
  `grant select, insert on work to ${ENTITLEMENT}`,
  rights.adminOption(ADMIN, ENTITLEMENT),
]

export interface TargetAccount {
  readonly name: string
  readonly secret: string
  /** Whether `<name>_a` logs in with it today, or nothing does. */
  readonly logsIn: 'yes' | 'no'
}

export async function prepareTarget(input: {
  readonly superuserUrl: (database: string) => string
  readonly adminSecret: string
  readonly accounts: readonly TargetAccount[]
}): Promise<void> {
  await withClient(input.superuserUrl('postgres'), async (dba) => {
    const known = await dba.query('select 1 from pg_database where datname = $1', [DATABASE])
    if (known.rowCount === 0) await dba.query(`create database ${DATABASE}`)
  })
  await withClient(input.superuserUrl(DATABASE), async (dba) => {
    for (const statement of OWNED) await dba.query(statement)
    for (const account of input.accounts) await prepareAccount(dba, { ...input, account })
  })
}

async function prepareAccount(
  dba: pg.Client,
  input: { readonly adminSecret: string; readonly account: TargetAccount },
): Promise<void> {
  const { name, secret, logsIn } = input.account
  const group = `${name}_app`
  const credentials = [`${name}_a`, `${name}_b`]
  const adminPassword = scramVerifier(input.adminSecret)
  for (const statement of targetSetupSql({ admin: ADMIN, adminPassword, group, credentials }))
    await dba.query(statement)
  await dba.query(`grant select, insert on work to ${group}`)
  const login = logsIn === 'yes' ? 'login' : 'nologin'
  await dba.query(`alter role ${name}_a ${login} password '${scramVerifier(secret)}'`)
}

export const newSecret = (): string => randomBytes(24).toString('base64url')

export async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/**
 * target: a real PostgreSQL on which a test works, logging every statement.
 * identity: a fresh group with two credentials, set up by the same SQL that a DBA runs.
 * unused: the names of one that is not there. entitlement: a role that the admin role may grant and act as.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import type { Subject } from '../../src/connectors/connector.js'
import { createPostgresqlConnector } from '../../src/connectors/postgresql.js'
import { rights } from '../../src/connectors/postgresql-sql.js'
import { scramVerifier } from '../../src/connectors/scram.js'
import { targetSetupSql } from '../../src/connectors/target-setup.js'
import { aCluster } from '../support/clusters.js'

export const ADMIN = 'countersign_admin'
export const timeouts = { connectMs: 5_000, statementMs: 5_000 }
export const newSecret = (): string => randomBytes(24).toString('base64url')

export type Identity = { subject: Subject; group: string; a: string; b: string }
export type Target = Awaited<ReturnType<typeof startTarget>>

export async function startTarget(more: { hba?: readonly string[] } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-target-'))
  const logFile = path.join(folder, 'server.log')
  const cluster = await aCluster({
    dataDir: path.join(folder, 'data'),
    logFile,
    settings: { log_statement: 'all', log_min_error_statement: 'error', max_connections: 30 },
    hba: more.hba ?? [],
  })
  const adminSecret = newSecret()
  const dba = new pg.Client({ connectionString: cluster.superuserUrl })
  await dba.connect()
  const sql = async (text: string) => (await dba.query({ text, rowMode: 'array' })).rows
  const onboard = async (subject: Subject, admin = ADMIN) => {
    const adminPassword = scramVerifier(adminSecret)
    for (const statement of targetSetupSql({ admin, adminPassword, ...subject }))
      await sql(statement)
  }
  let identities = 0
  const unused = (): Identity => {
    identities += 1
    const [group, a, b] = ['owner', 'a', 'b'].map((name) => `t${identities}_${name}`)
    if (group === undefined || a === undefined || b === undefined) throw new Error('three names')
    return { subject: { group, credentials: [a, b] }, group, a, b }
  }
  const identity = async (): Promise<Identity> => {
    const one = unused()
    await onboard(one.subject)
    return one
  }
  const entitlement = async (name: string) => {
    await sql(`CREATE ROLE ${pg.escapeIdentifier(name)}`)
    await sql(rights.adminOption(ADMIN, name))
  }
  const sqlIn = async (database: string, text: string) => {
    const url = new URL(cluster.superuserUrl)
    url.pathname = `/${database}`
    const client = new pg.Client({ connectionString: url.href })
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }
  const connector = (
    over: { port?: number; timeouts?: typeof timeouts; onFault?: (code: string) => void } = {},
  ) =>
    createPostgresqlConnector({
      adminUrl: adminUrl(over.port ?? cluster.port, adminSecret),
      loginRoute: { host: '127.0.0.1', port: cluster.port, database: 'postgres' },
      fingerprintKey: new Uint8Array(32).fill(7),
      timeouts: over.timeouts ?? timeouts,
      ...(over.onFault === undefined ? {} : { onFault: over.onFault }),
    })
  const stop = async () => {
    await dba.end()
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  const log = () => readFileSync(logFile, 'utf8')
  return {
    ...{ port: cluster.port, sql, sqlIn, identity, unused, onboard, entitlement },
    ...{ connector, adminSecret, log, stop },
  }
}

const adminUrl = (port: number, secret: string) =>
  `postgres://${ADMIN}:${secret}@127.0.0.1:${port}/postgres`

/** An open session of one role, named as its application names itself. */
export async function openSession(
  target: Target,
  of: { user: string; secret: string; application?: string },
): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: target.port,
    database: 'postgres',
    user: of.user,
    password: of.secret,
    application_name: of.application ?? 'billing',
  })
  // Sessions that the connector ends tell it to their client as an error.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/**
 * Everything that a running system leaves behind where somebody could read it: Temporal's histories
 * (as stored, and decoded with the codec keys), its database file, every table of the evidence store,
 * the clusters' own files, and all logs. Left out are the files whose purpose is to hold a secret.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import type { Payload } from '@temporalio/common'
import proto from '@temporalio/proto'
import pg from 'pg'
import { dataConverter } from '../../src/codec/data-converter.js'
import { createPayloadCodec } from '../../src/codec/payload-codec.js'
import { NAMESPACE } from '../../src/contract/messages.js'
import type { System } from '../../src/demo/system.js'

export interface Artefact {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface Histories {
  readonly raw: readonly Artefact[]
  readonly decoded: readonly Artefact[]
}

const { History } = proto.temporal.api.history.v1

export async function historiesOf(system: System): Promise<Histories> {
  const connection = await Connection.connect({ address: system.temporal.address })
  const keys = [{ kid: 'codec-1', key: Buffer.from(system.secrets.codecKey, 'base64') }]
  const client = new Client({
    connection,
    namespace: NAMESPACE,
    dataConverter: dataConverter({ keys }),
  })
  const codec = createPayloadCodec({ keys })
  const raw: Artefact[] = []
  const decoded: Artefact[] = []
  try {
    for await (const { workflowId, runId } of client.workflow.list()) {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
      raw.push({ name: `history of ${workflowId}`, bytes: History.encode(history).finish() })
      const payloads = await codec.decode(payloadsIn(history))
      const texts = payloads.map(({ data }) => data ?? new Uint8Array())
      decoded.push({ name: `decoded history of ${workflowId}`, bytes: Buffer.concat(texts) })
    }
  } finally {
    await connection.close()
  }
  return { raw, decoded }
}

/** Whatever in a history has the form of a payload. */
function payloadsIn(value: unknown): Payload[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return []
  if ('metadata' in value && 'data' in value && value.data instanceof Uint8Array)
    return [value as Payload]
  return Object.values(value).flatMap(payloadsIn)
}

/** Every table of every database of the evidence store's cluster, as text, and its binary columns as they are. */
export async function tablesOf(system: System): Promise<Artefact[]> {
  const databases = await query(
    system.store.superuserUrl,
    'select datname as name from pg_database where datallowconn',
  )
  const dumps = await Promise.all(
    databases.map(({ name }) => {
      const url = new URL(system.store.superuserUrl)
      url.pathname = `/${String(name)}`
      return tablesIn({ url: url.href, database: String(name) })
    }),
  )
  return dumps.flat()
}

export async function tablesIn(input: { url: string; database: string }): Promise<Artefact[]> {
  const tables = await query(
    input.url,
    `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`,
  )
  const dumps: Artefact[] = []
  for (const { name } of tables) {
    const rows = await query(input.url, `select t.*, t::text as whole_row from ${String(name)} t`)
    const cells = rows.flatMap((row) => Object.values(row)).map(cellBytes)
    dumps.push({ name: `table ${input.database}.${String(name)}`, bytes: Buffer.concat(cells) })
  }
  return dumps
}

function cellBytes(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value
  return Buffer.from(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end()
  }
}

/** What the processes write beside their configuration: logs, Temporal's database, the clusters' pages, state. */
const WRITTEN = /^(?:logs\/|temporal\.db|store\/|target\/|state-)/

export async function filesOf(system: System): Promise<Artefact[]> {
  const entries = await readdir(system.dir, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => WRITTEN.test(relative(system.dir, path)))
  return Promise.all(
    paths.map(async (path) => ({ name: relative(system.dir, path), bytes: await readFile(path) })),
  )
}

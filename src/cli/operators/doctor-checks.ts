/**
 * The *checks* of doctor: Temporal and its namespace, the store, the authority, the issuers, the API's public
 * address, the codec server, who takes work, the rights of the admin credential on each target, the clocks, the witnesses,
 * the channels of notices and which build this is.
 * Each reads; none changes anything.
 */

import { readFile } from 'node:fs/promises'
import { Connection } from '@temporalio/client'
import pg from 'pg'
import { buildDigest } from '../../../worker/build-digest.js'
import { connectorConfig, type Env } from '../../config.js'
import { createPostgresqlConnector } from '../../connectors/postgresql.js'
import { ATTRIBUTES, CORE_QUEUE, connectorQueue, NAMESPACE } from '../../contract/messages.js'
import type { Authority } from '../../domain/authority/authority.js'
import { fromBase64 } from '../../domain/bytes/base64.js'
import { isRefusal } from '../../domain/refusal.js'
import { Trust } from '../../domain/shapes/authority.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { nodeVerify } from '../../keys/verify.js'
import { TOOL } from '../../packet/files.js'
import { authoritySource } from '../../store/authority/authority.js'
import { now, openDb } from '../../store/db.js'
import { checkClocks } from './doctor-clocks.js'
import { absent, bad, type Found, good, WITHIN_MS } from './doctor-found.js'
import { checkLog } from './doctor-log.js'
import { checkNotices } from './doctor-notices.js'
import { checkWitnesses } from './doctor-witnesses.js'

export interface Checked extends Found {
  readonly name: string
}

/** Numbers of temporal.api.enums.v1.TaskQueueType. */
const WORKFLOW = 1
const ACTIVITY = 2

export const checks: Readonly<Record<string, (env: Env) => Promise<Found>>> = {
  temporal: checkTemporal,
  store: checkStore,
  authority: checkAuthority,
  issuers: checkIssuers,
  api: checkApi,
  codec: checkCodec,
  workers: checkWorkers,
  targets: checkTargets,
  clocks: checkClocks,
  witnesses: checkWitnesses,
  build: async () => good(`${TOOL} ${buildDigest()}`),
  notices: checkNotices,
  log: checkLog,
}

async function checkTemporal(env: Env): Promise<Found> {
  const address = env.TEMPORAL_ADDRESS
  if (address === undefined) return absent('TEMPORAL_ADDRESS')
  const namespace = env.TEMPORAL_NAMESPACE ?? NAMESPACE
  const connection = await Connection.connect({ address, connectTimeout: WITHIN_MS })
  try {
    await connection.workflowService.describeNamespace({ namespace })
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace,
    })
    const missing = Object.values(ATTRIBUTES)
      .map((attribute) => attribute.name)
      .filter((name) => customAttributes?.[name] === undefined)
    return missing.length === 0
      ? good(`${address}, namespace ${namespace} with its search attributes`)
      : bad(`namespace ${namespace} lacks the search attributes ${missing.join(', ')}`)
  } finally {
    await connection.close()
  }
}

async function checkStore(env: Env): Promise<Found> {
  const url = env.DATABASE_URL
  if (url === undefined) return absent('DATABASE_URL')
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: WITHIN_MS })
  try {
    await client.connect()
    const { rows } = await client.query<{ role: string; version: string; known: string | null }>(
      `select current_user as role, current_setting('server_version') as version,
              to_regclass('entries')::text as known`,
    )
    const [row] = rows
    return row?.known === null || row === undefined
      ? bad('the store is not migrated')
      : good(`PostgreSQL ${row.version} as ${row.role}`)
  } finally {
    await client.end()
  }
}

/** Null when it is not configured. Throws what is wrong with it. */
async function authorityOf(env: Env): Promise<Authority | null> {
  const { DATABASE_URL: url, COUNTERSIGN_TRUST: path } = env
  if (url === undefined || path === undefined) return null
  const trust = parseAs(Trust)(JSON.parse(await readFile(path, 'utf8')))
  if (isRefusal(trust)) throw new TypeError(`the trust file is wrong at ${trust.where}`)
  const db = openDb(url, { name: 'doctor', max: 1 })
  try {
    const source = authoritySource({ trust, verify: nodeVerify })
    const authority = await source.current(db, { at: await now(db), lock: 'none' })
    if (isRefusal(authority)) throw new TypeError(`${authority.refused}: ${authority.detail}`)
    return authority
  } finally {
    await db.end()
  }
}

async function checkAuthority(env: Env): Promise<Found> {
  const authority = await authorityOf(env)
  return authority === null
    ? absent('COUNTERSIGN_TRUST or DATABASE_URL')
    : good(
        `version ${authority.version} of ${authority.enterprise} expires at ${authority.expiresAt}`,
      )
}

async function checkIssuers(env: Env): Promise<Found> {
  const issuers = (env.OIDC_ISSUERS ?? '').split(',').filter((item) => item !== '')
  if (issuers.length === 0) return absent('OIDC_ISSUERS')
  for (const issuer of issuers) {
    const metadata = await jsonFrom(`${issuer}/.well-known/openid-configuration`)
    if (metadata.issuer !== issuer) return bad(`${issuer} calls itself ${metadata.issuer}`)
    const { keys } = await jsonFrom(String(metadata.jwks_uri))
    if (!Array.isArray(keys) || keys.length === 0) return bad(`${issuer} publishes no keys`)
  }
  return good(issuers.join(', '))
}

async function checkApi(env: Env): Promise<Found> {
  const url = env.PUBLIC_URL
  if (url === undefined) return absent('PUBLIC_URL')
  const ready = await jsonFrom(new URL('/readyz', url).href)
  return ready.ready === true ? good(`${url} is ready`) : bad(`${url} is not ready`)
}

/** It decodes nothing for nothing: an empty list shows that it answers, and reads no payload. */
async function checkCodec(env: Env): Promise<Found> {
  const url = env.COUNTERSIGN_CODEC_URL
  if (url === undefined) return absent('COUNTERSIGN_CODEC_URL')
  const { status } = await fetch(new URL('/decode', url), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-namespace': env.TEMPORAL_NAMESPACE ?? NAMESPACE,
    },
    body: JSON.stringify({ payloads: [] }),
    signal: AbortSignal.timeout(WITHIN_MS),
  })
  // Where it asks for a token, that is an answer too.
  return status === 200 || status === 401 ? good(`${url} answers`) : bad(`${url} answers ${status}`)
}

/** Somebody has to take the workflows, and for each system its changes. */
async function checkWorkers(env: Env): Promise<Found> {
  const address = env.TEMPORAL_ADDRESS
  if (address === undefined) return absent('TEMPORAL_ADDRESS')
  const authority = await authorityOf(env)
  const systems = [...(authority?.systems.keys() ?? [])]
  const connection = await Connection.connect({ address, connectTimeout: WITHIN_MS })
  try {
    const deserted: string[] = []
    for (const [name, kind] of [
      [CORE_QUEUE, WORKFLOW] as const,
      ...systems.map((systemId) => [connectorQueue(systemId), ACTIVITY] as const),
    ]) {
      const { pollers } = await connection.workflowService.describeTaskQueue({
        namespace: env.TEMPORAL_NAMESPACE ?? NAMESPACE,
        taskQueue: { name },
        taskQueueType: kind,
      })
      if ((pollers ?? []).length === 0) deserted.push(name)
    }
    return deserted.length === 0
      ? good(`somebody polls ${[CORE_QUEUE, ...systems.map(connectorQueue)].join(', ')}`)
      : bad(`nobody polls ${deserted.join(', ')}: start the worker or the connector`)
  } finally {
    await connection.close()
  }
}

async function jsonFrom(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS), redirect: 'error' })
  const value: unknown = await response.json()
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

/** What the admin credential may not do that a plan needs, before anybody signs. */
async function checkTargets(env: Env): Promise<Found> {
  if (env.COUNTERSIGN_TARGETS === undefined) return absent('COUNTERSIGN_TARGETS')
  const { targets } = connectorConfig(env)
  const authority = await authorityOf(env)
  const lacking: string[] = []
  for (const [systemId, target] of Object.entries(targets.systems)) {
    const connector = createPostgresqlConnector({
      adminUrl: target.adminUrl,
      loginRoute: target.route,
      fingerprintKey: fromBase64(target.fingerprintKey) ?? new Uint8Array(),
      timeouts: { connectMs: WITHIN_MS, statementMs: WITHIN_MS },
    })
    const identities = [...(authority?.identities.values() ?? [])]
    try {
      for (const identity of identities.filter((item) => item.systemId === systemId))
        lacking.push(...(await connector.inspect(identity, [])).missing)
    } finally {
      await connector.close()
    }
  }
  const [first] = lacking
  const systems = Object.keys(targets.systems).join(', ')
  return first === undefined
    ? good(authority === null ? `${systems}; rights not checked without an authority` : systems)
    : bad(`${lacking.length} right(s) missing, first: ${first}`)
}

/**
 * The connector: the only process that holds a target's admin credential, the connector's own key and
 * the keys under which secrets rest, and the only one whose database role may write grants. It polls
 * one Temporal queue for each of its systems, and takes containments from the evidence store itself; the
 * right to act comes from the gate alone.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { type ConnectorConfig, connectorConfig, type Env } from '../src/config.js'
import { createPostgresqlConnector } from '../src/connectors/postgresql.js'
import { fromBase64 } from '../src/domain/bytes/base64.js'
import { attestWith } from '../src/domain/case/attestation.js'
import { isRefusal } from '../src/domain/refusal.js'
import type { ExecutionDeps } from '../src/execution/deps.js'
import { loadKey } from '../src/keys/keystore.js'
import { nodeVerify } from '../src/keys/verify.js'
import { authoritySource } from '../src/store/authority/authority.js'
import { packSource } from '../src/store/authority/packs.js'
import { type Db, listen, now, openDb } from '../src/store/db.js'
import { openMemory } from '../src/store/log/memory.js'
import { type Log, logOf } from '../src/store/log/proof.js'
import { pollQueues } from './connector-queues.js'
import { startContaining } from './containing.js'
import { measured } from './measured.js'
import { present } from './presence.js'
import { type Service, serve } from './service.js'

export const run = (env: Env): Promise<void> =>
  serve({
    name: 'connector',
    start: (log) => {
      const config = connectorConfig(env)
      const of = { process: 'connector', config, log } as const
      return present(of, () => measured(of, () => startConnector(config, log)))
    },
  })

/**
 * A step in progress holds its case's lock on one connection, a change its fences on a second and reads on a
 * third; sixteen steps and four containments may be in progress.
 */
const CONNECTIONS = 64

/** Rejects when the evidence store cannot be reached. Temporal may come later: containments do not wait for it. */
export async function startConnector(config: ConnectorConfig, log: Logger): Promise<Service> {
  const db = openDb(config.databaseUrl, { name: 'connector', max: CONNECTIONS })
  const published = new EventTarget()
  const deps = await wire({ config, db, published })
  const systems = Object.keys(config.targets.systems)
  const containing = startContaining({ deps, systems, log })
  const listening = await listen({
    url: config.databaseUrl,
    channels: ['checkpoint', 'containment'],
    heard: (channel) =>
      channel === 'containment'
        ? containing.wake()
        : void published.dispatchEvent(new Event('checkpoint')),
  })
  const queues = pollQueues({ temporal: config.temporal, deps, systems, log })
  const ended = queues.ended.finally(async () => {
    await listening.close()
    await containing.stop()
    await Promise.all(systems.map((systemId) => deps.connectorOf(systemId)?.close()))
    await db.end()
  })
  return {
    ready: { process: 'connector', systems },
    ended,
    stop: async () => {
      await queues.stop()
      await ended
    },
  }
}

async function wire(input: {
  readonly config: ConnectorConfig
  readonly db: Db
  readonly published: EventTarget
}): Promise<Omit<ExecutionDeps, 'heartbeat'>> {
  const { config, db, published } = input
  const { path, ...options } = config.connectorKey
  const key = await loadKey(path, options)
  await mkdir(config.stateDir, { recursive: true, mode: 0o700 })
  const memory = await openMemory(join(config.stateDir, 'seen.json'))
  const authority = authoritySource({ trust: config.trust, verify: nodeVerify, memory })
  const attestor = { keyId: key.keyId, sign: key.signer.sign }
  const targets = new Map(
    Object.entries(config.targets.systems).map(([systemId, target]) => [
      systemId,
      createPostgresqlConnector({
        adminUrl: target.adminUrl,
        loginRoute: target.route,
        fingerprintKey: fromBase64(target.fingerprintKey) ?? new Uint8Array(),
        timeouts: { connectMs: 5000, statementMs: 15_000 },
      }),
    ]),
  )
  return {
    db,
    authority,
    packs: packSource(),
    verify: nodeVerify,
    newId: () => ulid(),
    memory,
    attestor,
    attestFor: (caseId) => attestWith(caseId, attestor),
    connectorOf: (systemId) => targets.get(systemId),
    secretKeys: config.secretKeys,
    signing: { keyId: key.keyId, signer: key.signer },
    log: await trustedLog({ db, authority }),
    published,
    proofWithinMs: config.proofWithinMs,
  }
}

/** The log's origin and key come from the root statement, never from the log itself. */
async function trustedLog(input: {
  readonly db: Db
  readonly authority: ReturnType<typeof authoritySource>
}): Promise<Log> {
  const authority = await input.authority.current(input.db, {
    at: await now(input.db),
    lock: 'none',
  })
  if (isRefusal(authority))
    throw new TypeError(`${authority.refused} at ${authority.where}: ${authority.detail}`)
  return logOf(authority.root, nodeVerify)
}

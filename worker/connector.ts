/**
 * The connector: the only process that holds a target's admin credential, the connector's own key and
 * the keys under which secrets rest, and the only one whose database role may write grants. It polls
 * one Temporal queue for each of its systems, and takes containments from the evidence store itself; the
 * right to act comes from the gate alone.
 */
import { hostname } from 'node:os'
import { NativeConnection, Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { createConnectorActivities } from '../activities/connector.js'
import { dataConverter } from '../src/codec/data-converter.js'
import { type ConnectorConfig, connectorConfig, type Env } from '../src/config.js'
import { createPostgresqlConnector } from '../src/connectors/postgresql.js'
import { connectorQueue } from '../src/contract/messages.js'
import { attestWith } from '../src/domain/attestation.js'
import { fromBase64 } from '../src/domain/base64.js'
import { isRefusal } from '../src/domain/refusal.js'
import type { ExecutionDeps } from '../src/execution/deps.js'
import { containmentsDue, drive } from '../src/execution/drive.js'
import { loadKey } from '../src/keys/keystore.js'
import { nodeVerify } from '../src/keys/verify.js'
import { ed25519Verifier } from '../src/ledger/note-key.js'
import { authoritySource } from '../src/store/authority.js'
import { type Db, listen, now, openDb } from '../src/store/db.js'
import { packSource } from '../src/store/packs.js'
import type { Log } from '../src/store/proof.js'
import { faultOf, startLoop } from './loop.js'
import { type Service, serve } from './service.js'

export const run = (env: Env): Promise<void> =>
  serve({ name: 'connector', start: (log) => startConnector(connectorConfig(env), log) })

/** Rejects when Temporal or the evidence store cannot be reached. */
export async function startConnector(config: ConnectorConfig, log: Logger): Promise<Service> {
  const db = openDb(config.databaseUrl, { name: 'connector', max: 20 })
  const published = new EventTarget()
  const deps = await wire({ config, db, published })
  const containing = startLoop({
    ...{ name: 'containment', log, periodMs: CONTAIN_EVERY_MS },
    work: containAll({ deps, systems: Object.keys(config.targets.systems), log }),
  })
  const listening = await listen({
    url: config.databaseUrl,
    channels: ['checkpoint', 'containment'],
    heard: (channel) =>
      channel === 'containment'
        ? containing.wake()
        : void published.dispatchEvent(new Event('checkpoint')),
  })
  const connection = await NativeConnection.connect({ address: config.temporal.address })
  const systems = Object.keys(config.targets.systems)
  const workers = await Promise.all(
    systems.map((systemId) => createWorker({ config, connection, deps, systemId })),
  )
  const ended = Promise.all(workers.map((worker) => worker.run())).then(async () => {
    await listening.close()
    await containing.stop()
    await connection.close()
    await Promise.all(systems.map((systemId) => deps.connectorOf(systemId)?.close()))
    await db.end()
  })
  return {
    ready: { process: 'connector', systems },
    ended,
    stop: async () => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown()
      await ended
    },
  }
}

/** What a notification that was lost is made up for within. */
const CONTAIN_EVERY_MS = 2000
const AT_ONCE = 4

/** The work that comes from the evidence store: containments, with Temporal up or down. One that fails does not hold the others. */
const containAll =
  (input: {
    readonly deps: Omit<ExecutionDeps, 'heartbeat'>
    readonly systems: readonly string[]
    readonly log: Logger
  }) =>
  async (): Promise<void> => {
    const { deps, systems, log } = input
    const waiting = [...(await containmentsDue(deps.db, systems))]
    const one = async (caseId: string): Promise<void> => {
      try {
        await drive({ ...deps, heartbeat: () => undefined }, caseId)
      } catch (error) {
        log.warn({ fault: faultOf(error), caseId }, 'not contained yet; tried again')
      }
    }
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await one(next)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
  }

const createWorker = (input: {
  readonly config: ConnectorConfig
  readonly connection: NativeConnection
  readonly deps: Omit<ExecutionDeps, 'heartbeat'>
  readonly systemId: string
}): Promise<Worker> =>
  Worker.create({
    connection: input.connection,
    namespace: input.config.temporal.namespace,
    taskQueue: connectorQueue(input.systemId),
    identity: `cs-connector@${hostname()}`,
    activities: createConnectorActivities(input.deps),
    dataConverter: dataConverter({ keys: input.config.temporal.codecKeys }),
    maxConcurrentActivityTaskExecutions: 16,
    shutdownGraceTime: '10s',
  })

async function wire(input: {
  readonly config: ConnectorConfig
  readonly db: Db
  readonly published: EventTarget
}): Promise<Omit<ExecutionDeps, 'heartbeat'>> {
  const { config, db, published } = input
  const { path, ...options } = config.connectorKey
  const key = await loadKey(path, options)
  const authority = authoritySource({ trust: config.trust, verify: nodeVerify })
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
    attestFor: (caseId) => attestWith(caseId, { keyId: key.keyId, sign: key.signer.sign }),
    connectorOf: (systemId) => targets.get(systemId),
    secretKeys: config.secretKeys,
    signing: { keyId: key.keyId, signer: key.signer },
    log: await logOf({ db, authority }),
    published,
    proofWithinMs: config.proofWithinMs,
  }
}

/** The log's origin and key come from the root statement, never from the log itself. */
async function logOf(input: {
  readonly db: Db
  readonly authority: ReturnType<typeof authoritySource>
}): Promise<Log> {
  const authority = await input.authority.current(input.db, {
    at: await now(input.db),
    lock: 'none',
  })
  if (isRefusal(authority))
    throw new TypeError(`${authority.refused} at ${authority.where}: ${authority.detail}`)
  const { origin, key } = authority.root.log
  const publicKey = fromBase64(key.publicKey) ?? new Uint8Array()
  return { origin, verifier: ed25519Verifier({ name: origin, publicKey, verify: nodeVerify }) }
}

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
import { attestWith } from '../src/domain/case/attestation.js'
import { isRefusal, type Refusal } from '../src/domain/refusal.js'
import type { ExecutionDeps } from '../src/execution/deps.js'
import { loadKey } from '../src/keys/keystore.js'
import { nodeVerify } from '../src/keys/verify.js'
import { authoritySource } from '../src/store/authority/authority.js'
import { packSource } from '../src/store/authority/packs.js'
import { type Db, listen, now, openDb } from '../src/store/db.js'
import { type Memory, openMemory } from '../src/store/log/memory.js'
import type { Log } from '../src/store/log/proof.js'
import { logInUse, logStream, type OpenedLog, openedLogs } from '../src/store/log/successors.js'
import { readSides } from '../src/store/streams/side-streams.js'
import { pollQueues } from './connector-queues.js'
import { startContaining } from './containing.js'
import { measured } from './measured.js'
import { present } from './presence.js'
import { type Service, serve } from './service.js'
import { connectTargets } from './targets.js'

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
  const opened = await followLogs({ db, memory, trust: config.trust })
  const authority = authoritySource({ trust: config.trust, verify: nodeVerify, memory })
  const attestor = { keyId: key.keyId, sign: key.signer.sign }
  const targets = connectTargets(config.targets)
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
    successors: opened,
    log: await trustedLog({ db, authority }),
    published,
    proofWithinMs: config.proofWithinMs,
  }
}

/** Throws TypeError for a stream of successor logs that is shorter than, or differs from, what was seen of it. */
async function followLogs(input: {
  readonly db: Db
  readonly memory: Memory
  readonly trust: ConnectorConfig['trust']
}): Promise<readonly OpenedLog[]> {
  const { db, memory, trust } = input
  const opened = good(await openedLogs(db, { trust, verify: nodeVerify }))
  for (const one of opened) await memory.follow(one)
  good(await readSides(db, { streams: [logStream(trust.enterprise)], memory }))
  return opened
}

const good = <T>(value: T | Refusal): T => {
  if (isRefusal(value)) throw new TypeError(`${value.refused} at ${value.where}: ${value.detail}`)
  return value
}

/** The log's origin and key come from the root statement and its successors, never from the log itself. */
async function trustedLog(input: {
  readonly db: Db
  readonly authority: ReturnType<typeof authoritySource>
}): Promise<Log> {
  const { db, authority: source } = input
  const { root } = good(await source.current(db, { at: await now(db), lock: 'none' }))
  return good(await logInUse(db, { root, trust: source.trust, verify: nodeVerify }))
}

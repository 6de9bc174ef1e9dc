/**
 * failing: a connection to the evidence store that ends just before or just after the store has heard a statement, once.
 * The store is real and so is the connection: a TCP hop ends it, and PostgreSQL rolls back or has committed.
 */
import { join } from 'node:path'
import type { ExecutionDeps } from '../../src/execution/deps.js'
import { signNoteBytes } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { authoritySource } from '../../src/store/authority/authority.js'
import { packSource } from '../../src/store/authority/packs.js'
import type { OpenCaseDeps } from '../../src/store/case/open-case.js'
import { type Db, openDb } from '../../src/store/db.js'
import { openMemory } from '../../src/store/log/memory.js'
import { createSequencer } from '../../src/store/log/sequencer.js'
import { startTcpProxy } from './tcp-proxy.js'
import type { World } from './world.js'

/** The end of a transaction, as the driver sends it. */
export const COMMIT = 'commit\0'

export interface Failing {
  /** What the client is sending when the connection ends, and how many of these pass before. */
  readonly at: string
  readonly skip?: number
  readonly persisted: 'persisted' | 'not persisted'
}

export interface FailingDb {
  readonly db: Db
  /** Afterwards the connection has ended, once, and the store has done with it; the next one holds. */
  readonly failed: () => Promise<void>
  readonly stop: () => Promise<void>
}

export async function failingDb(url: string, failing: Failing): Promise<FailingDb> {
  const to = new URL(url)
  const proxy = await startTcpProxy({ host: to.hostname, port: Number(to.port) })
  to.port = String(proxy.port)
  const { at: bytes, skip = 0, persisted } = failing
  if (persisted === 'persisted') proxy.mode({ kind: 'cutAfter', bytes, answers: 'reset', skip })
  else proxy.mode({ kind: 'cutBefore', bytes, skip })
  const db = openDb(to.href, { name: 'failing', max: 4 })
  return {
    db,
    failed: async () => {
      if (proxy.cuts() !== 1) throw new Error(`the connection was cut ${proxy.cuts()} times`)
      proxy.mode({ kind: 'pass' })
      await proxy.settled()
    },
    stop: async () => {
      await db.end()
      await proxy.close()
    },
  }
}

/** A process that writes, over one way to the store, and what it knows by itself. */
export interface Process {
  readonly db: Db
  readonly deps: OpenCaseDeps
  readonly connector: ExecutionDeps
  /** Integrates and signs; the size of the tree. */
  readonly sign: () => Promise<number>
}

/** Started anew: all that it remembers is what stands in the store and on the disk. */
export async function aProcess(of: {
  readonly world: World
  readonly db: Db
  /** Of the signer and the connector. */
  readonly dir: string
}): Promise<Process> {
  const { world, db, dir } = of
  const { keys, trust, authority } = world.authority
  const memory = await openMemory(world.memoryFile)
  const own = { db, authority: authoritySource({ trust, verify: nodeVerify }), packs: packSource() }
  const sequencer = createSequencer({
    db,
    signer: {
      origin: authority.root.log.origin,
      publicKey: keys.log.signer.publicKey,
      sign: (message) => signNoteBytes(keys.log.signer, message),
    },
    highWaterFile: join(dir, 'high-water.json'),
  })
  return {
    db,
    deps: { ...world.api, ...own },
    connector: {
      ...{ ...world.connector, ...own, memory },
      authority: authoritySource({ trust, verify: nodeVerify, memory }),
    },
    sign: () => sequencer.run(),
  }
}

/** aStore: a real evidence store, with its roles and nothing in it. No authority, no sequencer, no target. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { append, lockEnd } from '../../src/store/case/apply.js'
import { type Db, openDb, transaction } from '../../src/store/db.js'
import type { Role } from '../../src/store/migrate.js'
import { aCluster, PASSWORDS } from './clusters.js'

export interface TestStore {
  readonly db: (role: Role | 'owner') => Db
  /** The superuser's own connection. */
  readonly dba: pg.Client
  /** A folder that ends with the store. */
  readonly dir: string
  /** Appends entries to a stream, as the API's role does, in one transaction. */
  readonly write: (stream: string, bodies: readonly { readonly type: string }[]) => Promise<void>
  readonly stop: () => Promise<void>
}

export async function aStore(): Promise<TestStore> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-store-'))
  const cluster = await aCluster(
    { dataDir: join(dir, 'store'), logFile: join(dir, 'store.log') },
    'store',
  )
  const dba = new pg.Client({ connectionString: cluster.superuserUrl })
  await dba.connect()
  const pools = new Map<Role | 'owner', Db>()
  const db = (role: Role | 'owner'): Db => {
    const url =
      role === 'owner' ? cluster.superuserUrl : cluster.url(role, PASSWORDS[role], 'postgres')
    const known = pools.get(role) ?? openDb(url, { name: `test-${role}` })
    pools.set(role, known)
    return known
  }
  return {
    db,
    dba,
    dir,
    write: (stream, bodies) =>
      transaction(db('cs_api'), async (tx) => {
        await append(tx, { locked: await lockEnd(tx, stream), bodies })
      }),
    stop: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.end()))
      await dba.end()
      await cluster.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

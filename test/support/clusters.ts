/**
 * aCluster: a real PostgreSQL server of a test's own, without fsync. Making a data folder takes longer than
 * most tests do, so it is made once a run, and the evidence store's is migrated once; every server gets a copy.
 */
import { cp, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { inject } from 'vitest'
import { type Postgres, type PostgresOptions, startPostgres } from '../../src/embedded/postgres.js'
import { migrate, type Role } from '../../src/store/migrate.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder that ends with the run. */
    readonly runFolder: string
  }
}

export const SUPERUSER = 'superuser'
export const PASSWORDS: Readonly<Record<Role, string>> = {
  cs_api: 'a',
  cs_worker: 'w',
  cs_keeper: 'k',
  cs_connector: 'c',
}

/** What is in it from the start: nothing, or the evidence store's tables and roles. */
type Made = 'blank' | 'store'
type Options = Omit<PostgresOptions, 'superuserPassword'>

export async function aCluster(options: Options, made: Made = 'blank'): Promise<Postgres> {
  await cp(await template(made), options.dataDir, { recursive: true, preserveTimestamps: true })
  return start(options)
}

const start = (options: Options): Promise<Postgres> =>
  startPostgres({
    ...options,
    superuserPassword: SUPERUSER,
    settings: { fsync: 'off', ...options.settings },
  })

/** Whoever is first makes it; of two who are first one is too late, and takes the other's. */
async function template(made: Made): Promise<string> {
  const folder = join(inject('runFolder'), made)
  if (await exists(folder)) return folder
  const dir = await mkdtemp(join(inject('runFolder'), 'making-'))
  const cluster = await start({ dataDir: join(dir, 'data'), logFile: join(dir, 'log') })
  if (made === 'store') await migrate({ ownerUrl: cluster.superuserUrl, passwords: PASSWORDS })
  await cluster.stop()
  await rename(join(dir, 'data'), folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOTEMPTY' && cause.code !== 'EEXIST') throw cause
  })
  await rm(dir, { recursive: true, force: true })
  return folder
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

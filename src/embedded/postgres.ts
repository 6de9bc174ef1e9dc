/**
 * cluster: one real PostgreSQL server with its own data folder, on 127.0.0.1 only.
 * start: makes the data folder when there is none, or recovers the one a crash left behind.
 *
 * Promises: every connection authenticates with SCRAM (RFC 7677); pages carry checksums; fsync is
 * on; any number of clusters run side by side; none outlives the process that started it.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as timer } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Child, ChildFault, startChild } from './children.js'
import { freePort, portTaken } from './ports.js'
import {
  giveTo,
  type Launch,
  postgresBinaries,
  postgresLaunch,
  programFor,
} from './postgres-binaries.js'
import { recoverPidFile } from './postgres-pid.js'

export type PostgresOptions = {
  /** Absolute path; made on first use. */
  dataDir: string
  /** A free one when absent; then another one on the next start. */
  port?: number
  logFile: string
  /** Takes effect when the data folder is made and is not changed by a later start. */
  superuserPassword: string
  /** Server settings by their names in postgresql.conf; they win over this module's own. */
  settings?: Readonly<Record<string, string | number>>
  /** Lines of pg_hba.conf that come before the one which lets passwords in on 127.0.0.1. */
  hba?: readonly string[]
}

export type Postgres = {
  port: number
  /** A connection string with its parts percent-encoded. */
  url(user: string, password: string, database: string): string
  /** For user `postgres`, database `postgres`. */
  superuserUrl: string
  pid: number
  /** Fast shutdown (SIGINT): sessions end, data is written. Then SIGQUIT, then SIGKILL. */
  stop(): Promise<void>
  /** SIGKILL, as a crash would; the next start recovers. */
  kill(): Promise<void>
}

/** PostgreSQL did what it should not: the message is its own last words. */
export class PostgresFault extends Error {
  override readonly name = 'PostgresFault'
}

const run = promisify(execFile)

/**
 * Starts a cluster and resolves when it accepts connections.
 * Throws PostgresUnavailable when it cannot run here, ClusterInUse when a server already runs on
 * the data folder, PostgresFault when it does not start.
 */
export const startPostgres = async (options: PostgresOptions): Promise<Postgres> => {
  const dataDir = path.resolve(options.dataDir)
  const binaries = postgresBinaries()
  const launch = postgresLaunch()
  await refuseTakenPort(options.port)
  if (!existsSync(path.join(dataDir, 'PG_VERSION')))
    await makeDataDir({ dataDir, binaries, launch, password: options.superuserPassword })
  writeHba({ dataDir, lines: options.hba ?? [] })
  recoverPidFile({ dataDir, heir: process.pid })
  giveTo(launch, dataDir)
  const { child, port } = await startServer({ options, dataDir, binaries, launch })
  return clusterOf({ child, port, password: options.superuserPassword })
}

const clusterOf = (input: { child: Child; port: number; password: string }): Postgres => {
  const { child, port } = input
  const url = (user: string, password: string, database: string): string => {
    const [u, p, d] = [user, password, database].map(encodeURIComponent)
    return `postgres://${u}:${p}@127.0.0.1:${port}/${d}`
  }
  return {
    port,
    url,
    superuserUrl: url('postgres', input.password, 'postgres'),
    pid: child.pid,
    stop: async () => {
      await child.stop()
    },
    kill: async () => {
      await child.kill()
    },
  }
}

type Making = { dataDir: string; binaries: string; launch: Launch; password: string }

// The folder gets its name only when it is complete, so an interrupted start leaves nothing that
// looks like a cluster. The password travels in a file that only its owner reads.
const makeDataDir = async ({ dataDir, binaries, launch, password }: Making): Promise<void> => {
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0)
    throw new PostgresFault(`${dataDir} holds something that is not a PostgreSQL cluster`)
  const draft = `${dataDir}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(path.join(draft, 'data'), { recursive: true, mode: 0o700 })
  const pwfile = path.join(draft, 'password')
  writeFileSync(pwfile, `${password}\n`, { mode: 0o600 })
  giveTo(launch, draft)
  const program = programFor(launch, {
    command: path.join(binaries, 'initdb'),
    args: [
      `--pgdata=${path.join(draft, 'data')}`,
      '--username=postgres',
      `--pwfile=${pwfile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--data-checksums',
    ],
  })
  try {
    await run(program.command, program.args, { ...program.user, cwd: '/', env: serverEnv() })
  } catch (cause) {
    rmSync(draft, { recursive: true, force: true })
    throw new PostgresFault(`initdb failed for ${dataDir}`, { cause })
  }
  renameSync(path.join(draft, 'data'), dataDir)
  rmSync(draft, { recursive: true, force: true })
}

const writeHba = (input: { dataDir: string; lines: readonly string[] }): void => {
  const lines = [...input.lines, 'host all all 127.0.0.1/32 scram-sha-256', '']
  writeFileSync(path.join(input.dataDir, 'pg_hba.conf'), lines.join('\n'), { mode: 0o600 })
}

type Starting = { options: PostgresOptions; dataDir: string; binaries: string; launch: Launch }

const ATTEMPTS = 100
const STILL_IN_USE = /pre-existing shared memory block/
const PORT_IN_USE = /Address already in use/

// Two refusals pass by themselves: the sessions of a server killed a moment ago are still ending,
// and a port nobody insisted on went to another program.
const startServer = async (input: Starting): Promise<{ child: Child; port: number }> => {
  for (let attempt = 1; ; attempt += 1) {
    const port = input.options.port ?? (await freePort())
    const child = await startChild(serverSpec({ ...input, port }))
    try {
      await child.ready()
      return { child, port }
    } catch (cause) {
      await child.kill()
      const words = cause instanceof ChildFault ? cause.lastLines.join('\n') : ''
      const passing =
        STILL_IN_USE.test(words) || (PORT_IN_USE.test(words) && input.options.port === undefined)
      if (!passing || attempt === ATTEMPTS)
        throw new PostgresFault(`PostgreSQL did not start: ${lastFatal(words)}`, { cause })
      await timer(50)
    }
  }
}

const lastFatal = (words: string): string =>
  words.split('\n').findLast((line) => /FATAL|could not bind/.test(line)) ?? 'see its log'

const refuseTakenPort = async (wanted: number | undefined): Promise<void> => {
  if (wanted !== undefined && (await portTaken(wanted)))
    throw new PostgresFault(`PostgreSQL did not start: port ${wanted} of 127.0.0.1 is taken`)
}

const serverSpec = (input: Starting & { port: number }) => {
  const settings = { ...defaults, port: input.port, ...input.options.settings }
  const program = programFor(input.launch, {
    command: path.join(input.binaries, 'postgres'),
    args: [
      '-D',
      input.dataDir,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
  })
  return {
    ...program,
    name: 'postgres',
    env: serverEnv(),
    cwd: '/',
    logFile: input.options.logFile,
    ready: /database system is ready to accept connections/,
    stopSignals: [
      { signal: 'SIGINT' as const, graceMs: 20_000 },
      { signal: 'SIGQUIT' as const, graceMs: 5_000 },
    ],
    leashSignal: 'QUIT' as const,
  }
}

// A statement that fails may hold a secret as a literal, so statements never reach the log.
const defaults = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_error_statement: 'panic',
}

// Nothing of this process's environment (PG*, secrets) reaches the server.
const serverEnv = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' })

/**
 * The embedded system: Temporal, PostgreSQL for Countersign, another PostgreSQL as the target, and
 * every process of the product, each started by itself with only the keys it needs. Its folder holds
 * all of it and survives a restart; it keeps its ports where they are free.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ATTRIBUTES, NAMESPACE } from '../contract/messages.js'
import type { Child } from '../embedded/children.js'
import { keptPorts } from '../embedded/ports.js'
import { type Postgres, startPostgres } from '../embedded/postgres.js'
import { startTemporal, type Temporal } from '../embedded/temporal.js'
import { temporalBinary } from '../embedded/temporal-binary.js'
import { searchAttributesOf } from '../embedded/temporal-namespace.js'
import type { Role } from '../store/migrate.js'
import { writeConfiguration } from './configuration.js'
import type { DemoPerson, Party } from './enterprise.js'
import { type Genesis, genesis } from './genesis.js'
import { install, prepareStore } from './onboarding.js'
import {
  type Addresses,
  databaseUrl,
  keptSecrets,
  type Parts,
  type PortName,
  type Ports,
  type Secrets,
} from './parts.js'
import { type Consumer, type ProcessName, startConsumer, startOne } from './processes.js'
import { DATABASE } from './target.js'

/** Registered, and on no target yet: what a provision makes. */
export const REGISTERED = 'intake'

export interface SystemOptions {
  readonly dir: string
  /** Short names of the service accounts on the target. */
  readonly accounts: readonly string[]
  readonly progress: (line: string) => void
  /** Added to the environment of one process, by name. */
  readonly env?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface System {
  readonly dir: string
  readonly genesis: Genesis
  readonly store: Postgres
  readonly target: Postgres
  readonly temporal: Temporal
  readonly addresses: Addresses
  readonly secrets: Secrets
  readonly process: (name: ProcessName) => Child
  /** Starts a process (again), for example after it was killed. */
  readonly startProcess: (name: ProcessName) => Promise<Child>
  readonly startConsumer: (account: string) => Promise<Consumer>
  readonly profile: (who: Party) => string
  readonly databaseUrl: (role: Role) => string
  readonly targetUrl: (database?: string) => string
  /** Installs the next version of the authority bundle. */
  readonly install: (change: { readonly revoked?: readonly DemoPerson[] }) => Promise<unknown>
  readonly stop: () => Promise<void>
}

export async function startSystem(options: SystemOptions): Promise<System> {
  const { dir, progress } = options
  await mkdir(join(dir, 'logs'), { recursive: true, mode: 0o700 })
  const secrets = await keptSecrets(dir, options.accounts)
  progress('making keys, authority bundle and policy pack')
  const made = await genesis({ dir, names: [...options.accounts, REGISTERED] })
  const ports = await portsOf(options)
  progress('starting Temporal and two PostgreSQL clusters')
  const { store, target, temporal } = await startServers({ dir, secrets, ports, progress })
  const addresses = {
    api: `http://127.0.0.1:${ports.api}`,
    issuer: `http://127.0.0.1:${ports.issuer}`,
    ui: `${temporal.uiUrl}/namespaces/${NAMESPACE}/workflows`,
    codec: `http://127.0.0.1:${ports.codec}`,
    temporal: temporal.address,
    store: `127.0.0.1:${store.port}`,
    target: `127.0.0.1:${target.port}`,
  }
  const at: Parts = {
    dir,
    accounts: options.accounts,
    env: options.env ?? {},
    secrets,
    genesis: made,
    store,
    target,
    temporal,
    addresses,
    ports,
  }
  progress('preparing the evidence store and the target')
  await writeConfiguration(at)
  await prepareStore(at)
  progress('starting issuer, codec, API, worker, keeper and connector')
  const { children, startProcess, stop } = await startProcesses(at)
  return {
    dir,
    genesis: made,
    store,
    target,
    temporal,
    addresses,
    secrets,
    process: (name) => {
      const child = children.get(name)
      if (child === undefined) throw new TypeError(`${name} was not started`)
      return child
    },
    startProcess,
    startConsumer: (account) => startConsumer(at, account),
    profile: (who) => join(dir, 'profiles', `${who}.json`),
    databaseUrl: (role) => databaseUrl(at, role),
    targetUrl: (database = DATABASE) => target.url('postgres', secrets.targetSuperuser, database),
    install: (change) => install(at, change),
    stop,
  }
}

/** Every process in its order. When one does not start, what was started ends, the servers too: they would hold whoever asked. */
async function startProcesses(at: Parts) {
  const children = new Map<ProcessName, Child>()
  const startProcess = async (name: ProcessName) => {
    const child = await startOne(at, name)
    children.set(name, child)
    return child
  }
  const stop = async () => {
    await Promise.all([...children.values()].map((child) => child.stop()))
    await Promise.all([at.temporal.stop(), at.store.stop(), at.target.stop()])
  }
  try {
    await Promise.all((['issuer', 'codec', 'worker', 'keeper'] as const).map(startProcess))
    await Promise.all((['api', 'connector'] as const).map(startProcess))
  } catch (error) {
    await stop()
    throw error
  }
  return { children, startProcess, stop }
}

const PORTS = [
  ...(['api', 'issuer', 'codec', 'store', 'target'] as const),
  ...(['temporal', 'temporal-ui', 'temporal-http', 'temporal-metrics'] as const),
]

const portsOf = ({ dir, accounts, progress }: SystemOptions): Promise<Ports> =>
  keptPorts<PortName>({
    file: join(dir, 'ports.json'),
    names: [
      ...PORTS,
      ...[...accounts, REGISTERED].map((account) => `consumer-${account}` as const),
    ],
    say: progress,
  })

async function startServers(input: {
  readonly dir: string
  readonly secrets: Secrets
  readonly ports: Ports
  readonly progress: (line: string) => void
}) {
  const { dir, secrets, ports, progress } = input
  const logFile = (name: string) => join(dir, 'logs', `${name}.log`)
  const cluster = (name: 'store' | 'target', superuserPassword: string) =>
    startPostgres({
      dataDir: join(dir, name),
      port: ports[name],
      logFile: logFile(name),
      superuserPassword,
      settings: { max_connections: 150, client_connection_check_interval: '1s' },
    })
  const binary = await temporalBinary({ progress })
  const [store, target, temporal] = await Promise.all([
    cluster('store', secrets.superuser),
    cluster('target', secrets.targetSuperuser),
    startTemporal({
      binary,
      dbFile: join(dir, 'temporal.db'),
      port: ports.temporal,
      uiPort: ports['temporal-ui'],
      httpPort: ports['temporal-http'],
      metricsPort: ports['temporal-metrics'],
      codecEndpoint: `http://127.0.0.1:${ports.codec}`,
      namespace: NAMESPACE,
      searchAttributes: searchAttributesOf(Object.values(ATTRIBUTES)),
      logFile: logFile('temporal'),
    }),
  ])
  return { store, target, temporal }
}

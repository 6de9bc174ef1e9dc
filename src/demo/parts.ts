/** What the pieces of one embedded system know of each other while it is put together. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Postgres } from '../embedded/postgres.js'
import type { Temporal } from '../embedded/temporal.js'
import type { Role } from '../store/migrate.js'
import type { Genesis } from './genesis.js'
import { newSecret } from './target.js'

export const AUDIENCE = 'urn:countersign:api'

export interface Addresses {
  readonly api: string
  readonly issuer: string
  readonly ui: string
  readonly codec: string
  readonly temporal: string
  readonly store: string
  readonly target: string
}

/** What must survive a restart and belongs to nobody else: written once, mode 0600. */
export interface Secrets {
  readonly superuser: string
  readonly targetSuperuser: string
  readonly admin: string
  readonly roles: Readonly<Record<Role, string>>
  readonly accounts: Record<string, string>
  readonly codecKey: string
  readonly secretKey: string
  readonly fingerprintKey: string
}

/** A port for each process that listens, and for the consumer of each account. */
export type PortName =
  | keyof Omit<Addresses, 'ui'>
  | `temporal-${'ui' | 'http' | 'metrics'}`
  | `consumer-${string}`
export type Ports = Readonly<Record<PortName, number>>

export interface Parts {
  readonly dir: string
  readonly accounts: readonly string[]
  /** Added to the environment of one process, by name. */
  readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly secrets: Secrets
  readonly genesis: Genesis
  readonly store: Postgres
  readonly target: Postgres
  readonly temporal: Temporal
  readonly addresses: Addresses
  readonly ports: Ports
}

/** Reads the folder's secrets, or makes them when it is new. */
export async function keptSecrets(dir: string, accounts: readonly string[]): Promise<Secrets> {
  const file = join(dir, 'secrets.json')
  if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as Secrets
  const hex = () => randomBytes(18).toString('hex')
  const key = () => randomBytes(32).toString('base64')
  const secrets: Secrets = {
    superuser: hex(),
    targetSuperuser: hex(),
    admin: newSecret(),
    roles: { cs_api: hex(), cs_worker: hex(), cs_keeper: hex(), cs_connector: hex() },
    accounts: Object.fromEntries(accounts.map((name) => [name, newSecret()])),
    codecKey: key(),
    secretKey: key(),
    fingerprintKey: key(),
  }
  await writeFile(file, JSON.stringify(secrets), { mode: 0o600 })
  return secrets
}

export const databaseUrl = ({ store, secrets }: Parts, role: Role): string =>
  store.url(role, secrets.roles[role], 'postgres')

/** Nothing is inherited but the path: no process gets another's keys by accident. */
export const plainEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '',
  TZ: 'UTC',
})

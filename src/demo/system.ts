/**
 * The embedded system: Temporal, PostgreSQL for Countersign, another PostgreSQL as the target, and
 * every process of the product, each started by itself with only the keys it needs. Its folder holds
 * all of it and survives a restart; ports are chosen free each time.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ATTRIBUTES, NAMESPACE } from '../contract/messages.js'
import { isRefusal } from '../domain/refusal.js'
import { type Child, startChild } from '../embedded/children.js'
import { freePorts } from '../embedded/ports.js'
import { type Postgres, startPostgres } from '../embedded/postgres.js'
import { startTemporal, type Temporal } from '../embedded/temporal.js'
import { temporalBinary } from '../embedded/temporal-binary.js'
import { registerSecret } from '../execution/secrets.js'
import { nodeVerify } from '../keys/verify.js'
import { type PackFiles, readPack } from '../packs/load.js'
import { installAuthority } from '../store/authority.js'
import { openDb } from '../store/db.js'
import { migrate, type Role } from '../store/migrate.js'
import { storePack } from '../store/packs.js'
import { type DemoPerson, type Genesis, genesis, PARTNER, PEOPLE, SYSTEM } from './genesis.js'
import { ADMIN, DATABASE, newSecret, prepareTarget } from './target.js'

const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))
const consumerMain = fileURLToPath(new URL('./consumer.js', import.meta.url))
const demoPack = fileURLToPath(new URL('../../../policies/demo', import.meta.url))

export interface SystemOptions {
  readonly dir: string
  /** Short names of the service accounts on the target. */
  readonly accounts: readonly string[]
  readonly progress: (line: string) => void
  /** Added to the environment of one process, by name. */
  readonly env?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** What must survive a restart and belongs to nobody else: written once, mode 0600. */
interface Secrets {
  readonly superuser: string
  readonly targetSuperuser: string
  readonly admin: string
  readonly roles: Readonly<Record<Role, string>>
  readonly accounts: Record<string, string>
  readonly codecKey: string
  readonly secretKey: string
  readonly fingerprintKey: string
}

export type ProcessName = 'issuer' | 'codec' | 'api' | 'worker' | 'keeper' | 'connector'

export interface System {
  readonly dir: string
  readonly genesis: Genesis
  readonly store: Postgres
  readonly target: Postgres
  readonly temporal: Temporal
  readonly addresses: {
    readonly api: string
    readonly issuer: string
    readonly ui: string
    readonly codec: string
    readonly temporal: string
    readonly store: string
    readonly target: string
  }
  readonly secrets: Secrets
  readonly process: (name: ProcessName) => Child
  /** Starts a process (again), for example after it was killed. */
  readonly startProcess: (name: ProcessName) => Promise<Child>
  readonly startConsumer: (account: string) => Promise<Consumer>
  readonly profile: (who: DemoPerson | 'partner' | `${DemoPerson}-second`) => string
  readonly databaseUrl: (role: Role) => string
  readonly targetUrl: (database?: string) => string
  /** Installs the next version of the authority bundle. */
  readonly install: (change: { readonly revoked?: readonly DemoPerson[] }) => Promise<unknown>
  readonly stop: () => Promise<void>
}

export interface Consumer {
  readonly child: Child
  readonly url: string
  readonly account: string
}

export async function startSystem(options: SystemOptions): Promise<System> {
  const { dir, progress } = options
  await mkdir(join(dir, 'logs'), { recursive: true, mode: 0o700 })
  const secrets = await keptSecrets(dir, options.accounts)
  progress('making keys, authority bundle and policy pack')
  const made = await genesis({ dir, names: options.accounts })
  const [apiPort = 0, issuerPort = 0, codecPort = 0] = await freePorts(3)
  progress('starting Temporal and two PostgreSQL clusters')
  const { store, target, temporal } = await startServers({ dir, secrets, codecPort, progress })
  const addresses = {
    api: `http://127.0.0.1:${apiPort}`,
    issuer: `http://127.0.0.1:${issuerPort}`,
    ui: `${temporal.uiUrl}/namespaces/${NAMESPACE}/workflows`,
    codec: `http://127.0.0.1:${codecPort}`,
    temporal: temporal.address,
    store: `127.0.0.1:${store.port}`,
    target: `127.0.0.1:${target.port}`,
  }
  const at: Parts = {
    options,
    secrets,
    genesis: made,
    store,
    target,
    temporal,
    addresses,
    ports: { apiPort, issuerPort, codecPort },
  }
  progress('preparing the evidence store and the target')
  await writeConfiguration(at)
  await prepareStore(at)
  const children = new Map<ProcessName, Child>()
  const startProcess = async (name: ProcessName) => {
    const child = await startOne(at, name)
    children.set(name, child)
    return child
  }
  progress('starting issuer, codec, API, worker, keeper and connector')
  await Promise.all((['issuer', 'codec', 'worker', 'keeper'] as const).map(startProcess))
  await Promise.all((['api', 'connector'] as const).map(startProcess))
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
    stop: async () => {
      await Promise.all([...children.values()].map((child) => child.stop()))
      await Promise.all([temporal.stop(), store.stop(), target.stop()])
    },
  }
}

interface Parts {
  readonly options: SystemOptions
  readonly secrets: Secrets
  readonly genesis: Genesis
  readonly store: Postgres
  readonly target: Postgres
  readonly temporal: Temporal
  readonly addresses: System['addresses']
  readonly ports: {
    readonly apiPort: number
    readonly issuerPort: number
    readonly codecPort: number
  }
}

async function keptSecrets(dir: string, accounts: readonly string[]): Promise<Secrets> {
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

async function startServers(input: {
  readonly dir: string
  readonly secrets: Secrets
  readonly codecPort: number
  readonly progress: (line: string) => void
}) {
  const { dir, secrets, progress } = input
  const logFile = (name: string) => join(dir, 'logs', `${name}.log`)
  const cluster = (name: string, superuserPassword: string) =>
    startPostgres({
      dataDir: join(dir, name),
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
      codecEndpoint: `http://127.0.0.1:${input.codecPort}`,
      namespace: NAMESPACE,
      searchAttributes: Object.fromEntries(
        Object.values(ATTRIBUTES).map((attribute) => [
          attribute.name,
          TEMPORAL_TYPES[attribute.type],
        ]),
      ),
      logFile: logFile('temporal'),
    }),
  ])
  return { store, target, temporal }
}

const TEMPORAL_TYPES = {
  KEYWORD: 'Keyword',
  KEYWORD_LIST: 'KeywordList',
  DATETIME: 'Datetime',
  INT: 'Int',
  BOOL: 'Bool',
} as const

const databaseUrl = ({ store, secrets }: Parts, role: Role): string =>
  store.url(role, secrets.roles[role], 'postgres')

/** The files that the processes are pointed to: each holds what one of them may know. */
async function writeConfiguration(at: Parts): Promise<void> {
  const { genesis: made, secrets, target } = at
  const { dir } = at.options
  await mkdir(join(dir, 'profiles'), { recursive: true, mode: 0o700 })
  const write = (name: string, value: unknown) =>
    writeFile(join(dir, name), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  await write('trust.json', made.trust)
  await write('codec-keys.json', [{ kid: 'codec-1', key: secrets.codecKey }])
  await write('secret-keys.json', [{ kid: 'box-1', key: secrets.secretKey }])
  await write('targets.json', {
    systems: {
      [SYSTEM]: {
        kind: 'postgresql',
        adminUrl: target.url(ADMIN, secrets.admin, DATABASE),
        route: { host: '127.0.0.1', port: target.port, database: DATABASE },
        fingerprintKey: secrets.fingerprintKey,
      },
    },
  })
  await write('issuer-clients.json', await issuerClients(at))
  for (const person of Object.keys(PEOPLE) as DemoPerson[]) {
    const short = person.slice(4)
    const own = { personId: person, decisionKey: made.keyFile(`key_${short}`) }
    await write(`profiles/${person}.json`, {
      ...login(at, { clientId: `${short}-cli`, key: `key_${short}-login` }),
      ...own,
    })
    await write(`profiles/${person}-second.json`, {
      ...login(at, { clientId: `${short}-second`, key: `key_${short}-login` }),
      ...own,
    })
  }
  await write('profiles/partner.json', {
    ...login(at, { clientId: 'acme-automation', key: 'key_acme-login' }),
    companyId: PARTNER,
    claimKey: made.keyFile('key_acme-claims'),
  })
}

const login = ({ addresses, genesis: made }: Parts, input: { clientId: string; key: string }) => ({
  api: addresses.api,
  issuer: addresses.issuer,
  audience: AUDIENCE,
  enterprise: made.trust.enterprise,
  clientId: input.clientId,
  loginKey: made.keyFile(input.key),
})

const AUDIENCE = 'urn:countersign:api'

async function issuerClients(at: Parts) {
  const clients = [
    { clientId: 'acme-automation', keyId: 'key_acme-login' },
    ...Object.keys(PEOPLE).flatMap((person) => {
      const short = person.slice(4)
      const keyId = `key_${short}-login`
      return [
        { clientId: `${short}-cli`, keyId },
        { clientId: `${short}-second`, keyId },
      ]
    }),
  ]
  return Promise.all(
    clients.map(async ({ clientId, keyId }) => {
      const { publicKey } = await at.genesis.key(keyId)
      const x = Buffer.from(publicKey, 'base64').toString('base64url')
      return {
        clientId,
        jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: keyId, use: 'sig', alg: 'EdDSA' }] },
      }
    }),
  )
}

async function prepareStore(at: Parts): Promise<void> {
  const { store, target, secrets, options } = at
  await migrate({ ownerUrl: store.superuserUrl, passwords: secrets.roles })
  const fresh = await install(at, {})
  if (fresh === 'again') return
  const accounts = options.accounts.map((name) => ({ name, secret: secrets.accounts[name] ?? '' }))
  await prepareTarget({
    superuserUrl: (database) => target.url('postgres', secrets.targetSuperuser, database),
    adminSecret: secrets.admin,
    accounts,
  })
  const db = openDb(databaseUrl(at, 'cs_connector'), { name: 'onboarding', max: 1 })
  const secretKeys = [{ kid: 'box-1', key: Buffer.from(secrets.secretKey, 'base64') }]
  for (const { name, secret } of accounts)
    await registerSecret(
      { db, secretKeys },
      { identityId: `nhi_${name}`, credential: `${name}_a`, secret },
    )
  await db.end()
}

/** Signs and installs the next version of the authority bundle. The issuer's address is part of it. */
async function install(
  at: Parts,
  change: { readonly revoked?: readonly DemoPerson[] },
): Promise<'first' | 'again'> {
  const db = openDb(databaseUrl(at, 'cs_api'), { name: 'onboarding', max: 1 })
  try {
    const files: PackFiles = readPack(demoPack).files
    await storePack(db, files)
    const { rows } = await db.query<{ version: number }>(
      'select coalesce(max(version), 0) as version from authority',
    )
    const version = (rows[0]?.version ?? 0) + 1
    const pack = { files, packId: 'demo', version: 1 }
    const bundle = await at.genesis.sign({ version, issuer: at.addresses.issuer, pack, ...change })
    const installed = await installAuthority(db, {
      bundle,
      trust: at.genesis.trust,
      verify: nodeVerify,
    })
    if (isRefusal(installed))
      throw new TypeError(`${installed.refused} at ${installed.where}: ${installed.detail}`)
    return version === 1 ? 'first' : 'again'
  } finally {
    await db.end()
  }
}

/** One process with its own environment: nothing is inherited but the path, and no other process's keys. */
async function startOne(at: Parts, name: ProcessName): Promise<Child> {
  const { dir } = at.options
  const child = await startChild({
    name,
    command: process.execPath,
    args: ['--enable-source-maps', main, name],
    env: { ...plainEnvironment(), ...environmentOf(at, name), ...at.options.env?.[name] },
    logFile: join(dir, 'logs', `${name}.log`),
    ready: /^ready /,
  })
  await child.ready()
  return child
}

const plainEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '',
  TZ: 'UTC',
})

function environmentOf(at: Parts, name: ProcessName): NodeJS.ProcessEnv {
  const { dir } = at.options
  const file = (path: string) => join(dir, path)
  const temporal = { TEMPORAL_ADDRESS: at.temporal.address, TEMPORAL_NAMESPACE: NAMESPACE }
  const codec = { COUNTERSIGN_CODEC_KEYS: file('codec-keys.json') }
  const trust = { COUNTERSIGN_TRUST: file('trust.json') }
  const state = { COUNTERSIGN_STATE_DIR: file(`state-${name}`) }
  switch (name) {
    case 'issuer':
      return {
        PORT: String(at.ports.issuerPort),
        ISSUER_CLIENTS: file('issuer-clients.json'),
        OIDC_AUDIENCE: AUDIENCE,
        ...state,
      }
    case 'codec':
      return {
        PORT: String(at.ports.codecPort),
        CODEC_ORIGINS: originsOf(at.temporal.uiUrl),
        ...codec,
      }
    case 'api':
      return {
        DATABASE_URL: databaseUrl(at, 'cs_api'),
        PORT: String(at.ports.apiPort),
        PUBLIC_URL: at.addresses.api,
        OIDC_ISSUERS: at.addresses.issuer,
        OIDC_AUDIENCE: AUDIENCE,
        ...trust,
        ...state,
      }
    case 'worker':
      return {
        DATABASE_URL: databaseUrl(at, 'cs_worker'),
        ...temporal,
        ...codec,
        ...trust,
        ...state,
      }
    case 'keeper':
      return {
        DATABASE_URL: databaseUrl(at, 'cs_keeper'),
        COUNTERSIGN_LOG_KEY: at.genesis.keyFile('key_log'),
        ...temporal,
        ...codec,
        ...trust,
        ...state,
      }
    case 'connector':
      return {
        DATABASE_URL: databaseUrl(at, 'cs_connector'),
        COUNTERSIGN_CONNECTOR_KEY: at.genesis.keyFile('key_connector'),
        COUNTERSIGN_SECRET_KEYS: file('secret-keys.json'),
        COUNTERSIGN_TARGETS: file('targets.json'),
        ...temporal,
        ...codec,
        ...trust,
        ...state,
      }
  }
}

const originsOf = (uiUrl: string): string => {
  const { port } = new URL(uiUrl)
  return `http://127.0.0.1:${port},http://localhost:${port}`
}

async function startConsumer(at: Parts, account: string): Promise<Consumer> {
  const { dir } = at.options
  const identity = at.genesis.identities.find((item) => item.name === account)
  if (identity === undefined) throw new TypeError(`no account ${account}`)
  const configFile = join(dir, `consumer-${account}.json`)
  const config = {
    appears: `${account}-service`,
    host: '127.0.0.1',
    port: at.target.port,
    database: DATABASE,
    user: `${account}_a`,
    secret: at.secrets.accounts[account],
    privateKeyPem: identity.privateKeyPem,
    logFile: join(dir, 'logs', `consumer-${account}-failures.log`),
  }
  await writeFile(configFile, JSON.stringify(config), { mode: 0o600 })
  const child = await startChild({
    name: `consumer ${account}`,
    command: process.execPath,
    args: [consumerMain, configFile],
    env: plainEnvironment(),
    logFile: join(dir, 'logs', `consumer-${account}.log`),
    ready: /^ready /,
  })
  const line = await child.ready()
  const { port } = JSON.parse(line.slice('ready '.length)) as { port: number }
  return { child, account, url: `http://127.0.0.1:${port}` }
}

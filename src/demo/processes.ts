/** The processes of an embedded system, each with only the environment that is its own. */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NAMESPACE } from '../contract/messages.js'
import { type Child, startChild } from '../embedded/children.js'
import { AUDIENCE, databaseUrl, type Parts, plainEnvironment } from './parts.js'
import { DATABASE } from './target.js'

const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))
const consumerMain = fileURLToPath(new URL('./consumer.js', import.meta.url))

export const PROCESSES = ['issuer', 'codec', 'api', 'worker', 'keeper', 'connector'] as const
export type ProcessName = (typeof PROCESSES)[number]

export interface Consumer {
  readonly child: Child
  readonly url: string
  readonly account: string
}

/** One process with its own environment: nothing is inherited but the path, and no other process's keys. */
export async function startOne(at: Parts, name: ProcessName): Promise<Child> {
  const { dir } = at
  const child = await startChild({
    name,
    command: process.execPath,
    args: ['--enable-source-maps', main, name],
    env: { ...plainEnvironment(), ...environmentOf(at, name), ...at.env[name] },
    logFile: join(dir, 'logs', `${name}.log`),
    ready: /^ready /,
  })
  await child.ready()
  return child
}

function environmentOf(at: Parts, name: ProcessName): NodeJS.ProcessEnv {
  const { dir } = at
  const file = (path: string) => join(dir, path)
  const temporal = { TEMPORAL_ADDRESS: at.temporal.address, TEMPORAL_NAMESPACE: NAMESPACE }
  const codec = { COUNTERSIGN_CODEC_KEYS: file('codec-keys.json') }
  const trust = { COUNTERSIGN_TRUST: file('trust.json') }
  const state = { COUNTERSIGN_STATE_DIR: file(`state-${name}`) }
  switch (name) {
    case 'issuer':
      return {
        PORT: String(at.ports.issuer),
        ISSUER_CLIENTS: file('issuer-clients.json'),
        OIDC_AUDIENCE: AUDIENCE,
        ...state,
      }
    case 'codec':
      return {
        PORT: String(at.ports.codec),
        CODEC_ORIGINS: originsOf(at.temporal.uiUrl),
        ...codec,
      }
    case 'api':
      return {
        DATABASE_URL: databaseUrl(at, 'cs_api'),
        PORT: String(at.ports.api),
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
        ...noticesGiven(),
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

/** Whoever starts the system may name channels of their own. */
const noticesGiven = (): NodeJS.ProcessEnv => {
  const { COUNTERSIGN_NOTICES: file } = process.env
  return file === undefined ? {} : { COUNTERSIGN_NOTICES: resolve(file) }
}

/** What `countersign doctor --service` needs to look at all of them: the connector's view, and where the others answer. */
export const doctorEnvironment = (at: Parts): NodeJS.ProcessEnv => ({
  ...environmentOf(at, 'connector'),
  ...noticesGiven(),
  PUBLIC_URL: at.addresses.api,
  OIDC_ISSUERS: at.addresses.issuer,
  COUNTERSIGN_CODEC_URL: at.addresses.codec,
})

const originsOf = (uiUrl: string): string => {
  const { port } = new URL(uiUrl)
  return `http://127.0.0.1:${port},http://localhost:${port}`
}

export async function startConsumer(at: Parts, account: string): Promise<Consumer> {
  const { dir } = at
  const identity = at.genesis.identities.find((item) => item.name === account)
  if (identity === undefined) throw new TypeError(`no account ${account}`)
  const configFile = join(dir, `consumer-${account}.json`)
  const config = {
    appears: `${account}-service`,
    host: '127.0.0.1',
    port: at.target.port,
    database: DATABASE,
    ...(await credentialOf(at, account)),
    privateKeyPem: identity.privateKeyPem,
    listensOn: at.ports[`consumer-${account}`] ?? 0,
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

interface Credential {
  readonly user: string | null
  readonly secret: string | null
}

/** What the consumer used last, or the credential that was in use before Countersign came; null where none was. */
async function credentialOf(at: Parts, account: string): Promise<Credential> {
  const file = join(at.dir, `consumer-${account}.json`)
  if (existsSync(file)) {
    const { user, secret } = JSON.parse(await readFile(file, 'utf8')) as Credential
    return { user, secret }
  }
  const secret = at.secrets.accounts[account] ?? null
  return secret === null ? { user: null, secret } : { user: `${account}_a`, secret }
}

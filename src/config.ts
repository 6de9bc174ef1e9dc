/**
 * The configuration of each process, parsed once at its start from environment variables and the files
 * they name. A *ConfigFault* is one line that names the variable and what is wrong with it, and never
 * shows a value, because many of them are secrets.
 */
import { z } from 'zod'
import {
  ConfigFault,
  readJson,
  readNotices,
  readRing,
  readTrust,
  readWitnessPolicy,
} from './config-files.js'
import { NAMESPACE } from './contract/messages.js'
import { SystemId } from './domain/shapes/basic.js'
import type { KeyRing } from './keys/aead.js'

export { ConfigFault } from './config-files.js'

export type Env = Readonly<Record<string, string | undefined>>

const POSTGRES_URL = z
  .string({ error: 'is not set' })
  .regex(/^postgres(ql)?:\/\//, 'is not a postgres:// URL')
const ADDRESS = z.string({ error: 'is not set' }).regex(/^[^/\s]+:\d{1,5}$/, 'is not host:port')
const NAME = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, 'is not a Temporal namespace')
const PATH = z.string({ error: 'is not set' }).min(1, 'is empty')
const TEXT = z.string({ error: 'is not set' }).min(1, 'is empty')
const URL_TEXT = z.url({ error: 'is not an http or https URL', protocol: /^https?$/ })
const whole = (min: number, max: number) =>
  z.coerce
    .number({ error: 'is not a number' })
    .int('is not a whole number')
    .min(min, `is below ${min}`)
    .max(max, `is above ${max}`)
const PORT = whole(0, 65_535)
const MS = whole(10, 86_400_000)
const LIST = z
  .string({ error: 'is not set' })
  .transform((text) => text.split(',').map((item) => item.trim()))
  .transform((items) => items.filter((item) => item !== ''))

const Database = { DATABASE_URL: POSTGRES_URL }
const Temporal = {
  TEMPORAL_ADDRESS: ADDRESS,
  TEMPORAL_NAMESPACE: NAME.default(NAMESPACE),
  COUNTERSIGN_CODEC_KEYS: PATH,
}
const Trusting = { COUNTERSIGN_TRUST: PATH }
/** Numbers of a process, on a port of its own; without a port there are none. */
const Measuring = {
  COUNTERSIGN_METRICS_PORT: PORT.optional(),
  COUNTERSIGN_METRICS_HOST: TEXT.default('127.0.0.1'),
  /** ops/queries.yml, for the one process whose role may read all that it asks. */
  COUNTERSIGN_METRICS_QUERIES: PATH.optional(),
}

const Api = z.object({
  ...Database,
  ...Measuring,
  ...Trusting,
  PORT: PORT.default(8080),
  HOST: TEXT.default('127.0.0.1'),
  PUBLIC_URL: URL_TEXT.optional(),
  OIDC_ISSUERS: LIST.pipe(z.array(URL_TEXT).min(1, 'names no issuer')),
  OIDC_AUDIENCE: TEXT,
})
const Worker = z.object({
  ...Database,
  ...Measuring,
  ...Temporal,
  ...Trusting,
  COUNTERSIGN_WORKFLOW_BUNDLE: PATH.optional(),
  COUNTERSIGN_MAX_CACHED_WORKFLOWS: whole(2, 100_000).default(1000),
})
const Keeper = z.object({
  ...Database,
  ...Measuring,
  ...Temporal,
  ...Trusting,
  COUNTERSIGN_STATE_DIR: PATH,
  COUNTERSIGN_LOG_KEY: PATH,
  COUNTERSIGN_LOG_KEY_PASSPHRASE: TEXT.optional(),
  COUNTERSIGN_RELAY_POLL_MS: MS.default(1000),
  COUNTERSIGN_RECONCILE_MS: MS.default(30_000),
  /** How often the keeper looks for cases that open by themselves. */
  COUNTERSIGN_SCHEDULE_MS: MS.default(60_000),
  COUNTERSIGN_MISSING_GRACE_MS: MS.default(60_000),
  COUNTERSIGN_INTENT_GRACE_MS: MS.default(300_000),
  /** A C2SP tlog-policy; without one the log is single-party. */
  COUNTERSIGN_WITNESS_POLICY: PATH.optional(),
  /** Channels and routes; without them nobody is told anything. */
  COUNTERSIGN_NOTICES: PATH.optional(),
})
const Connector = z.object({
  ...Database,
  ...Measuring,
  ...Temporal,
  ...Trusting,
  COUNTERSIGN_CONNECTOR_KEY: PATH,
  COUNTERSIGN_CONNECTOR_KEY_PASSPHRASE: TEXT.optional(),
  COUNTERSIGN_SECRET_KEYS: PATH,
  COUNTERSIGN_TARGETS: PATH,
  COUNTERSIGN_STATE_DIR: PATH,
  COUNTERSIGN_PROOF_WITHIN_MS: MS.default(10_000),
})
/** What a sealed kit is made from, by whoever may read the targets' admin credentials. */
const KitMaking = z.object({ ...Database, ...Trusting, COUNTERSIGN_TARGETS: PATH })
/** What the whole store is checked with. */
const Fsck = z.object({ ...Database, ...Trusting })
const Migrate = z.object({ ...Database, COUNTERSIGN_ROLE_PASSWORDS: PATH.optional() })
const Issuer = z.object({
  PORT: PORT.default(8090),
  HOST: TEXT.default('127.0.0.1'),
  PUBLIC_URL: URL_TEXT.optional(),
  ISSUER_CLIENTS: PATH,
  OIDC_AUDIENCE: TEXT,
  COUNTERSIGN_STATE_DIR: PATH,
})
const Codec = z.object({
  PORT: PORT.default(8091),
  HOST: TEXT.default('127.0.0.1'),
  CODEC_ORIGINS: LIST.default([]),
  OIDC_ISSUERS: LIST.pipe(z.array(URL_TEXT)).default([]),
  OIDC_AUDIENCE: TEXT.optional(),
  COUNTERSIGN_CODEC_KEYS: PATH,
})

/** UNTRUSTED: the environment. The first variable that is wrong is named; empty ones count as not set. */
function parseEnv<Shape extends z.ZodType>(env: Env, shape: Shape): z.infer<Shape> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = shape.safeParse(given)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new ConfigFault(String(issue?.path[0] ?? 'environment'), issue?.message ?? 'is wrong')
}

const Targets = z.strictObject({
  systems: z.record(
    SystemId,
    z.strictObject({
      kind: z.literal('postgresql'),
      adminUrl: POSTGRES_URL,
      route: z.strictObject({
        host: z.string().min(1).max(253),
        port: z.int().min(1).max(65_535),
        database: z.string().min(1).max(63),
      }),
      /** 32 bytes, base64; keeps fingerprints of this target's verifiers from being guessed. */
      fingerprintKey: z.base64().length(44),
    }),
  ),
})
export type Targets = z.infer<typeof Targets>

/** Where Temporal is, and the keys under which its payloads are encrypted. */
export interface TemporalConfig {
  readonly address: string
  readonly namespace: string
  readonly codecKeys: KeyRing
}

const temporalOf = (parsed: z.infer<z.ZodObject<typeof Temporal>>): TemporalConfig => ({
  address: parsed.TEMPORAL_ADDRESS,
  namespace: parsed.TEMPORAL_NAMESPACE,
  codecKeys: readRing('COUNTERSIGN_CODEC_KEYS', parsed.COUNTERSIGN_CODEC_KEYS),
})

export interface MetricsConfig {
  readonly host: string
  readonly port: number
  readonly queries: string | null
}

const metricsOf = (parsed: z.infer<z.ZodObject<typeof Measuring>>): MetricsConfig | null => {
  const { COUNTERSIGN_METRICS_PORT: port, COUNTERSIGN_METRICS_HOST: host } = parsed
  const queries = parsed.COUNTERSIGN_METRICS_QUERIES ?? null
  return port === undefined ? null : { host, port, queries }
}

/** A keystore file (PKCS#8 PEM with its sidecar) and its passphrase, if it has one. */
export interface KeyFile {
  readonly path: string
  readonly passphrase?: string
}
const keyFile = (path: string, passphrase: string | undefined): KeyFile =>
  passphrase === undefined ? { path } : { path, passphrase }

export type ApiConfig = ReturnType<typeof apiConfig>
/** Throws ConfigFault. */
export function apiConfig(env: Env) {
  const parsed = parseEnv(env, Api)
  return {
    databaseUrl: parsed.DATABASE_URL,
    trust: readTrust(parsed.COUNTERSIGN_TRUST),
    metrics: metricsOf(parsed),
    port: parsed.PORT,
    host: parsed.HOST,
    publicUrl: parsed.PUBLIC_URL ?? null,
    issuers: parsed.OIDC_ISSUERS,
    audience: parsed.OIDC_AUDIENCE,
  }
}

export type WorkerConfig = ReturnType<typeof workerConfig>
/** Throws ConfigFault. */
export function workerConfig(env: Env) {
  const parsed = parseEnv(env, Worker)
  return {
    databaseUrl: parsed.DATABASE_URL,
    trust: readTrust(parsed.COUNTERSIGN_TRUST),
    metrics: metricsOf(parsed),
    temporal: temporalOf(parsed),
    /** The built workflow bundle; null for the one beside the program. */
    bundlePath: parsed.COUNTERSIGN_WORKFLOW_BUNDLE ?? null,
    maxCachedWorkflows: parsed.COUNTERSIGN_MAX_CACHED_WORKFLOWS,
  }
}

export type KeeperConfig = ReturnType<typeof keeperConfig>
/** Throws ConfigFault. Durations in ms. */
export function keeperConfig(env: Env) {
  const parsed = parseEnv(env, Keeper)
  return {
    databaseUrl: parsed.DATABASE_URL,
    trust: readTrust(parsed.COUNTERSIGN_TRUST),
    metrics: metricsOf(parsed),
    temporal: temporalOf(parsed),
    stateDir: parsed.COUNTERSIGN_STATE_DIR,
    logKey: keyFile(parsed.COUNTERSIGN_LOG_KEY, parsed.COUNTERSIGN_LOG_KEY_PASSPHRASE),
    relayPollMs: parsed.COUNTERSIGN_RELAY_POLL_MS,
    reconcileMs: parsed.COUNTERSIGN_RECONCILE_MS,
    scheduleMs: parsed.COUNTERSIGN_SCHEDULE_MS,
    missingGraceMs: parsed.COUNTERSIGN_MISSING_GRACE_MS,
    intentGraceMs: parsed.COUNTERSIGN_INTENT_GRACE_MS,
    witnessPolicy: readWitnessPolicy(parsed.COUNTERSIGN_WITNESS_POLICY),
    notices: readNotices(parsed.COUNTERSIGN_NOTICES),
  }
}

/** Throws ConfigFault. */
export const noticesConfig = (env: Env) => readNotices(env.COUNTERSIGN_NOTICES || undefined)

/** Throws ConfigFault. */
export function kitConfig(env: Env) {
  const parsed = parseEnv(env, KitMaking)
  const { COUNTERSIGN_TARGETS: path } = parsed
  return {
    databaseUrl: parsed.DATABASE_URL,
    trust: readTrust(parsed.COUNTERSIGN_TRUST),
    targets: readJson({ variable: 'COUNTERSIGN_TARGETS', path, shape: Targets }),
  }
}

/** Throws ConfigFault. */
export function fsckConfig(env: Env) {
  const parsed = parseEnv(env, Fsck)
  return { databaseUrl: parsed.DATABASE_URL, trust: readTrust(parsed.COUNTERSIGN_TRUST) }
}

/** Where the histories are. Throws ConfigFault. */
export const temporalConfig = (env: Env): TemporalConfig =>
  temporalOf(parseEnv(env, z.object(Temporal)))

export type ConnectorConfig = ReturnType<typeof connectorConfig>
/** Throws ConfigFault. */
export function connectorConfig(env: Env) {
  const parsed = parseEnv(env, Connector)
  const { COUNTERSIGN_TARGETS: path } = parsed
  return {
    databaseUrl: parsed.DATABASE_URL,
    trust: readTrust(parsed.COUNTERSIGN_TRUST),
    metrics: metricsOf(parsed),
    temporal: temporalOf(parsed),
    connectorKey: keyFile(
      parsed.COUNTERSIGN_CONNECTOR_KEY,
      parsed.COUNTERSIGN_CONNECTOR_KEY_PASSPHRASE,
    ),
    secretKeys: readRing('COUNTERSIGN_SECRET_KEYS', parsed.COUNTERSIGN_SECRET_KEYS),
    targets: readJson({ variable: 'COUNTERSIGN_TARGETS', path, shape: Targets }),
    /** What was judged by, outside the database; of this process alone. */
    stateDir: parsed.COUNTERSIGN_STATE_DIR,
    proofWithinMs: parsed.COUNTERSIGN_PROOF_WITHIN_MS,
  }
}

export type IssuerConfig = ReturnType<typeof issuerConfig>
/** `clientsFile` is read by the issuer. Throws ConfigFault. */
export function issuerConfig(env: Env) {
  const parsed = parseEnv(env, Issuer)
  return {
    port: parsed.PORT,
    host: parsed.HOST,
    publicUrl: parsed.PUBLIC_URL ?? null,
    clientsFile: parsed.ISSUER_CLIENTS,
    audience: parsed.OIDC_AUDIENCE,
    stateDir: parsed.COUNTERSIGN_STATE_DIR,
  }
}

function codecTokens(parsed: z.infer<typeof Codec>) {
  const { OIDC_ISSUERS: issuers, OIDC_AUDIENCE: audience } = parsed
  if (issuers.length === 0) return null
  if (audience === undefined) throw new ConfigFault('OIDC_AUDIENCE', 'is not set')
  return { issuers, audience }
}

/** Throws ConfigFault. */
export function codecConfig(env: Env) {
  const parsed = parseEnv(env, Codec)
  return {
    port: parsed.PORT,
    host: parsed.HOST,
    origins: parsed.CODEC_ORIGINS,
    /** Whose tokens may decode; none: callers on this machine only. */
    tokens: codecTokens(parsed),
    codecKeys: readRing('COUNTERSIGN_CODEC_KEYS', parsed.COUNTERSIGN_CODEC_KEYS),
  }
}

const RolePasswords = z.strictObject({
  cs_api: z.string().min(12),
  cs_worker: z.string().min(12),
  cs_keeper: z.string().min(12),
  cs_connector: z.string().min(12),
})

/** `DATABASE_URL` is the database owner's. Throws ConfigFault. */
export const ownerConfig = (env: Env) => ({
  ownerUrl: parseEnv(env, z.object(Database)).DATABASE_URL,
})

/** `DATABASE_URL` is the database owner's. Without a file the roles keep the passwords they have. Throws ConfigFault. */
export function migrateConfig(env: Env) {
  const parsed = parseEnv(env, Migrate)
  const { DATABASE_URL: ownerUrl, COUNTERSIGN_ROLE_PASSWORDS: path } = parsed
  if (path === undefined) return { ownerUrl }
  const variable = 'COUNTERSIGN_ROLE_PASSWORDS'
  return { ownerUrl, passwords: readJson({ variable, path, shape: RolePasswords }) }
}

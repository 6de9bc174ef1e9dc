/**
 * What a process was told, as far as anybody may know it: no key, no password, no passphrase and no credential of a
 * target, but the ids and public halves of keys. Its digest is in the entry of each start; the fields are those of
 * docs/decisions/045-what-runs-is-recorded.md.
 */
import type { ApiConfig, ConnectorConfig, KeeperConfig, WorkerConfig } from '../src/config.js'
import { toBase64 } from '../src/domain/bytes/base64.js'
import { type Digest, digest } from '../src/domain/bytes/digest.js'
import type { NoticeSettings } from '../src/domain/shapes/channel.js'
import type { KeyRing } from '../src/keys/aead.js'
import type { WitnessPolicy } from '../src/ledger/witness-policy.js'

export interface Configurations {
  readonly api: ApiConfig
  readonly worker: WorkerConfig
  readonly keeper: KeeperConfig
  readonly connector: ConnectorConfig
}
type Stating = { readonly [Name in keyof Configurations]: (config: Configurations[Name]) => object }

/** Host, port, name and role. */
const databaseOf = (url: string) => {
  const { host, pathname, username } = new URL(url)
  return { host, name: pathname.slice(1), role: username }
}

const keyIds = (ring: KeyRing): readonly string[] => ring.map(({ kid }) => kid)

const common = ({ databaseUrl, trust }: Pick<ApiConfig, 'databaseUrl' | 'trust'>) => ({
  ...{ database: databaseOf(databaseUrl), trust },
})

const temporalOf = ({ address, namespace, codecKeys }: WorkerConfig['temporal']) => ({
  ...{ address, namespace, codecKeys: keyIds(codecKeys) },
})

const STATED: Stating = {
  api: (config) => {
    const { port, host, publicUrl, issuers, audience } = config
    return { ...common(config), port, host, publicUrl, issuers, audience }
  },
  worker: (config) => {
    const { bundlePath, maxCachedWorkflows } = config
    const temporal = temporalOf(config.temporal)
    return { ...common(config), temporal, bundlePath, maxCachedWorkflows }
  },
  keeper: (config) => {
    const { relayPollMs, reconcileMs, scheduleMs, missingGraceMs, intentGraceMs } = config
    return {
      ...{ ...common(config), temporal: temporalOf(config.temporal), stateDir: config.stateDir },
      ...{ relayPollMs, reconcileMs, scheduleMs, missingGraceMs, intentGraceMs },
      logKey: config.logKey.path,
      witnessPolicy: config.witnessPolicy === null ? null : witnessesOf(config.witnessPolicy),
      notices: config.notices === null ? null : noticesOf(config.notices),
    }
  },
  connector: (config) => ({
    ...{ ...common(config), temporal: temporalOf(config.temporal), stateDir: config.stateDir },
    ...{ connectorKey: config.connectorKey.path, secretKeys: keyIds(config.secretKeys) },
    proofWithinMs: config.proofWithinMs,
    targets: Object.fromEntries(
      Object.entries(config.targets.systems).map(([systemId, { kind, route }]) => [
        systemId,
        { kind, route },
      ]),
    ),
  }),
}

const witnessesOf = ({ witnesses, quorum }: WitnessPolicy) => ({
  witnesses: witnesses.map(({ name, key, url }) => ({
    ...{ name, url, key: toBase64(key.publicKey) },
  })),
  quorum,
})

/** The rest of a webhook's address can be a secret. */
const noticesOf = ({ channels, routes, retry }: NoticeSettings) => ({
  channels: Object.fromEntries(
    Object.entries(channels).map(([name, channel]) => [
      name,
      { kind: channel.kind, host: channel.kind === 'mail' ? channel.host : hostOf(channel.url) },
    ]),
  ),
  ...{ routes, retry },
})

const hostOf = (url: string): string => new URL(url).host

/** Nothing in it is a secret. */
export const stated = <Name extends keyof Configurations>(
  process: Name,
  config: Configurations[Name],
): object => ({ process, ...STATED[process](config) })

export const configurationDigest = <Name extends keyof Configurations>(
  process: Name,
  config: Configurations[Name],
): Digest => digest(stated(process, config))

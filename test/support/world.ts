/**
 * aWorld: a real evidence store and a real target, each its own PostgreSQL cluster, a signed authority
 * installed, a sequencer at work, and everything a connector needs. No Temporal.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { ulid } from 'ulid'
import type { Targets } from '../../src/config.js'
import { createPostgresqlConnector } from '../../src/connectors/postgresql.js'
import { rights } from '../../src/connectors/postgresql-sql.js'
import { scramVerifier } from '../../src/connectors/scram.js'
import { targetSetupSql } from '../../src/connectors/target-setup.js'
import { fromBase64 } from '../../src/domain/bytes/base64.js'
import { attestWith } from '../../src/domain/case/attestation.js'
import type { Postgres } from '../../src/embedded/postgres.js'
import type { ExecutionDeps } from '../../src/execution/deps.js'
import { registerSecret } from '../../src/execution/secrets.js'
import { signNoteBytes } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { ed25519Verifier } from '../../src/ledger/note-key.js'
import { type PackFiles, packHash, readPack } from '../../src/packs/load.js'
import { authoritySource, installAuthority } from '../../src/store/authority/authority.js'
import { packSource, storePack } from '../../src/store/authority/packs.js'
import type { OpenCaseDeps } from '../../src/store/case/open-case.js'
import { type Db, listen, openDb } from '../../src/store/db.js'
import { type Memory, openMemory } from '../../src/store/log/memory.js'
import { createSequencer } from '../../src/store/log/sequencer.js'
import type { Role } from '../../src/store/migrate.js'
import { anAuthority, must, type Overrides, SPAN, type TestAuthority } from './authority.js'
import { aCluster, PASSWORDS } from './clusters.js'

const DEMO_PACK = fileURLToPath(new URL('../../policies/demo', import.meta.url))
const SECRET = 'a-secret-that-is-in-use-today'

/** The demonstration pack with every watching time a few milliseconds. */
export function quickPack(change: (rules: string) => string = (rules) => rules): PackFiles {
  const { files } = readPack(DEMO_PACK)
  const quick = (text: string) =>
    text
      .replace(/soak: \S+/g, 'soak: 150ms')
      .replace(/unusedFor: \S+/g, 'unusedFor: 150ms')
      .replace(/within: \S+/g, 'within: 2s')
  return Object.fromEntries(
    Object.entries(files).map(([path, text]) => [
      path,
      path.startsWith('rules/') ? change(quick(text)) : text,
    ]),
  )
}

export interface World {
  readonly authority: TestAuthority
  readonly store: Postgres
  readonly target: Postgres
  readonly url: (role: Role) => string
  readonly db: (role: Role | 'owner') => Db
  readonly api: OpenCaseDeps
  readonly keeper: OpenCaseDeps
  readonly connector: ExecutionDeps
  /** The connector's memory; whoever opens it again is the connector started anew. */
  readonly memoryFile: string
  /** The signer's mark. */
  readonly highWaterFile: string
  /** The targets as the connector's process is configured. */
  readonly targets: Targets
  /** The superuser's own connection to each cluster. */
  readonly dba: pg.Client
  readonly targetDba: pg.Client
  /** What the target's server says of itself. */
  readonly targetLog: string
  readonly secretOf: (name: string) => string
  /** The log's signer stops: nothing is proved from now on. */
  readonly stopSigner: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** `pack`: the quick one, unless given. */
export async function aWorld(
  overrides: Overrides = {},
  pack: PackFiles = quickPack(),
): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-test-'))
  const [store, target] = await Promise.all([
    aCluster(filesOf(dir, 'store'), 'store'),
    aCluster(filesOf(dir, 'target')),
  ])
  const url = (role: Role) => store.url(role, PASSWORDS[role], 'postgres')
  const pools = new Map<Role | 'owner', Db>()
  const db = (role: Role | 'owner'): Db => {
    const its = role === 'owner' ? store.superuserUrl : url(role)
    const known = pools.get(role) ?? openDb(its, { name: `test-${role}` })
    pools.set(role, known)
    return known
  }
  const authority = anAuthority({
    ...overrides,
    pack: { packId: 'demo', version: 1, effectiveFrom: SPAN.notBefore, hash: packHash(pack) },
  })
  await storePack(db('cs_api'), pack)
  must(await installAuthority(db('owner'), { ...authority, verify: nodeVerify }))
  const dba = await superuser(store)
  const targetDba = await superuser(target)
  // nhi_intake is on no target yet.
  const names = [...authority.authority.identities.keys()]
    .map((identityId) => identityId.slice('nhi_'.length))
    .filter((name) => name !== 'intake')
  await setUpTarget(targetDba, names)
  const sequencing = await startSequencing({ dir, url, db, authority })
  const published = new EventTarget()
  const listening = await listen({
    url: url('cs_connector'),
    channels: ['checkpoint'],
    heard: () => published.dispatchEvent(new Event('checkpoint')),
  })
  const memoryFile = join(dir, 'seen.json')
  const memory = await openMemory(memoryFile)
  const targets = configured(target)
  const connector = connectorDeps({
    ...{ authority, db: db('cs_connector'), targets, published, memory },
  })
  for (const name of names)
    await registerSecret(connector, {
      identityId: `nhi_${name}`,
      credential: `${name}_a`,
      secret: SECRET,
    })
  return {
    authority,
    store,
    target,
    url,
    db,
    api: apiDeps({ authority, db: db('cs_api') }),
    keeper: apiDeps({ authority, db: db('cs_keeper') }),
    connector,
    memoryFile,
    highWaterFile: join(dir, 'high-water.json'),
    targets,
    dba,
    targetDba,
    targetLog: filesOf(dir, 'target').logFile,
    secretOf: () => SECRET,
    stopSigner: sequencing.stop,
    stop: async () => {
      await sequencing.stop()
      await listening.close()
      await connector.connectorOf('sys_billing')?.close()
      await Promise.all([...pools.values()].map((pool) => pool.end()))
      await Promise.all([dba.end(), targetDba.end()])
      await Promise.all([store.stop(), target.stop()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const ADMIN_SECRET = 'the-admin-secret-of-the-connector'

const filesOf = (dir: string, name: string) => ({
  dataDir: join(dir, name),
  logFile: join(dir, `${name}.log`),
})

async function superuser(cluster: Postgres): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: cluster.superuserUrl })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function setUpTarget(dba: pg.Client, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const statements = targetSetupSql({
      admin: 'countersign_admin',
      adminPassword: scramVerifier(ADMIN_SECRET),
      group: `${name}_app`,
      credentials: [`${name}_a`, `${name}_b`],
    })
    for (const statement of statements) await dba.query(statement)
    await dba.query(`alter role ${name}_a login password '${scramVerifier(SECRET)}'`)
    await dba.query(`alter role ${name}_b nologin`)
  }
  for (const statement of ENTITLEMENT) await dba.query(statement)
}

/** A role that the connector may grant, and one that may take over what an identity owns. */
const ENTITLEMENT = [
  'create table invoices (id bigint, total numeric)',
  'insert into invoices values (1, 10)',
  'create role billing_read nologin',
  'grant select on invoices to billing_read',
  'create role archive nologin',
  // For taking over a schema.
  'grant create on database postgres to countersign_admin',
  ...['billing_read', 'archive'].map((name) => rights.adminOption('countersign_admin', name)),
]

async function startSequencing(input: {
  dir: string
  url: (role: Role) => string
  db: (role: Role) => Db
  authority: TestAuthority
}): Promise<{ stop: () => Promise<void> }> {
  const { log } = input.authority.keys
  const sequencer = createSequencer({
    db: input.db('cs_keeper'),
    signer: {
      origin: input.authority.authority.root.log.origin,
      publicKey: log.signer.publicKey,
      sign: (message) => signNoteBytes(log.signer, message),
    },
    highWaterFile: join(input.dir, 'high-water.json'),
  })
  let running: Promise<unknown> = Promise.resolve()
  const listening = await listen({
    url: input.url('cs_keeper'),
    channels: ['entries'],
    heard: () => {
      running = running.then(() => sequencer.run())
    },
  })
  return {
    stop: async () => {
      await listening.close()
      await running
    },
  }
}

const apiDeps = (input: {
  readonly authority: TestAuthority
  readonly db: Db
  readonly memory?: Memory
}): OpenCaseDeps => ({
  db: input.db,
  authority: authoritySource({
    ...{ trust: input.authority.trust, verify: nodeVerify },
    ...(input.memory === undefined ? {} : { memory: input.memory }),
  }),
  packs: packSource(),
  verify: nodeVerify,
  newId: () => ulid(),
})

const configured = (target: Postgres): Targets => ({
  systems: {
    sys_billing: {
      kind: 'postgresql',
      adminUrl: target.url('countersign_admin', ADMIN_SECRET, 'postgres'),
      route: { host: '127.0.0.1', port: target.port, database: 'postgres' },
      fingerprintKey: randomBytes(32).toString('base64'),
    },
  },
})

function connectorDeps(input: {
  authority: TestAuthority
  db: Db
  targets: Targets
  published: EventTarget
  memory: Memory
}): ExecutionDeps {
  const { keys, authority } = input.authority
  const [system] = Object.values(input.targets.systems)
  const connector = createPostgresqlConnector({
    adminUrl: system?.adminUrl ?? '',
    loginRoute: system?.route ?? { host: '', port: 0, database: '' },
    fingerprintKey: fromBase64(system?.fingerprintKey ?? '') ?? new Uint8Array(),
    timeouts: { connectMs: 2000, statementMs: 5000 },
  })
  const { origin, key } = authority.root.log
  const attestor = { keyId: keys.connector.keyId, sign: keys.connector.signer.sign }
  return {
    ...apiDeps(input),
    memory: input.memory,
    attestor,
    attestFor: (caseId) => attestWith(caseId, attestor),
    connectorOf: (systemId) => (systemId === 'sys_billing' ? connector : undefined),
    secretKeys: [{ kid: 'box-1', key: randomBytes(32) }],
    signing: { keyId: keys.connector.keyId, signer: keys.connector.signer },
    log: {
      origin,
      verifier: ed25519Verifier({
        name: origin,
        publicKey: fromBase64(key.publicKey) ?? new Uint8Array(),
        verify: nodeVerify,
      }),
    },
    successors: [],
    published: input.published,
    proofWithinMs: 5000,
    heartbeat: () => undefined,
  }
}

/**
 * aRestoredStore: a store whose backup was restored. Gone with it are a change that was made on the target of nhi_billing,
 * and a fence around nhi_ledger that a gate had seen. With the commands of whoever mends it, and the processes as they are
 * started anew.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { vi } from 'vitest'
import type { FenceScope } from '../../src/domain/shapes/envelope.js'
import type { ExecutionDeps } from '../../src/execution/deps.js'
import { performStep } from '../../src/execution/execute.js'
import { signNoteBytes } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { authoritySource } from '../../src/store/authority/authority.js'
import { type Db, listen } from '../../src/store/db.js'
import { openMemory } from '../../src/store/log/memory.js'
import { createSequencer, type Sequencer } from '../../src/store/log/sequencer.js'
import { logInUse, openedLogs } from '../../src/store/log/successors.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { must, type TestKey } from '../support/authority.js'
import { backUp } from '../support/backup.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { command } from '../support/ceremony.js'
import type { Ran } from '../support/command.js'
import { packetOf } from '../support/packets.js'
import { aMandate, signFence, signMandate } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

export const NEXT_LOG = 'bank.test/log-2'

export interface RestoredStore {
  readonly world: World
  readonly work: Casework
  readonly oldLog: string
  /** Both were approved before the backup. */
  readonly cases: { readonly billing: string; readonly ledger: string }
  /** The packet of the second one, from before. */
  readonly before: Uint8Array
  readonly at: (file: string) => string
  /** A fence that stops, of the duty person. */
  readonly stop: (scope: FenceScope) => Promise<unknown>
  /** One command, with the environment of that process. */
  readonly as: (role: 'cs_api' | 'cs_connector' | 'owner', words: string) => Promise<Ran>
  readonly status: () => Promise<Ran>
  readonly draft: (file: string) => Promise<Ran>
  readonly sign: (file: string, key: string) => Promise<Ran>
  readonly open: (file: string) => Promise<Ran>
  /** The connector with what it remembers, and the logs that it follows. */
  readonly startedAnew: () => Promise<ExecutionDeps>
  readonly signer: (origin: string) => Promise<Sequencer>
  /** The keeper signs whatever comes, until it is stopped. */
  readonly keepSigning: (for_: ExecutionDeps) => Promise<{ readonly stop: () => Promise<void> }>
  readonly end: () => Promise<void>
}

export async function aRestoredStore(): Promise<RestoredStore> {
  const world = await aWorld()
  const work = caseworkIn(world)
  const dir = await mkdtemp(join(tmpdir(), 'countersign-restore-'))
  const at = (name: string) => join(dir, name)
  await writeFiles(world, at)
  must(await giveMandate(world.api, signMandate(world.authority.keys, aMandate())))
  const cases = {
    billing: await work.open('billing', { kind: 'rotate' }),
    ledger: await work.open('ledger', { kind: 'rotate' }),
  }
  await work.approve(cases.billing, { stepId: 'issue', person: 'per_ana' })
  await work.approve(cases.ledger, { stepId: 'issue', person: 'per_ana' })
  const before = await packetOf(world, cases.ledger)
  const backup = await backUp(world.dba)
  await work.perform(cases.billing, 'issue')
  await stopIn(world, { kind: 'identity', id: 'nhi_ledger' })
  await performStep(world.connector, { caseId: cases.ledger, stepId: 'issue' })
  await packetOf(world, cases.ledger)
  await world.stopSigner()
  await backup.restore()
  const mark = `--high-water ${world.highWaterFile}`
  const as: RestoredStore['as'] = (role, words) => asProcess({ world, dir, role }, words)
  return {
    ...{ world, work, cases, before, at, as },
    oldLog: world.authority.authority.root.log.origin,
    stop: (scope) => stopIn(world, scope),
    status: () => as('cs_api', `restore status ${mark}`),
    draft: (file) =>
      as('cs_api', `restore draft ${mark} --origin ${NEXT_LOG} --reason Backup --out DIR/${file}`),
    sign: (file, key) => command(`restore sign DIR/${file} --key DIR/${key}.pem --yes`, dir),
    open: (file) =>
      as('owner', `restore open DIR/${file} --trust DIR/trust.json --reason DIR/${file}.reason`),
    startedAnew: () => connectorIn(world),
    signer: (origin) => signerIn(world, { origin }),
    keepSigning: (connector) => keepSigningIn(world, connector),
    end: async () => {
      await world.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function stopIn(world: World, scope: FenceScope) {
  const { authority, verify } = world.api
  const envelope = signFence(world.authority.keys, { person: 'per_cleo', scope })
  return must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
}

type At = (name: string) => string

async function writeKey(at: At, { keyId, alg, publicKey, privateKeyPem }: TestKey) {
  await writeFile(at(`${keyId}.pem`), privateKeyPem, { mode: 0o600 })
  await writeFile(at(`${keyId}.json`), JSON.stringify({ keyId, alg, publicKey }))
}

/** What stands in the folders of officers and connector. */
async function writeFiles({ authority, targets }: World, at: At): Promise<void> {
  const { keys, trust } = authority
  for (const key of [keys.root, keys.officer, keys.connector, keys.persons.per_ana])
    await writeKey(at, key)
  const ring = [{ kid: 'box-1', key: Buffer.alloc(32).toString('base64') }]
  await writeFile(at('trust.json'), JSON.stringify(trust))
  await writeFile(at('ring.json'), JSON.stringify(ring))
  await writeFile(at('targets.json'), JSON.stringify(targets))
}

async function asProcess(
  of: {
    readonly world: World
    readonly dir: string
    readonly role: 'cs_api' | 'cs_connector' | 'owner'
  },
  words: string,
): Promise<Ran> {
  const { world, dir, role } = of
  const env = {
    DATABASE_URL: role === 'owner' ? world.store.superuserUrl : world.url(role),
    COUNTERSIGN_TRUST: join(dir, 'trust.json'),
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    COUNTERSIGN_CODEC_KEYS: join(dir, 'ring.json'),
    COUNTERSIGN_CONNECTOR_KEY: join(dir, 'key_connector.pem'),
    COUNTERSIGN_SECRET_KEYS: join(dir, 'ring.json'),
    COUNTERSIGN_TARGETS: join(dir, 'targets.json'),
    COUNTERSIGN_STATE_DIR: dirname(world.memoryFile),
  }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  return command(words, dir).finally(() => vi.unstubAllEnvs())
}

async function connectorIn(world: World): Promise<ExecutionDeps> {
  const { trust, authority } = world.authority
  const memory = await openMemory(world.memoryFile)
  const by = { trust, verify: nodeVerify }
  const db = world.db('cs_connector')
  const opened = must(await openedLogs(db, by))
  for (const one of opened) await memory.follow(one)
  return {
    ...world.connector,
    authority: authoritySource({ ...by, memory }),
    ...{ memory, successors: opened },
    log: must(await logInUse(db, { ...by, root: authority.root })),
    proofWithinMs: 2000,
  }
}

/** The log's own key, under any name; with a mark of its own where one is given. */
export async function signerIn(
  world: World,
  of: { readonly origin: string; readonly highWaterFile?: string; readonly db?: Db },
): Promise<Sequencer> {
  const { origin, highWaterFile = world.highWaterFile, db = world.db('cs_keeper') } = of
  const { signer } = world.authority.keys.log
  const { trust } = world.authority
  return createSequencer({
    db,
    signer: {
      ...{ origin, publicKey: signer.publicKey },
      sign: (message) => signNoteBytes(signer, message),
    },
    highWaterFile,
    opened: must(await openedLogs(db, { trust, verify: nodeVerify })),
  })
}

async function keepSigningIn(world: World, connector: ExecutionDeps) {
  const sequencer = await signerIn(world, { origin: NEXT_LOG })
  let running: Promise<unknown> = Promise.resolve()
  const listening = await listen({
    url: world.url('cs_keeper'),
    channels: ['entries'],
    heard: () => {
      running = running
        .then(() => sequencer.run())
        .then(() => connector.published.dispatchEvent(new Event('checkpoint')))
    },
  })
  return {
    stop: async () => {
      await listening.close()
      await running
    },
  }
}

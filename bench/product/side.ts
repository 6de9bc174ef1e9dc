/**
 * The product's side: the embedded system as it is, with a policy whose waits are nothing, so that what is
 * measured is work. The bench acts as the persons, the partner and the consumers, each by the real doors.
 */
import { fileURLToPath } from 'node:url'
import type { ApiClient } from '../../src/cli/session/client.js'
import type { DemoPerson } from '../../src/demo/enterprise.js'
import { PROCESSES } from '../../src/demo/processes.js'
import { openStage, type Stage } from '../../src/demo/stage.js'
import { type System, startSystem } from '../../src/demo/system.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { LoadedKey } from '../../src/keys/keystore.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { type PackFiles, readPack } from '../../src/packs/load.js'
import { installAuthority } from '../../src/store/authority/authority.js'
import { storePack } from '../../src/store/authority/packs.js'
import { type Listener, listen, openDb } from '../../src/store/db.js'
import { heapFile, probeEnvironment } from '../heap.js'
import { createNews, type News } from './news.js'

export interface ProductSide {
  readonly system: System
  readonly stage: Stage
  readonly news: News
  readonly api: (who: DemoPerson | 'partner') => ApiClient
  readonly key: (person: DemoPerson) => LoadedKey
  readonly workerPid: () => number
  /** Every process of the product by its name, the two databases included. */
  readonly pids: () => Readonly<Record<string, number>>
  readonly restartWorker: (maxCached: number) => Promise<void>
  readonly stop: () => Promise<void>
}

const demoPack = fileURLToPath(new URL('../../../policies/demo', import.meta.url))
/** Cases that the bench makes have no workflow, and get none. */
const PATIENT = { COUNTERSIGN_MISSING_GRACE_MS: String(86_400_000) }
const OWNERS = ['per_ana', 'per_ben'] as const

export async function startProduct(input: {
  readonly dir: string
  readonly accounts: readonly string[]
  readonly maxCached: number
  readonly progress: (line: string) => void
}): Promise<ProductSide> {
  const { dir, accounts, progress } = input
  const worker = workerEnvironment(dir, input.maxCached)
  const system = await startSystem({ dir, accounts, progress, env: { worker, keeper: PATIENT } })
  const stage = await openStage(system)
  await installPolicy(stage)
  const news = createNews(stage.db)
  const listening = await listen({
    url: system.databaseUrl('cs_api'),
    channels: ['entries'],
    heard: news.heard,
  })
  const [partner, ana, ben] = await Promise.all([
    stage.api('partner'),
    ...OWNERS.map((owner) => stage.api(owner)),
  ])
  const keys = new Map(
    await Promise.all(
      OWNERS.map(
        async (owner) => [owner, await system.genesis.key(`key_${owner.slice(4)}`)] as const,
      ),
    ),
  )
  const clients = new Map<string, ApiClient | undefined>([
    ['partner', partner],
    ['per_ana', ana],
    ['per_ben', ben],
  ])
  return {
    system,
    stage,
    news,
    api: (who) => present(clients.get(who), who),
    key: (person) => present(keys.get(person as (typeof OWNERS)[number]), person),
    workerPid: () => system.process('worker').pid,
    pids: () => ({
      ...Object.fromEntries(PROCESSES.map((name) => [name, system.process(name).pid])),
      store: system.store.pid,
      target: system.target.pid,
    }),
    restartWorker: async (maxCached) => {
      Object.assign(worker, workerEnvironment(dir, maxCached))
      await system.process('worker').stop()
      await system.startProcess('worker')
    },
    stop: () => stopAll({ system, stage, listening }),
  }
}

function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new TypeError(`the bench does not act as ${name}`)
  return value
}

const workerEnvironment = (dir: string, maxCached: number): Record<string, string> => ({
  COUNTERSIGN_MAX_CACHED_WORKFLOWS: String(maxCached),
  ...probeEnvironment(heapFile(dir, 'product')),
})

async function stopAll(input: {
  readonly system: System
  readonly stage: Stage
  readonly listening: Listener
}): Promise<void> {
  await input.listening.close()
  await input.stage.close()
  await input.system.stop()
}

/** The demonstration's policy without its waits, as the next version of the signed authority bundle. */
async function installPolicy({ db, system }: Stage): Promise<void> {
  const files = withoutWaits(readPack(demoPack).files)
  await storePack(db, files)
  const bundle = await system.genesis.sign({
    version: 2,
    issuer: system.addresses.issuer,
    pack: { files, packId: 'demo', version: 2 },
  })
  const owner = openDb(system.store.superuserUrl, { name: 'bench-owner', max: 1 })
  const { trust } = system.genesis
  const installed = await installAuthority(owner, { bundle, trust, verify: nodeVerify })
  await owner.end()
  if (isRefusal(installed)) throw new TypeError(`${installed.refused} at ${installed.where}`)
}

const withoutWaits = (files: PackFiles): PackFiles =>
  Object.fromEntries(
    Object.entries(files)
      .filter(([path]) => !path.startsWith('tests/'))
      .map(([path, text]) => [
        path,
        text
          .replace(/^version: 1$/m, 'version: 2')
          .replaceAll('soak: 2s', 'soak: 0ms')
          .replaceAll('unusedFor: 1500ms', 'unusedFor: 0ms'),
      ]),
  )

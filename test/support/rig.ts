/**
 * aRig: a World with real Temporal around it: the workflow worker as it is deployed, a connector worker on
 * the real connector, the relay and the reconciler. Every run that was started is replayed at the end under
 * the bundle that ran it. With COUNTERSIGN_RECORD_HISTORIES=1 the kept ones become the golden histories.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client, WorkflowHandle } from '@temporalio/client'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import pino from 'pino'
import { createConnectorActivities } from '../../activities/connector.js'
import { dataConverter } from '../../src/codec/data-converter.js'
import { ATTRIBUTES, connectorQueue, NAMESPACE } from '../../src/contract/messages.js'
import type { CaseState } from '../../src/domain/case/case.js'
import { startTemporal } from '../../src/embedded/temporal.js'
import { temporalBinary } from '../../src/embedded/temporal-binary.js'
import { searchAttributesOf } from '../../src/embedded/temporal-namespace.js'
import { type ExecutionDeps, readCase } from '../../src/execution/deps.js'
import type { KeyRing } from '../../src/keys/aead.js'
import type { PackFiles } from '../../src/packs/load.js'
import { submitDecision } from '../../src/store/case/cases.js'
import { listen } from '../../src/store/db.js'
import { buildBundle } from '../../worker/bundle.js'
import { startLoop } from '../../worker/loop.js'
import { createReconciler } from '../../worker/reconciler.js'
import { createRelay } from '../../worker/relay.js'
import { lazyClient } from '../../worker/temporal.js'
import { startWorkflowWorker } from '../../worker/workflow-worker.js'
import { must, type Overrides, type TestPerson } from './authority.js'
import { caseworkIn } from './casework.js'
import { HISTORIES, HISTORY_KEYS, writeGolden } from './histories.js'
import { aDecision, signDecision } from './people.js'
import { aWorld, type World } from './world.js'

const quiet = pino({ level: 'silent' })

export interface Rig {
  readonly world: World
  readonly client: Client
  /** Temporal's. */
  readonly address: string
  /** Opens a rotation of `nhi_<identity>` and waits until its workflow waits for a decision. */
  readonly open: (identity: string) => Promise<string>
  readonly stateOf: (caseId: string) => Promise<CaseState>
  readonly approve: (caseId: string, input: { stepId: string; person: TestPerson }) => Promise<void>
  /** While `absent` the connector process has no connector for the system. */
  readonly target: (is: 'absent' | 'present') => void
  /** While `stopped` the outbox keeps what it has. */
  readonly relay: Switch
  /** While one of these is `stopped`, nobody takes what its queue has. */
  readonly worker: Switch
  readonly connector: Switch
  /** One round of the reconciler. */
  readonly reconcile: () => Promise<void>
  /** Makes this run a golden history of that name, when recording. */
  readonly keep: (name: string, caseId: string) => void
  readonly stop: () => Promise<void>
}

/** Polls; there is nothing to be notified of. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + 30_000
  while (!(await holds())) {
    if (performance.now() > giveUp) throw new Error(`not within 30 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

export const phaseOf = async (handle: WorkflowHandle): Promise<string | undefined> =>
  (await handle.describe()).typedSearchAttributes.get(ATTRIBUTES.phase)

export interface RigOptions {
  /** Settings of the Temporal server. */
  readonly dynamicConfig?: Readonly<Record<string, number>>
  /** The quick one, unless given. */
  readonly pack?: PackFiles
  /** Of the authority. */
  readonly overrides?: Overrides
}

export async function aRig(options: RigOptions = {}): Promise<Rig> {
  Runtime.install({ logger: new DefaultLogger('ERROR') })
  const dir = await mkdtemp(join(tmpdir(), 'countersign-rig-'))
  const bundlePath = join(dir, 'bundle.js')
  const built = buildBundle().then(({ code }) => writeFile(bundlePath, code))
  const [world, temporal] = await Promise.all([
    aWorld(options.overrides, options.pack),
    startServer(dir, options),
    built,
  ])
  const config = { address: temporal.address, namespace: NAMESPACE, codecKeys: HISTORY_KEYS }
  const worker = switched(() =>
    startWorkflowWorker(
      {
        databaseUrl: world.url('cs_worker'),
        trust: world.authority.trust,
        temporal: config,
        bundlePath,
        metrics: null,
        maxCachedWorkflows: 50,
      },
      quiet,
    ),
  )
  let target: 'absent' | 'present' = 'present'
  const { address } = temporal
  const connector = switched(() =>
    startConnector({ address, deps: world.connector, target: () => target }),
  )
  await Promise.all([worker('running'), connector('running')])
  const lazy = lazyClient(config, 'test')
  const relay = switched(() => startRelay({ world, client: lazy.get }))
  await relay('running')
  const client = await lazy.get()
  const keep = new Map<string, string>()
  const reconcile = createReconciler({
    db: world.db('cs_keeper'),
    client: lazy.get,
    log: quiet,
    missingGraceMs: 0,
    intentGraceMs: 60_000,
  })
  return {
    world,
    client,
    address,
    ...peopleOf({ world, client }),
    target: (is) => {
      target = is
    },
    relay,
    worker,
    connector,
    reconcile,
    keep: (name, caseId) => keep.set(caseId, name),
    stop: async () => {
      await relay('stopped')
      await replayAll({ client, bundlePath, keep })
      await Promise.all([worker('stopped'), connector('stopped')])
      await lazy.close()
      await temporal.stop()
      await world.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const startServer = async (dir: string, { dynamicConfig = {} }: RigOptions) =>
  startTemporal({
    binary: await temporalBinary({ progress: () => undefined }),
    dbFile: join(dir, 'temporal.db'),
    namespace: NAMESPACE,
    searchAttributes: searchAttributesOf(Object.values(ATTRIBUTES)),
    dynamicConfig,
    logFile: join(dir, 'temporal.log'),
  })

type Switch = (to: 'running' | 'stopped') => Promise<void>

/** Something that can be stopped and started again. */
function switched(start: () => Promise<{ readonly stop: () => Promise<void> }>): Switch {
  let running: { readonly stop: () => Promise<void> } | null = null
  return async (to) => {
    if (to === 'running') running ??= await start()
    else {
      await running?.stop()
      running = null
    }
  }
}

async function startConnector(input: {
  readonly address: string
  readonly deps: ExecutionDeps
  readonly target: () => 'absent' | 'present'
}) {
  const { deps, address, target } = input
  const env = await TestWorkflowEnvironment.createFromExistingServer({
    address,
    namespace: NAMESPACE,
  })
  const workers = await Promise.all(
    ['sys_billing', null].map((systemId) =>
      Worker.create({
        connection: env.nativeConnection,
        namespace: NAMESPACE,
        taskQueue: connectorQueue(systemId),
        activities: createConnectorActivities({
          ...deps,
          connectorOf: (id) => (target() === 'present' ? deps.connectorOf(id) : undefined),
        }),
        dataConverter: dataConverter({ keys: HISTORY_KEYS }),
      }),
    ),
  )
  const running = Promise.all(workers.map((worker) => worker.run()))
  return {
    stop: async () => {
      for (const worker of workers) worker.shutdown()
      await running
      await env.teardown()
    },
  }
}

async function startRelay(input: { world: World; client: () => Promise<Client> }) {
  const { world, client } = input
  const work = createRelay({ db: world.db('cs_keeper'), client, log: quiet })
  const loop = startLoop({ name: 'relay', log: quiet, periodMs: 500, work })
  const heard = () => loop.wake()
  const listening = await listen({ url: world.url('cs_keeper'), channels: ['outbox'], heard })
  return {
    stop: async () => {
      await listening.close()
      await loop.stop()
    },
  }
}

function peopleOf({ world, client }: { world: World; client: Client }) {
  const stateOf = async (caseId: string) => (await readCase(world.connector, caseId)).state
  const work = caseworkIn(world)
  const open = async (identity: string): Promise<string> => {
    const { caseId } = must(await work.ask(identity, { kind: 'rotate' }))
    const handle = client.workflow.getHandle(caseId)
    await until('the first gate is waited for', async () => {
      const { planHash } = await stateOf(caseId)
      return planHash !== null && (await phaseOf(handle)) === 'approve'
    })
    return caseId
  }
  const approve = async (caseId: string, input: { stepId: string; person: TestPerson }) => {
    const envelope = signDecision(world.authority.keys, aDecision(await stateOf(caseId), input))
    must(await submitDecision(world.api, { caseId, envelope, door: 'api' }))
  }
  return { open, stateOf, approve }
}

/** Every run of every workflow, the terminated and the running ones too. */
async function replayAll(input: {
  readonly client: Client
  readonly bundlePath: string
  readonly keep: Map<string, string>
}): Promise<void> {
  const { client, bundlePath, keep } = input
  for await (const { workflowId, runId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    await replay({ bundlePath, keys: HISTORY_KEYS, history, workflowId })
    const name = keep.get(workflowId)
    // The newest run of a case comes first.
    keep.delete(workflowId)
    if (name !== undefined && process.env.COUNTERSIGN_RECORD_HISTORIES === '1')
      writeGolden(new URL(`${name}.json`, HISTORIES), { workflowId, history })
  }
}

export const replay = (input: {
  readonly bundlePath: string
  readonly keys: KeyRing
  readonly history: unknown
  readonly workflowId: string
}): Promise<void> =>
  Worker.runReplayHistory(
    {
      workflowBundle: { codePath: input.bundlePath },
      dataConverter: dataConverter({ keys: input.keys }),
    },
    input.history,
    input.workflowId,
  )

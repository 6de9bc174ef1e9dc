/** The bare side: its two processes, its client, and what its activity tells. */

import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client, Connection, type WorkflowHandle } from '@temporalio/client'
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'
import { NAMESPACE } from '../../src/contract/messages.js'
import { type Child, startChild } from '../../src/embedded/children.js'
import { heapFile, probeEnvironment } from '../heap.js'
import { settled } from '../settled.js'
import { approveSignal, BARE_QUEUE, type Performed } from './messages.js'

export interface BareSide {
  readonly client: Client
  /** Starts this many workflows and resolves when each waits for its first signal. */
  readonly open: (count: number, does: Does) => Promise<readonly WorkflowHandle[]>
  /** Signals, and resolves with what the activity said when it began. */
  readonly approve: (handle: WorkflowHandle, stepId: string) => Promise<Approved>
  readonly workerPid: () => number
  readonly pids: () => Readonly<Record<string, number>>
  /** Starts the workflow worker anew, with room for so many workflows. */
  readonly restartWorker: (maxCached: number) => Promise<void>
  readonly stop: () => Promise<void>
}

/** What the activity does: nothing, or what the product's connector does on the target for the same step. */
export type Does = 'nothing' | 'target work'

/** Milliseconds of the host's clock. */
export interface Approved {
  readonly sentAt: number
  readonly effectAt: number
}

const program = fileURLToPath(new URL('./process.js', import.meta.url))

export async function startBare(input: {
  readonly dir: string
  readonly address: string
  readonly maxCached: number
  /** The secret of each account that the activity may work on. */
  readonly secrets: Readonly<Record<string, string>>
}): Promise<BareSide> {
  const { dir, address } = input
  const bundle = join(dir, 'bare-bundle.js')
  await writeFile(bundle, await bundled())
  const told = await listenForTold()
  const start = (name: 'workflows' | 'activities', maxCached: number): Promise<Child> =>
    ready(
      startChild({
        name: `bare ${name}`,
        command: process.execPath,
        args: ['--enable-source-maps', program, name],
        env: {
          PATH: process.env['PATH'] ?? '',
          TEMPORAL_ADDRESS: address,
          BENCH_BUNDLE: bundle,
          BENCH_TOLD_PORT: String(told.port),
          BENCH_TARGETS: join(dir, 'targets.json'),
          BENCH_SECRETS: JSON.stringify(input.secrets),
          BENCH_MAX_CACHED: String(maxCached),
          ...(name === 'workflows' ? probeEnvironment(heapFile(dir, 'bare')) : {}),
        },
        logFile: join(dir, `bare-${name}.log`),
        ready: /^ready /,
      }),
    )
  const activities = await start('activities', 0)
  let workflows = await start('workflows', input.maxCached)
  const connection = await Connection.connect({ address })
  const client = new Client({ connection, namespace: NAMESPACE })
  return {
    client,
    open: (count, does) =>
      openMany(client, { count, accounts: does === 'nothing' ? [] : Object.keys(input.secrets) }),
    approve: (handle, stepId) => approve({ handle, stepId, told }),
    workerPid: () => workflows.pid,
    pids: () => ({ workflows: workflows.pid, activities: activities.pid }),
    restartWorker: async (maxCached) => {
      await workflows.stop()
      workflows = await start('workflows', maxCached)
    },
    stop: async () => {
      await Promise.all([workflows.stop(), activities.stop()])
      await connection.close()
      told.server.close()
    },
  }
}

async function ready(starting: Promise<Child>): Promise<Child> {
  const child = await starting
  await child.ready()
  return child
}

const bundled = async (): Promise<string> => {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflow.js', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
    webpackConfigHook: (config) => ({
      ...config,
      mode: 'production',
      optimization: { ...config.optimization, minimize: false },
    }),
  })
  return code
}

interface Told {
  readonly server: Server
  readonly port: number
  /** Resolves when the activity of this step begins. */
  readonly performed: (id: string, stepId: string) => Promise<Performed>
}

async function listenForTold(): Promise<Told> {
  const waiting = new Map<string, (performed: Performed) => void>()
  const server = createServer((socket) => {
    createInterface({ input: socket }).on('line', (line) => {
      const performed = JSON.parse(line) as Performed
      waiting.get(`${performed.id} ${performed.stepId}`)?.(performed)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const performed = (id: string, stepId: string): Promise<Performed> =>
    new Promise((resolve) => waiting.set(`${id} ${stepId}`, resolve))
  return { server, port, performed }
}

async function openMany(
  client: Client,
  { count, accounts }: { readonly count: number; readonly accounts: readonly string[] },
): Promise<readonly WorkflowHandle[]> {
  const handles: WorkflowHandle[] = []
  for (let made = 0; made < count; made += 1) {
    const workflowId = `bare:${crypto.randomUUID()}`
    handles.push(
      await client.workflow.start('bareApproval', {
        workflowId,
        taskQueue: BARE_QUEUE,
        args: [{ id: workflowId, account: accounts[made] ?? '' }],
      }),
    )
  }
  await Promise.all(handles.map(settled))
  return handles
}

async function approve(input: {
  readonly handle: WorkflowHandle
  readonly stepId: string
  readonly told: Told
}): Promise<Approved> {
  const { handle, stepId, told } = input
  const performed = told.performed(handle.workflowId, stepId)
  const sentAt = Date.now()
  await handle.signal(approveSignal, stepId)
  const { startedAt } = await performed
  return { sentAt, effectAt: startedAt }
}

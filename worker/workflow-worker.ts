/**
 * The workflow worker: runs the workflows and their local activities under the database role cs_worker. It
 * holds no key but the codec's, may write no entry that only a connector may, and can be killed at any
 * moment.
 */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker'
import type { Logger } from 'pino'
import { createCoreActivities } from '../activities/core.js'
import { dataConverter } from '../src/codec/data-converter.js'
import { ConfigFault, type Env, type WorkerConfig, workerConfig } from '../src/config.js'
import { CORE_QUEUE } from '../src/contract/messages.js'
import { nodeVerify } from '../src/keys/verify.js'
import { authoritySource } from '../src/store/authority/authority.js'
import { openDb } from '../src/store/db.js'
import { BUNDLE_PATH } from './bundle-path.js'
import { measured } from './measured.js'
import { present } from './presence.js'
import { type Service, serve } from './service.js'

/** As few polls as are needed, as many as help. */
const POLLERS = { type: 'autoscaling', minimum: 2, initial: 4, maximum: 32 } as const

/** Time for workflow tasks and syncs under way at the end of the process. */
const DRAIN = '10s'

export const run = (env: Env): Promise<void> =>
  serve({
    name: 'worker',
    start: (log) => {
      const config = workerConfig(env)
      const of = { process: 'worker', config, log } as const
      return present(of, () => measured(of, () => startWorkflowWorker(config, log)))
    },
  })

/** Rejects when Temporal cannot be reached. */
export async function startWorkflowWorker(config: WorkerConfig, log: Logger): Promise<Service> {
  const workflowBundle = bundleOf(config)
  const { address, namespace, codecKeys } = config.temporal
  const db = openDb(config.databaseUrl, { name: 'worker' })
  const connection = await NativeConnection.connect({ address })
  const authority = authoritySource({ trust: config.trust, verify: nodeVerify })
  const identity = `cs-worker@${hostname()}`
  const worker = await Worker.create({
    ...tuning(config),
    connection,
    namespace,
    identity,
    taskQueue: CORE_QUEUE,
    workflowBundle,
    activities: createCoreActivities({ db, authority, verify: nodeVerify }),
    dataConverter: dataConverter({ keys: codecKeys }),
  })
  const ended = worker.run().finally(async () => {
    await connection.close()
    await db.end()
  })
  ended.catch((error: unknown) => log.error({ name: (error as Error).name }, 'the worker broke'))
  return {
    ready: { process: 'worker', taskQueue: CORE_QUEUE, namespace, identity },
    ended,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown()
      await ended
    },
  }
}

const tuning = (config: WorkerConfig) =>
  ({
    workflowTaskPollerBehavior: POLLERS,
    // Only local activities run here; a connector polls its own queue.
    enableNonLocalActivities: false,
    maxConcurrentLocalActivityExecutions: 32,
    maxCachedWorkflows: config.maxCachedWorkflows,
    shutdownGraceTime: DRAIN,
    reuseV8Context: true,
  }) satisfies Partial<WorkerOptions>

function bundleOf({ bundlePath }: WorkerConfig): { codePath: string } {
  const codePath = bundlePath ?? BUNDLE_PATH
  if (!existsSync(codePath))
    throw new ConfigFault('COUNTERSIGN_WORKFLOW_BUNDLE', `${codePath} is not there; build it first`)
  return { codePath }
}

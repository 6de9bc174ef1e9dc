/**
 * A process of the bare side: `workflows` runs the bare workflow, `activities` its activity, which says to the
 * bench when its body began, or when its change on the target begins. Both are tuned as the product's workers are.
 */
import { connect, type Socket } from 'node:net'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { NAMESPACE } from '../../src/contract/messages.js'
import { BARE_QUEUE, type BareActivities, EXECUTE_QUEUE, type Performed } from './messages.js'
import { type TargetWork, targetWork } from './target.js'

const env = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new TypeError(`${name} is not set`)
  return value
}

const workflowWorker = (connection: NativeConnection): Promise<Worker> =>
  Worker.create({
    connection,
    namespace: NAMESPACE,
    taskQueue: BARE_QUEUE,
    workflowBundle: { codePath: env('BENCH_BUNDLE') },
    workflowTaskPollerBehavior: { type: 'autoscaling', minimum: 2, initial: 4, maximum: 32 },
    enableNonLocalActivities: false,
    maxCachedWorkflows: Number(env('BENCH_MAX_CACHED')),
    reuseV8Context: true,
  })

const activityWorker = async (connection: NativeConnection, told: Socket): Promise<Worker> => {
  const work = await targetWork({
    targetsFile: env('BENCH_TARGETS'),
    secrets: JSON.parse(env('BENCH_SECRETS')),
  })
  return Worker.create({
    connection,
    namespace: NAMESPACE,
    taskQueue: EXECUTE_QUEUE,
    activities: activities(told, work),
    maxConcurrentActivityTaskExecutions: 16,
  })
}

const activities = (told: Socket, work: TargetWork): BareActivities => ({
  perform: async (step) => {
    const tell = (): void => {
      const performed: Performed = { ...step, startedAt: Date.now() }
      told.write(`${JSON.stringify(performed)}\n`)
    }
    if (step.account === '') tell()
    else await work(step, tell)
    return step.stepId
  },
})

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') })
  const connection = await NativeConnection.connect({ address: env('TEMPORAL_ADDRESS') })
  const told =
    process.argv[2] === 'activities' ? connect(Number(env('BENCH_TOLD_PORT')), '127.0.0.1') : null
  const worker = await (told === null
    ? workflowWorker(connection)
    : activityWorker(connection, told))
  const running = worker.run()
  process.stdout.write('ready {}\n')
  process.once('SIGTERM', () => worker.shutdown())
  await running
  told?.end()
  await connection.close()
}

await main()

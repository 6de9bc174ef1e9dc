/** The connector's queues in Temporal, one for each of its systems. Temporal may be absent at the start: it is tried until it is there. */
import { hostname } from 'node:os'
import { NativeConnection, Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import { createConnectorActivities } from '../activities/connector.js'
import { dataConverter } from '../src/codec/data-converter.js'
import type { ConnectorConfig } from '../src/config.js'
import { connectorQueue } from '../src/contract/messages.js'
import type { ExecutionDeps } from '../src/execution/deps.js'
import { startLoop } from './loop.js'

interface Polling {
  readonly temporal: ConnectorConfig['temporal']
  readonly deps: Omit<ExecutionDeps, 'heartbeat'>
  readonly systems: readonly string[]
  readonly log: Logger
}

export interface Queues {
  readonly stop: () => Promise<void>
  /** Resolves when stopped; rejects when a worker breaks by itself. */
  readonly ended: Promise<void>
}

export function pollQueues(input: Polling): Queues {
  let workers: readonly Worker[] = []
  let end: () => void = () => undefined
  let broke: (error: unknown) => void = () => undefined
  const ended = new Promise<void>((resolve, reject) => {
    end = resolve
    broke = reject
  })
  const connecting = startLoop({
    ...{ name: 'temporal', log: input.log, periodMs: 2 ** 30 },
    work: async () => {
      if (workers.length > 0) return
      const connection = await NativeConnection.connect({ address: input.temporal.address })
      workers = await createAll(input, connection).catch(async (error: unknown) => {
        await connection.close()
        throw error
      })
      Promise.all(workers.map((worker) => worker.run()))
        .then(() => connection.close())
        .then(end, broke)
      input.log.info('polling')
    },
  })
  return {
    ended,
    stop: async () => {
      await connecting.stop()
      if (workers.length === 0) end()
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown()
      await ended
    },
  }
}

const createAll = (
  { temporal, deps, systems }: Polling,
  connection: NativeConnection,
): Promise<Worker[]> =>
  Promise.all(
    [...systems, null].map((systemId) =>
      Worker.create({
        connection,
        namespace: temporal.namespace,
        taskQueue: connectorQueue(systemId),
        identity: `cs-connector@${hostname()}`,
        activities: createConnectorActivities(deps),
        dataConverter: dataConverter({ keys: temporal.codecKeys }),
        maxConcurrentActivityTaskExecutions: 16,
        shutdownGraceTime: '10s',
      }),
    ),
  )

/**
 * A *service* is what a process of the product runs until it is told to stop. It prints `ready {json}` on
 * stdout once it serves, logs JSON lines on stderr, drains on SIGTERM or SIGINT, and ends with one
 * line and status 2 when its configuration is wrong, or 1 when it cannot go on.
 */
import pino, { type Logger } from 'pino'
import { ConfigFault } from '../src/config.js'
import { faultOf } from './loop.js'

export interface Service {
  /** Printed when it serves; never a secret. */
  readonly ready: Readonly<Record<string, unknown>>
  /** Stops taking work and resolves when what is under way has ended. */
  readonly stop: () => Promise<void>
  /** Rejects when the service breaks by itself. */
  readonly ended: Promise<void>
}

/** Redacts by path, in case an error carries a connection string or an envelope. */
export const createLog = (name: string): Logger =>
  pino(
    { name, redact: ['connectionString', '*.connectionString', 'envelope', '*.envelope'] },
    pino.destination({ fd: 2, sync: true }),
  )

export async function serve(input: {
  readonly name: string
  readonly start: (log: Logger) => Promise<Service>
}): Promise<void> {
  const log = createLog(input.name)
  try {
    const stopping = untilTold()
    const service = await input.start(log)
    process.stdout.write(`ready ${JSON.stringify(service.ready)}\n`)
    await Promise.race([stopping, service.ended])
    log.info('draining')
    await service.stop()
    await service.ended
    log.info('stopped')
  } catch (error) {
    process.exitCode = error instanceof ConfigFault ? 2 : 1
    if (error instanceof ConfigFault) process.stderr.write(`${input.name}: ${error.message}\n`)
    else log.fatal({ fault: faultOf(error) }, 'cannot go on')
  }
}

/** The service, and what goes with it: `leave` runs when the service has ended, or when it does not start. */
export async function withEnd(
  start: () => Promise<Service>,
  leave: () => Promise<void>,
): Promise<Service> {
  try {
    const service = await start()
    return { ...service, ended: service.ended.finally(leave) }
  } catch (error) {
    await leave()
    throw error
  }
}

const untilTold = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })

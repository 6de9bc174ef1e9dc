/**
 * The connector's work that comes from the evidence store itself: containments and demands, with Temporal
 * up or down.
 * The same execution as for work from a queue, under the same lock of the case.
 */
import type { Logger } from 'pino'
import type { ExecutionDeps } from '../src/execution/deps.js'
import { drive, dueWithoutTemporal } from '../src/execution/drive.js'
import { faultOf, type Loop, startLoop } from './loop.js'

/** What a notification that was lost is made up for within. */
const EVERY_MS = 2000
const AT_ONCE = 4

interface Containing {
  readonly deps: Omit<ExecutionDeps, 'heartbeat'>
  readonly systems: readonly string[]
  readonly log: Logger
}

export const startContaining = (input: Containing): Loop =>
  startLoop({
    ...{ name: 'containment', log: input.log, periodMs: EVERY_MS },
    work: () => containAll(input),
  })

/** One that fails does not hold the others up. */
async function containAll({ deps, systems, log }: Containing): Promise<void> {
  const waiting = [...(await dueWithoutTemporal(deps.db, systems))]
  const one = async (caseId: string): Promise<void> => {
    try {
      await drive({ ...deps, heartbeat: () => undefined }, caseId)
    } catch (error) {
      log.warn({ fault: faultOf(error), caseId }, 'not carried out yet; tried again')
    }
  }
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await one(next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

/**
 * A *loop* does one kind of work whenever it is woken, and at the latest after its period. A fault of the
 * store or of Temporal is logged and tried again with growing pauses; it never ends the loop.
 */
import type { Logger } from 'pino'
import { roundDone } from '../src/metrics/metrics.js'

export interface Loop {
  /** Now, or together with what else happens within so many milliseconds. */
  readonly wake: (withinMs?: number) => void
  /** Resolves when the round under way has ended. */
  readonly stop: () => Promise<void>
}

export interface LoopOptions {
  readonly name: string
  readonly log: Logger
  readonly periodMs: number
  readonly work: () => Promise<void>
}

const FIRST_PAUSE_MS = 200
const LAST_PAUSE_MS = 10_000

export function startLoop(options: LoopOptions): Loop {
  let woken = true
  let stopped = false
  let ring: () => void = () => undefined
  let later: NodeJS.Timeout | undefined
  const wakeNow = (): void => {
    clearTimeout(later)
    later = undefined
    woken = true
    ring()
  }
  const wake: Loop['wake'] = (withinMs = 0) => {
    if (withinMs === 0) wakeNow()
    else later ??= setTimeout(wakeNow, withinMs)
  }
  const rest = async (ms: number): Promise<void> => {
    if (woken || stopped) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      ring = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
  const run = async (): Promise<void> => {
    let pause = FIRST_PAUSE_MS
    while (!stopped) {
      woken = false
      const outcome = await once(options)
      roundDone({ loop: options.name, outcome })
      await rest(outcome === 'done' ? options.periodMs : pause)
      pause = outcome === 'done' ? FIRST_PAUSE_MS : Math.min(pause * 2, LAST_PAUSE_MS)
    }
  }
  const running = run()
  return {
    wake,
    stop: async () => {
      stopped = true
      clearTimeout(later)
      ring()
      await running
    },
  }
}

async function once({ name, log, work }: LoopOptions): Promise<'done' | 'failed'> {
  try {
    await work()
    return 'done'
  } catch (error) {
    log.warn({ fault: faultOf(error), loop: name }, 'failed; tried again')
    return 'failed'
  }
}

/** What of a fault may be logged: a database's own detail can quote rows, so only name, code and message. */
export const faultOf = (error: unknown): Readonly<Record<string, unknown>> =>
  error instanceof Error
    ? {
        name: error.name,
        message: error.message.slice(0, 300),
        ...('code' in error ? { code: error.code } : {}),
      }
    : { name: typeof error }

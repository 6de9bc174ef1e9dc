/** insist: tries again while a connection is refused, lost or cut off, as whoever uses a system does that is being restarted. */
import { setTimeout as pause } from 'node:timers/promises'

/** Something that passes by itself: it is tried again. */
export class Passing extends Error {
  override readonly name = 'Passing'
}

const AGAIN_MS = 100

/** Tries until it is answered: a store or consumer that is being restarted is not the subject of these tests. */
export async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isPassing(error)) throw error
      await pause(AGAIN_MS)
    }
  }
}

const CONNECTION = /^(?:08...|57P0.|53300|ECONN\w+|EPIPE|UND_ERR\w*)$/

/** A connection that was lost, refused or cut off, in the error or in what caused it. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (
    error instanceof Passing ||
    /Connection terminated|timeout exceeded|not queryable/.test(error.message)
  )
    return true
  if ('code' in error && CONNECTION.test(String(error.code))) return true
  return isPassing(error.cause)
}

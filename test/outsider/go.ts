/**
 * The outsider: a Go program on tessera and Go's own signed notes that reads a served log. Go keeps what it
 * builds where Go does; nothing is left in this clone.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const SOURCES = fileURLToPath(new URL('.', import.meta.url))
/** Fetching and compiling for the first time takes a minute. */
const WITHIN_MS = 300_000
const execute = promisify(execFile)

export interface Found {
  readonly origin: string
  readonly size: number
  readonly root: string
  readonly cosigners: readonly string[]
  readonly records: readonly string[]
  readonly entry: number | null
}

export type Outsider = (words: readonly string[]) => Promise<Found>

/** Why there is none here, in one line: no Go, or its modules cannot be fetched. What does not compile throws. */
export async function anOutsider(): Promise<Outsider | string> {
  const go = (...words: string[]) => execute('go', words, { cwd: SOURCES, timeout: WITHIN_MS })
  const version = await go('version').catch(() => null)
  if (version === null) return 'no Go on the PATH'
  const fetched = await go('mod', 'download').catch((error: Error) => error)
  if (fetched instanceof Error) return `Go cannot fetch the modules: ${lastLine(fetched.message)}`
  await go('vet', '.')
  return async (words) => JSON.parse((await go('run', '.', ...words)).stdout) as Found
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''

/** The same appends into tessera's POSIX storage on the same disk, where Go is present. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const SOURCES = fileURLToPath(new URL('../../../test/outsider/', import.meta.url))
/** Fetching and compiling for the first time takes a minute. */
const WITHIN_MS = 300_000
const execute = promisify(execFile)

export interface Tessera {
  /** Entries per second until the last one is under a published checkpoint. */
  readonly perSecond: number
  readonly proofMs: readonly number[]
}

/** Null where it cannot be run, with why in `progress`. */
export async function tesseraAppends(of: {
  readonly dir: string
  readonly entries: number
  readonly bytes: number
  readonly writers: number
  readonly progress: (line: string) => void
}): Promise<Tessera | null> {
  const words = [of.dir, of.entries, of.bytes, of.writers].map(String)
  const options = { cwd: SOURCES, timeout: WITHIN_MS }
  try {
    const { stdout } = await execute('go', ['run', './appends', ...words], options)
    return JSON.parse(stdout) as Tessera
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    of.progress(`tessera is left out: ${why.trim().split('\n').at(-1)}`)
    return null
  }
}

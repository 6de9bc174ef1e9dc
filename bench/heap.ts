/** Asks a worker process, in which the heap probe runs, for what it holds after collecting its garbage. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../src/demo/stage.js'
import { residentMiB } from './processes.js'

export interface Held {
  /** In use on the heaps of all isolates of the process, MiB. */
  readonly heap: number
  /** Resident, MiB. */
  readonly resident: number
}

const MIB = 1024 * 1024

export const heapFile = (dir: string, process: string): string => join(dir, `heap-${process}`)

/** The environment that puts the probe into a Node process. */
export const probeEnvironment = (file: string): Record<string, string> => ({
  BENCH_HEAP_FILE: file,
  NODE_OPTIONS: `--import=${new URL('./heap-probe.js', import.meta.url).href}`,
})

export async function heldBy(input: {
  readonly pid: number
  readonly file: string
}): Promise<Held> {
  await rm(input.file, { force: true })
  process.kill(input.pid, 'SIGWINCH')
  let text: string | null = null
  await until('the process has reported its heap', async () => {
    text = await readFile(input.file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    return text !== null
  })
  return { heap: Number(text) / MIB, resident: residentMiB(input.pid) }
}

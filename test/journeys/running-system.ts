/**
 * The whole running system for a test: Temporal, two PostgreSQL clusters and every process, from the
 * compiled program, in a folder of its own. The folder is kept when the test failed, and its place
 * told; otherwise it goes with everything that was started.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { System, SystemOptions } from '../../src/demo/system.js'

const compiled = new URL('../../dist/src/demo/system.js', import.meta.url)

/** The environment of a process may be changed by the test until the process is started. */
export type Environments = Record<string, Record<string, string>>

export interface Running {
  readonly system: System
  readonly env: Environments
  /** Stops everything; `kept` leaves the folder with all logs. */
  readonly stop: (folder: 'removed' | 'kept') => Promise<void>
}

export async function runSystem(input: {
  readonly accounts: readonly string[]
  /** That of an earlier run, to start it again. */
  readonly dir?: string
  readonly progress?: (line: string) => void
}): Promise<Running> {
  if (!existsSync(fileURLToPath(compiled)))
    throw new Error('compile first: npm test and npm run test:faults do')
  const { startSystem } = (await import(compiled.href)) as {
    startSystem: (options: SystemOptions) => Promise<System>
  }
  const dir = input.dir ?? (await mkdtemp(join(tmpdir(), 'countersign-journey-')))
  const env: Environments = {}
  const { accounts, progress = () => undefined } = input
  const system = await startSystem({ dir, accounts, env, progress })
  return {
    system,
    env,
    stop: async (folder) => {
      await system.stop()
      if (folder === 'removed') await rm(dir, { recursive: true, force: true })
    },
  }
}

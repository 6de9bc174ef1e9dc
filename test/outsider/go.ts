/**
 * The outsider: a Go program on tessera and Go's own signed notes that reads a served log, and tessera's own tool
 * that writes one. Go keeps what it builds where Go does; nothing is left in this clone.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const SOURCES = fileURLToPath(new URL('.', import.meta.url))
const POSIX = 'github.com/transparency-dev/tessera/cmd/examples/posix-oneshot'
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

export interface Outsider {
  /** Reads and verifies a served log. */
  readonly look: (words: readonly string[]) => Promise<Found>
  /** Appends to a log of tessera's in a folder, under a private key in Go's form. */
  readonly append: (words: readonly string[], privateKey: string) => Promise<void>
}

/** Why there is none here, in one line: no Go, or its modules cannot be fetched. What does not compile throws. */
export async function anOutsider(): Promise<Outsider | string> {
  const go = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    execute('go', [...words], {
      ...{ cwd: SOURCES, timeout: WITHIN_MS, env: { ...process.env, ...env } },
    })
  const version = await go(['version']).catch(() => null)
  if (version === null) return 'no Go on the PATH'
  const fetched = await go(['mod', 'download']).catch((error: Error) => error)
  if (fetched instanceof Error) return `Go cannot fetch the modules: ${lastLine(fetched.message)}`
  await go(['vet', '.'])
  return {
    look: async (words) => JSON.parse((await go(['run', '.', ...words])).stdout) as Found,
    append: async (words, key) => {
      await go(['run', POSIX, ...words], { LOG_PRIVATE_KEY: key })
    },
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''

/** Where Go is missing the promises are not shown, and a line says so. */
export function saySkipped(outsider: Outsider | string): void {
  if (typeof outsider === 'string')
    process.stderr.write(`test:outsider is SKIPPED, nothing foreign was asked: ${outsider}\n`)
}

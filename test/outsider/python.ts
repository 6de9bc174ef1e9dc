/** The outsiders in Python: an environment of its own for packages of PyPI, gone afterwards. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const WITHIN_MS = 300_000
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
const execute = promisify(execFile)

export interface Python {
  /** A folder for what it is to read. */
  readonly folder: string
  /** What it prints; rejects when it fails. */
  readonly run: (...words: readonly string[]) => Promise<string>
  readonly remove: () => Promise<void>
}

/** Why there is none here, in one line: no Python, or PyPI cannot be reached. */
export async function aPython(...packages: readonly string[]): Promise<Python | string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-python-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  const python = path.join(folder, 'venv', 'bin', 'python')
  const run = async (program: string, words: readonly string[]): Promise<string> => {
    const options = { timeout: WITHIN_MS, maxBuffer: MAX_OUTPUT_BYTES }
    return (await execute(program, [...words], options)).stdout
  }
  try {
    await run('python3', ['-m', 'venv', path.join(folder, 'venv')])
    await run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...packages])
  } catch (error) {
    await remove()
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  }
  return { folder, run: (...words) => run(python, words), remove }
}

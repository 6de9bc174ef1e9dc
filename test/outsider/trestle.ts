/** The outsider for OSCAL: Python's compliance-trestle, in an environment of its own that is gone afterwards. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const PACKAGE = 'compliance-trestle==5.2.0'
const WITHIN_MS = 300_000
const execute = promisify(execFile)
const READ = `import pathlib, sys
from trestle.oscal.assessment_results import AssessmentResults
read = AssessmentResults.oscal_read(pathlib.Path(sys.argv[1]))
print(len(read.results[0].observations))`

export interface Trestle {
  /** How many observations it reads in assessment results; rejects with what it does not accept. */
  readonly observations: (text: string) => Promise<number>
  readonly remove: () => Promise<void>
}

/** Why there is none here, in one line: no Python, or PyPI cannot be reached. */
export async function aTrestle(): Promise<Trestle | string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-trestle-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  const python = path.join(folder, 'venv', 'bin', 'python')
  const run = (program: string, words: readonly string[]) =>
    execute(program, [...words], { timeout: WITHIN_MS })
  try {
    await run('python3', ['-m', 'venv', path.join(folder, 'venv')])
    await run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', PACKAGE])
  } catch (error) {
    await remove()
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  }
  return {
    observations: async (text) => {
      const file = path.join(folder, 'results.json')
      await writeFile(file, text)
      return Number((await run(python, ['-c', READ, file])).stdout)
    },
    remove,
  }
}

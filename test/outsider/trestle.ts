/** The outsider for OSCAL: Python's compliance-trestle. */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { aPython } from './python.js'

const PACKAGE = 'compliance-trestle==5.2.0'
const READ = `import pathlib, sys
from trestle.oscal.assessment_results import AssessmentResults
read = AssessmentResults.oscal_read(pathlib.Path(sys.argv[1]))
print(len(read.results[0].observations))`

export interface Trestle {
  /** How many observations it reads in assessment results; rejects with what it does not accept. */
  readonly observations: (text: string) => Promise<number>
  readonly remove: () => Promise<void>
}

/** Why there is none here, in one line. */
export async function aTrestle(): Promise<Trestle | string> {
  const python = await aPython(PACKAGE)
  if (typeof python === 'string') return python
  const { folder, run, remove } = python
  return {
    observations: async (text) => {
      const file = path.join(folder, 'results.json')
      await writeFile(file, text)
      return Number(await run('-c', READ, file))
    },
    remove,
  }
}

/**
 * The digest of this program: of the files of its code, compiled or not, of its workflow bundle and of the lock file of its packages.
 * The same release gives the same digest wherever it stands; `countersign doctor` prints it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Digest, digest, digestOf } from '../src/domain/bytes/digest.js'

/** The folder that holds the program: `dist`, or the sources where they run as they are. */
const PROGRAM = fileURLToPath(new URL('../', import.meta.url))
const CODE = ['activities', 'src', 'worker', 'workflows']
/** Where the program stands alone, and beside it where it was compiled into a folder of its own. */
const BESIDE = ['workflow-bundle.js', 'package-lock.json', '../package-lock.json']

let known: Digest | null = null

/** Computed once: a program that is replaced while it runs is still the one that was started. */
export const buildDigest = (): Digest => {
  known ??= digestOfProgram(PROGRAM)
  return known
}

export function digestOfProgram(folder: string): Digest {
  const code = CODE.flatMap((name) =>
    readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && !file.name.endsWith('.map'))
      .map((file) => join(file.parentPath, file.name)),
  )
  const files = code.map((file) => [relative(folder, file), digestOf(readFileSync(file))] as const)
  const beside = BESIDE.flatMap((name) => {
    const bytes = readIfThere(join(folder, name))
    return bytes === null ? [] : [[name.replace('../', ''), digestOf(bytes)] as const]
  })
  return digest(Object.fromEntries([...files, ...beside]))
}

function readIfThere(file: string): Uint8Array | null {
  try {
    return readFileSync(file)
  } catch {
    return null
  }
}

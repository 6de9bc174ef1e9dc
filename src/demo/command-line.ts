/** The command line as a process of its own, as a person or a partner would use it. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const run = promisify(execFile)
export const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))

/** What the command said on stdout; rejects when it ends otherwise than well. */
export async function countersign(words: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [main, ...words])
  return stdout
}

/** Small files outside the database that have to outlive everything: read whole, replaced whole. */
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What the file says; null when there is none yet. */
export async function readDurable(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return text === null ? null : JSON.parse(text)
}

/** Durable before it resolves: written aside, flushed, renamed, and the folder flushed. */
export async function writeDurable(file: string, value: unknown): Promise<void> {
  const aside = await open(`${file}.next`, 'w', 0o600)
  try {
    await aside.writeFile(JSON.stringify(value))
    await aside.sync()
  } finally {
    await aside.close()
  }
  await rename(`${file}.next`, file)
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Evidence on this machine: one archive, all parts of one, or a folder that holds nothing else. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Refusal } from '../../domain/refusal.js'
import { joined } from '../../packet/parts.js'
import { UsageFault } from '../session/outcome.js'

/** The archive at these paths, checked by nobody yet; parts are joined in whatever order they come. */
export async function evidenceAt(paths: readonly string[]): Promise<Uint8Array | Refusal> {
  const files = (await Promise.all(paths.map(filesAt))).flat()
  return joined(await Promise.all(files.map(bytesOf)))
}

async function filesAt(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(unreadable(path))
  if (!found.isDirectory()) return [path]
  const names = (await readdir(path)).filter((name) => name.endsWith('.zip')).sort()
  if (names.length === 0) throw new UsageFault(`${path} holds no .zip file`)
  return names.map((name) => join(path, name))
}

export const bytesOf = (path: string): Promise<Buffer> => readFile(path).catch(unreadable(path))

const unreadable = (path: string) => (cause: unknown) => {
  throw new UsageFault(`${path} cannot be read`, { cause })
}

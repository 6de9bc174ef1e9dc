/**
 * What is made from a collection on the reader's side: samples, and documents for other tools. A collection that does not
 * verify gives none. The collection comes from the API, or from a file that was taken away before.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { nodeVerify } from '../../keys/verify.js'
import { writeArchive } from '../../packet/archive.js'
import type { Member } from '../../packet/collection-files.js'
import { REPORT } from '../../packet/files.js'
import { ocsfFeed } from '../../packet/report/ocsf.js'
import { oscalResults } from '../../packet/report/oscal.js'
import { sampleOf } from '../../packet/sample.js'
import { type Collection, judgeCollection } from '../../packet/verify/verify-collection.js'
import { finish, refused, UsageFault } from '../session/outcome.js'
import { collectionFor, type QueryOptions } from './evidence-query.js'
import { trustFrom } from './verify.js'

interface Made extends QueryOptions {
  readonly trust: string
}

async function verified(
  options: Made,
): Promise<{ readonly opened: Collection; readonly members: readonly Member[] } | Refusal> {
  const trust = await trustFrom(options.trust)
  const found = await collectionFor(options)
  if (isRefusal(found)) return found
  const { verdict, opened, members } = judgeCollection({
    ...{ bytes: found.bytes, trust, verify: nodeVerify },
  })
  const [problem] = verdict.problems
  if (opened !== null && problem === undefined) return { opened, members }
  const { code, where, detail } = problem ?? { code: 'PACKET_INVALID', where: '', detail: '' }
  return refuse(code, where, `${detail}; nothing is made from what does not verify`)
}

export async function writeSample(
  options: Made & { readonly seed: string; readonly of: string; readonly output: string },
): Promise<void> {
  if (!/^[1-9][0-9]{0,5}$/.test(options.of)) throw new UsageFault('--of is 1 or more')
  const found = await verified(options)
  if (isRefusal(found)) return refused(found, options.json)
  const { cases } = found.opened
  const drawn = sampleOf([...cases.keys()], { seed: options.seed, of: Number(options.of) })
  await mkdir(options.output, { recursive: true })
  const files: string[] = []
  for (const caseId of drawn) {
    const packet = cases.get(caseId)?.files ?? new Map<string, Uint8Array>()
    const name = join(options.output, `countersign-${caseId.replaceAll(':', '-')}`)
    files.push(`${name}.zip`, `${name}.html`)
    await write(`${name}.zip`, writeArchive(packet))
    await write(`${name}.html`, packet.get(REPORT) ?? new Uint8Array())
  }
  const shown = { seed: options.seed, of: cases.size, cases: drawn, files }
  finish(shown, {
    json: options.json,
    show: () => [`${drawn.length} of ${cases.size} cases by the seed ${options.seed}`, ...files],
  })
}

export const FORMATS = {
  ocsf: ({ members }: { readonly members: readonly Member[] }) => ocsfFeed(members),
  oscal: (found: { readonly opened: Collection; readonly members: readonly Member[] }) =>
    `${JSON.stringify(oscalResults({ ...found, manifest: found.opened.manifest }), null, 2)}\n`,
} as const

export async function writeEvents(
  options: Made & { readonly format: string; readonly output?: string },
): Promise<void> {
  const format = Object.entries(FORMATS).find(([name]) => name === options.format)?.[1]
  if (format === undefined)
    throw new UsageFault(`--format is one of ${Object.keys(FORMATS).join(', ')}`)
  const found = await verified(options)
  if (isRefusal(found)) return refused(found, options.json)
  const text = format(found)
  if (options.output === undefined) process.stdout.write(text)
  else await write(options.output, new TextEncoder().encode(text))
}

export const write = (file: string, bytes: Uint8Array): Promise<void> =>
  writeFile(file, bytes, { flag: 'wx' }).catch((cause: unknown) => {
    throw new UsageFault(`${file} cannot be written, or is there already`, { cause })
  })

import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import type { PacketFile } from './client.js'
import { collectionFor, isQuery, type QueryOptions, withQuery } from './evidence-query.js'
import { clientFor, withProfile } from './options.js'
import { finish, refused, UsageFault } from './outcome.js'

interface Options extends QueryOptions {
  readonly output?: string
}

export const define = (): Command =>
  new Command('evidence').addCommand(
    withQuery(withProfile('export'))
      .description('the packet of one case, or of every case of a query, for `countersign verify`')
      .argument('[case]')
      .option('-o, --output <file>', 'never replaces a file')
      .action(exportEvidence),
  )

async function exportEvidence(caseId: string | undefined, options: Options): Promise<void> {
  const packet = await askFor(caseId, options)
  if (isRefusal(packet)) return refused(packet, options.json)
  const file = options.output ?? packet.name
  await write(file, packet.bytes)
  finish({ file, bytes: packet.bytes.length }, { json: options.json, show: () => [file] })
}

async function askFor(caseId: string | undefined, options: Options): Promise<PacketFile | Refusal> {
  if (caseId === undefined) return collectionFor(options)
  if (isQuery(options)) throw new UsageFault('either one case, or a query')
  return (await clientFor(options)).packet({ caseId })
}

const write = (file: string, bytes: Uint8Array): Promise<void> =>
  writeFile(file, bytes, { flag: 'wx' }).catch((cause: unknown) => {
    throw new UsageFault(`${file} cannot be written, or is there already`, { cause })
  })

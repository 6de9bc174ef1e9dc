import { Command } from 'commander'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { PART_BYTES, partsOf } from '../../packet/parts.js'
import type { PacketFile } from '../session/client.js'
import { clientFor, withProfile } from '../session/options.js'
import { finish, refused, UsageFault } from '../session/outcome.js'
import { FORMATS, write, writeEvents, writeSample } from './evidence-made.js'
import { collectionFor, isQuery, type QueryOptions, withQuery } from './evidence-query.js'

interface Options extends QueryOptions {
  readonly output?: string
  readonly partBytes: string
}

export const define = (): Command =>
  new Command('evidence')
    .addCommand(
      withQuery(withProfile('export'))
        .description(
          'the packet of one case, or of every case of a query, for `countersign verify`',
        )
        .argument('[case]')
        .option('-o, --output <file>', 'never replaces a file')
        .option(
          '--part-bytes <number>',
          'what is larger becomes numbered parts',
          String(PART_BYTES),
        )
        .action(exportEvidence),
    )
    .addCommand(
      made('sample')
        .description(
          'some cases of a query, one page and one packet each; a seed gives the same ones anywhere',
        )
        .requiredOption('--seed <text>', 'whatever the auditor chooses')
        .requiredOption('--of <number>', 'how many cases')
        .option('-o, --output <folder>', 'never replaces a file', '.')
        .action(writeSample),
    )
    .addCommand(
      made('events')
        .description('the cases of a query for other tools')
        .requiredOption('--format <name>', Object.keys(FORMATS).join(', '))
        .option('-o, --output <file>', 'never replaces a file')
        .action(writeEvents),
    )

const made = (name: string): Command =>
  withQuery(withProfile(name))
    .option('--in <file>', 'a collection that was taken away before, instead of the API')
    .requiredOption('--trust <file>', 'the root keys that you got from the enterprise')

async function exportEvidence(caseId: string | undefined, options: Options): Promise<void> {
  if (!/^[1-9][0-9]{3,8}$/.test(options.partBytes))
    throw new UsageFault('--part-bytes is a number of bytes, 1000 or more')
  const packet = await askFor(caseId, options)
  if (isRefusal(packet)) return refused(packet, options.json)
  const parts = partsOf(packet.bytes, { limit: Number(options.partBytes) })
  if (isRefusal(parts)) return refused(parts, options.json)
  const file = options.output ?? packet.name
  const files = parts.map((_, index) => partFile(file, { number: index + 1, of: parts.length }))
  for (const [index, bytes] of parts.entries()) await write(files[index] ?? file, bytes)
  finish({ file, bytes: packet.bytes.length, files }, { json: options.json, show: () => files })
}

/** `case.zip` is itself, or `case.part-02-of-11.zip`: sorted by name they are in order. */
function partFile(file: string, part: { readonly number: number; readonly of: number }): string {
  if (part.of === 1) return file
  const number = String(part.number).padStart(String(part.of).length, '0')
  return `${file.replace(/\.zip$/, '')}.part-${number}-of-${part.of}.zip`
}

async function askFor(caseId: string | undefined, options: Options): Promise<PacketFile | Refusal> {
  if (caseId === undefined) return collectionFor(options)
  if (isQuery(options)) throw new UsageFault('either one case, or a query')
  return (await clientFor(options)).packet({ caseId })
}

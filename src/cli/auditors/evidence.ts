import { Command } from 'commander'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { PacketFile } from '../session/client.js'
import { clientFor, withProfile } from '../session/options.js'
import { finish, refused, UsageFault } from '../session/outcome.js'
import { FORMATS, write, writeEvents, writeSample } from './evidence-made.js'
import { collectionFor, isQuery, type QueryOptions, withQuery } from './evidence-query.js'

interface Options extends QueryOptions {
  readonly output?: string
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

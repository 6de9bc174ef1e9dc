import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { isRefusal } from '../domain/refusal.js'
import { type Common, clientFor, withProfile } from './options.js'
import { finish, refused, UsageFault } from './outcome.js'

interface Options extends Common {
  readonly output?: string
}

export const define = (): Command =>
  new Command('evidence').addCommand(
    withProfile('export')
      .description('the packet of one case, for `countersign verify`')
      .argument('<case>')
      .option('-o, --output <file>', 'never replaces a file')
      .action(exportPacket),
  )

async function exportPacket(caseId: string, options: Options): Promise<void> {
  const api = await clientFor(options)
  const packet = await api.packet({ caseId })
  if (isRefusal(packet)) return refused(packet, options.json)
  const file = options.output ?? packet.name
  await writeFile(file, packet.bytes, { flag: 'wx' }).catch((cause: unknown) => {
    throw new UsageFault(`${file} cannot be written, or is there already`, { cause })
  })
  finish({ file, bytes: packet.bytes.length }, { json: options.json, show: () => [file] })
}

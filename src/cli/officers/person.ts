/** person: what is kept of persons beside the evidence, and how it goes. */
import { Command } from 'commander'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish } from '../session/outcome.js'

export const define = (): Command =>
  new Command('person').addCommand(
    withProfile('erase')
      .description(
        'erase name, address and reasons of a person who is disabled; only an officer may',
      )
      .argument('<person>', 'per_…')
      .action(erase),
  )

async function erase(personId: string, options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.erasePerson({ personId }), {
    json: options.json,
    show: ({ name, reasons }) => [
      `${personId}: ${name === 'erased' ? 'name and address erased' : 'no name was kept'}, ${reasons} reasons erased`,
      'Packets that were exported before keep what they hold. Backups and the dead rows of the tables go by their own schedule.',
    ],
  })
}

/** purge: what policy lets go of closed cases. Without --yes it says what would go, and changes nothing. */
import type { Command } from 'commander'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish } from '../session/outcome.js'

export const define = (): Command =>
  withProfile('purge')
    .description('say what policy lets go of closed cases; an officer has it removed with --yes')
    .option('--yes', 'remove it, at most a hundred cases at a time')
    .action(purge)

async function purge(options: Common & { readonly yes?: boolean }): Promise<void> {
  const api = await clientFor(options)
  const mode = options.yes === true ? 'purge' : 'rehearsal'
  finish(await api.purge({ mode }), {
    json: options.json,
    show: ({ cases, held, removed }) => [
      `${cases.length} cases ${mode === 'purge' ? 'were let go' : 'would be let go; --yes does it'}`,
      ...cases.map(
        ({ caseId, closedAt, rules }) => `${caseId}, closed ${closedAt}, by ${rules.join(', ')}`,
      ),
      ...held.map(({ where, detail }) => `HELD ${where}: ${detail}`),
      ...(mode === 'purge'
        ? [
            `removed ${removed.reasons} reasons, ${removed.documents} documents, ${removed.deliveries} deliveries, ${removed.secrets} secrets`,
          ]
        : []),
    ],
  })
}

import { Command } from 'commander'
import type { Fence } from '../../domain/shapes/envelope.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, UsageFault } from '../session/outcome.js'
import { signFence } from './sign-fence.js'

export interface Scoped extends Common {
  readonly partner?: string
  readonly system?: string
  readonly identity?: string
}

export const scoped = (name: string, description: string): Command =>
  withProfile(name)
    .description(description)
    .option('--partner <id>', 'com_…')
    .option('--system <id>', 'sys_…')
    .option('--identity <id>', 'nhi_…')

export const define = (): Command =>
  new Command('fence')
    .addCommand(
      scoped('preview', 'what a fence would stand around, and what a cut would contain').action(
        preview,
      ),
    )
    .addCommand(
      scoped(
        'stop',
        'nothing more is done for this partner, on this system or to this identity; grants die',
      ).action((options: Scoped) => raise('stop', options)),
    )
    .addCommand(
      scoped(
        'cut',
        'as stop, and a containment takes access and sessions of every identity in scope',
      ).action((options: Scoped) => raise('cut', options)),
    )

async function preview(options: Scoped): Promise<void> {
  const scope = scopeOf(options)
  const api = await clientFor(options)
  finish(await api.fencePreview(scope), {
    json: options.json,
    show: ({ identities }) => [
      `${identities.length} identities around ${scope.kind} ${scope.id}`,
      ...identities.map(
        ({ identityId, systemId, tier, ownerId, consumers, openCases }) =>
          `${identityId} on ${systemId}, ${tier}, owner ${ownerId}, consumers ${consumers.join(', ') || 'none'}, ` +
          `open cases ${openCases.join(', ') || 'none'}`,
      ),
    ],
  })
}

async function raise(speed: Fence['speed'], options: Scoped): Promise<void> {
  const scope = scopeOf(options)
  const { envelope } = await signFence({ scope, speed, profile: options.profile })
  const api = await clientFor(options)
  finish(await api.fence({ envelope }), {
    json: options.json,
    show: ({ fenceId, contained, residue }) => [
      `stopped ${scope.kind} ${scope.id}: fence ${fenceId}`,
      ...(contained.length === 0
        ? []
        : [
            'access ends with each containment: at once under a mandate, else when a risk owner signs',
          ]),
      ...contained.map(({ identityId, caseId }) => `containing ${identityId}: case ${caseId}`),
      ...residue.map(
        ({ identityId, code, detail }) => `NOT CONTAINED ${identityId}: ${code} ${detail}`,
      ),
    ],
  })
}

export function scopeOf({ partner, system, identity }: Scoped): Fence['scope'] {
  const named = Object.entries({ partner, system, identity }).filter(([, id]) => id !== undefined)
  const [first] = named
  if (first === undefined || named.length > 1)
    throw new UsageFault('name one of --partner com_…, --system sys_…, --identity nhi_…')
  return { kind: first[0] as Fence['scope']['kind'], id: first[1] ?? '' }
}

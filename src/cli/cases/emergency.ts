import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { isRefusal } from '../../domain/refusal.js'
import { openSealed } from '../../keys/seal.js'
import { ask, type RequestOptions, withChange } from '../session/asking.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, UsageFault } from '../session/outcome.js'

interface AskOptions extends RequestOptions {
  readonly because: string
  readonly recipient: string
  readonly until: string
}

/** What is wrong in it, the API says. */
export const breakGlassCommand = (): Command =>
  withChange(withProfile('break-glass'))
    .description('emergency access through a login that is kept for nothing else')
    .argument('<identity>', 'its id, nhi_…')
    .requiredOption('--because <reference>', 'where the emergency stands in your own register')
    .requiredOption('--recipient <consumer>', 'to whose key the fresh secret is sealed, cns_…')
    .requiredOption('--until <time>', 'when it ends by itself, as 2027-01-31T00:00:00.000Z')
    .action((identityId: string, options: AskOptions) =>
      ask(
        {
          ...{ kind: 'break-glass', identityId, reference: options.because },
          ...{ recipient: options.recipient, until: options.until },
        },
        options,
      ),
    )

export const define = (): Command =>
  new Command('emergency')
    .addCommand(
      withProfile('list').description('every use, and whether it was reviewed').action(list),
    )
    .addCommand(
      withProfile('secret')
        .description('open what was sealed to you')
        .argument('<case>')
        .requiredOption('--key <file>', 'the recipient’s X25519 key, PEM')
        .action(secret),
    )

async function list(options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.emergencies(), {
    json: options.json,
    show: ({ emergencies }) =>
      emergencies.length === 0
        ? ['emergency access was never used']
        : emergencies.map(
            ({ caseId, identityId, at, askedBy, approvedBy, reviewed }) =>
              `${caseId}  ${identityId} at ${at}, asked by ${askedBy}, approved by ${approvedBy.join(', ')}  ${reviewed === 'yes' ? 'reviewed' : 'NOT REVIEWED'}`,
          ),
  })
}

async function secret(caseId: string, options: Common & { readonly key: string }): Promise<void> {
  const privateKeyPem = await readFile(options.key, 'utf8').catch((cause: unknown) => {
    throw new UsageFault(`${options.key} cannot be read`, { cause })
  })
  const api = await clientFor(options)
  const delivered = await api.delivery({ caseId })
  const opened = isRefusal(delivered)
    ? delivered
    : await openSealed({ jwe: delivered.jwe, privateKeyPem })
  finish(isRefusal(delivered) || isRefusal(opened) ? opened : { ...delivered, ...opened }, {
    json: options.json,
    show: (found) => ('credential' in found ? [`login ${found.credential}`, found.secret] : []),
  })
}

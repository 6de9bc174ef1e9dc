import { Command } from 'commander'
import { ulid } from 'ulid'
import type { OpenCaseRequest } from '../contract/http.js'
import { type Common, clientFor, withProfile } from './options.js'
import { finish, UsageFault } from './outcome.js'

interface Options extends Common {
  readonly change: string
  readonly reference?: string
  readonly key?: string
}

const CHANGES = ['standard', 'normal', 'emergency'] as const

export const define = (): Command =>
  new Command('request').addCommand(
    withProfile('rotate')
      .description('replace the credential of an identity')
      .argument('<identity>', 'its id, nhi_…')
      .option('--change <type>', CHANGES.join(', '), 'normal')
      .option('--reference <id>', 'the change record of your own service desk')
      .option('--key <text>', 'Idempotency-Key; the same one again gives the same case')
      .action(rotate),
  )

async function rotate(identityId: string, options: Options): Promise<void> {
  const change = CHANGES.find((item) => item === options.change)
  if (change === undefined) throw new UsageFault(`--change is one of ${CHANGES.join(', ')}`)
  const request: OpenCaseRequest = {
    ...{ kind: 'rotate', identityId, change },
    changeReference: options.reference ?? null,
  }
  const api = await clientFor(options)
  finish(await api.openCase({ request, idempotencyKey: options.key ?? ulid() }), {
    json: options.json,
    show: ({ caseId, made }) => [made === 'now' ? caseId : `${caseId} (asked for before)`],
  })
}

/** What every request has: its change, its reference, its key, and how it is sent. */
import type { Command } from 'commander'
import { ulid } from 'ulid'
import type { OpenCaseRequest } from '../../contract/http.js'
import { Change } from '../../domain/shapes/basic.js'
import { type Common, clientFor } from './options.js'
import { finish, UsageFault } from './outcome.js'

export interface RequestOptions extends Common {
  readonly change: string
  readonly reference?: string
  readonly key?: string
}

const CHANGES = Change.options

/** What every kind of case is asked with. */
export const withChange = (command: Command): Command =>
  command
    .option('--change <type>', CHANGES.join(', '), 'normal')
    .option('--reference <id>', 'the change record of your own service desk')
    .option('--key <text>', 'Idempotency-Key; the same one again gives the same case')

export async function ask(asked: OpenCaseRequest, options: RequestOptions): Promise<void> {
  const change = CHANGES.find((item) => item === options.change)
  if (change === undefined) throw new UsageFault(`--change is one of ${CHANGES.join(', ')}`)
  const request: OpenCaseRequest = {
    ...asked,
    change,
    changeReference: options.reference ?? null,
  }
  const api = await clientFor(options)
  finish(await api.openCase({ request, idempotencyKey: options.key ?? ulid() }), {
    json: options.json,
    show: ({ caseId, made }) => [made === 'now' ? caseId : `${caseId} (asked for before)`],
  })
}

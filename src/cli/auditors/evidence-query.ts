/** What every command over many cases asks with, and the collection it leads to: from the API, or from a file that was taken away before. */
import type { Command } from 'commander'
import type { CollectionQuery } from '../../contract/http-evidence.js'
import { startOfDay } from '../../domain/policy/calendar.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { CONTROLS } from '../../domain/review/controls.js'
import { Time } from '../../domain/shapes/basic.js'
import type { PacketFile } from '../session/client.js'
import { type Common, clientFor } from '../session/options.js'
import { UsageFault } from '../session/outcome.js'
import { evidenceAt } from './evidence-read.js'

export interface QueryOptions extends Common {
  readonly identity?: string
  readonly partner?: string
  readonly objective?: string
  readonly kind?: readonly string[]
  readonly control?: string
  readonly from?: string
  readonly until?: string
  readonly zone: string
  readonly in?: string
}

export const withQuery = (command: Command): Command =>
  command
    .option('--identity <id>', 'cases about this identity')
    .option(
      '--partner <id>',
      'cases that this partner carries out, asked for, or is what they are about',
    )
    .option('--objective <id>', 'cases under this control objective')
    .option('--kind <kind...>', 'cases of these kinds')
    .option(
      '--control <id>',
      'cases of the kinds that are evidence for this control, such as NHI1:2025',
    )
    .option('--from <date>', 'open on this day or later; a date, or a time in UTC')
    .option('--until <date>', 'opened before this day; a date, or a time in UTC')
    .option('--zone <zone>', 'the zone in which the dates are meant', 'UTC')

export const isQuery = (options: QueryOptions): boolean => {
  const { identity, partner, objective, kind, control, from, until } = options
  return [identity, partner, objective, kind, control, from, until].some(
    (part) => part !== undefined,
  )
}

const queryOf = (options: QueryOptions): CollectionQuery => {
  const { identity, partner, objective, from, until, zone } = options
  return {
    ...{ identity, partner, objective, zone },
    kinds: kindsOf(options)?.join(','),
    from: from === undefined ? undefined : instant('--from', from, zone),
    until: until === undefined ? undefined : instant('--until', until, zone),
  }
}

function kindsOf({ kind, control }: QueryOptions): readonly string[] | undefined {
  if (control === undefined) return kind
  if (kind !== undefined) throw new UsageFault('either --control or --kind')
  const kinds = CONTROLS.find(({ id }) => id === control)?.kinds ?? []
  if (kinds.length > 0) return kinds
  throw new UsageFault(`no case is evidence for ${control}; docs/controls.md lists the controls`)
}

function instant(option: string, text: string, zone: string): string {
  const found = Time.safeParse(text).success ? text : startOfDay(text, zone)
  if (found !== null) return found
  throw new UsageFault(
    `${option} is a date such as 2026-11-23 in a zone that exists, or a time in UTC`,
  )
}

/** The bytes of a collection. They are checked by nobody yet. */
export async function collectionFor(options: QueryOptions): Promise<PacketFile | Refusal> {
  if (options.in === undefined) return (await clientFor(options)).collection(queryOf(options))
  if (isQuery(options)) throw new UsageFault('--in names a collection, which has its query already')
  const bytes = await evidenceAt([options.in])
  return isRefusal(bytes) ? bytes : { name: options.in, bytes }
}

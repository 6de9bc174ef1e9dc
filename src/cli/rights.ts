/**
 * rights: the grid of the three rights. A cell is red when the right never worked there, or not within the days
 * given; a drill on a canary identity turns it green. With a red cell the exit code is 1.
 */
import type { Command } from 'commander'
import type { RightsAnswer } from '../contract/http-control.js'
import { isRefusal } from '../domain/refusal.js'
import { type Common, clientFor, withProfile } from './options.js'
import { EXIT, finish, UsageFault } from './outcome.js'

interface Options extends Common {
  readonly within: string
}

export const define = (): Command =>
  withProfile('rights')
    .description(
      'when the enterprise last revoked, decided an exception and got evidence, by partner and system',
    )
    .option('--within <days>', 'older than this is red', '90')
    .action(rights)

const DAY_MS = 86_400_000

async function rights(options: Options): Promise<void> {
  const days = Number(options.within)
  if (!(days > 0)) throw new UsageFault('--within is a number of days')
  const answer = await (await clientFor(options)).rights()
  finish(answer, { json: options.json, show: (grid) => show(grid, days) })
  if (!isRefusal(answer) && answer.cells.some((cell) => isRed(answer, cell, days)))
    process.exitCode = EXIT.refused
}

type Cell = RightsAnswer['cells'][number]

const isRed = ({ at }: RightsAnswer, { last }: Cell, days: number): boolean =>
  last === null || Date.parse(at) - Date.parse(last.at) > days * DAY_MS

const show = (grid: RightsAnswer, days: number): readonly string[] =>
  grid.cells.map((cell) => {
    const { partnerId, systemId, right, last } = cell
    const when = last === null ? 'never' : `${last.at}, in ${last.tookMs} ms, ${last.caseId}`
    return `${isRed(grid, cell, days) ? 'RED  ' : 'green'} ${partnerId} on ${systemId}: ${right.padEnd(17)} ${when}`
  })

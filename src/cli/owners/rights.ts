/**
 * rights: the grid of the three rights. A cell is red when the newest drill did not see the right work there, when it
 * never worked, or not within the period of the policy: a finding against the enterprise. With one the exit code is 1.
 */
import type { Command } from 'commander'
import type { RightsAnswer } from '../../contract/http-control.js'
import { isRefusal } from '../../domain/refusal.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { EXIT, finish } from '../session/outcome.js'

export const define = (): Command =>
  withProfile('rights')
    .description(
      'when the enterprise last revoked, decided an exception and demanded evidence, by partner and system',
    )
    .action(rights)

async function rights(options: Common): Promise<void> {
  const answer = await (await clientFor(options)).rights()
  finish(answer, { json: options.json, show: gridLines })
  if (!isRefusal(answer) && answer.cells.some(({ finding }) => finding !== null))
    process.exitCode = EXIT.refused
}

/** One line a cell. */
export const gridLines = ({ cells }: RightsAnswer): readonly string[] =>
  cells.map(({ partnerId, systemId, right, last, drill, finding }) => {
    const when = last === null ? 'never' : `${last.at}, in ${last.tookMs} ms, ${last.caseId}`
    const signed = drill === null ? 'not drilled' : `drill ${drill.says} ${drill.caseId}`
    const colour = finding === null ? 'green' : `RED (${finding})`
    return `${colour.padEnd(13)} ${partnerId} on ${systemId}: ${right.padEnd(17)} ${when}; ${signed}`
  })

import type { Command } from 'commander'
import { gateWords } from '../../contract/why.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish } from '../session/outcome.js'

export const define = (): Command =>
  withProfile('inbox').action(async (options: Common) => {
    const api = await clientFor(options)
    finish(await api.inbox(), {
      json: options.json,
      show: ({ gates }) =>
        gates.length === 0
          ? ['nothing awaits you']
          : gates.map(
              ({ caseId, stepId, title, gate }) =>
                `${caseId}  ${stepId}  ${title}  ${gateWords(gate)}`,
            ),
    })
  })

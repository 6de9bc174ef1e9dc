import type { Command } from 'commander'
import { gateWords } from '../contract/why.js'
import { type Common, clientFor, withProfile } from './options.js'
import { finish } from './outcome.js'

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

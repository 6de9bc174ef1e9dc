import { Command } from 'commander'
import type { ResponsibilityAnswer } from '../../contract/http-control.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish } from '../session/outcome.js'

export const define = (): Command =>
  new Command('ownership').addCommand(
    withProfile('list')
      .description('identities and outcomes whose owner is gone, each owing a succession')
      .action(async (options: Common) => {
        const api = await clientFor(options)
        finish(await api.listResponsibilities(), { json: options.json, show })
      }),
  )

const show = ({ owed }: ResponsibilityAnswer): readonly string[] =>
  owed.length === 0
    ? ['everything has one owner who is there']
    : owed.map(
        ({ of, ownerId, because, caseId }) =>
          `${of}  ${ownerId} ${because}; succession ${caseId ?? 'not open yet'}`,
      )

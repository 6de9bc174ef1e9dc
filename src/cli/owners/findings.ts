import type { Command } from 'commander'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish } from '../session/outcome.js'

export const define = (): Command =>
  withProfile('findings')
    .argument('<partner>', 'its id, com_…')
    .action(async (partnerId: string, options: Common) => {
      const api = await clientFor(options)
      finish(await api.findings(partnerId), {
        json: options.json,
        show: ({ findings }) =>
          findings.length === 0
            ? [`nothing was found against ${partnerId}`]
            : findings.map(({ caseId, item, finding, about, at, dispute }) =>
                [
                  `${caseId}${item === null ? '' : ` #${item}`}  ${finding} at ${at}`,
                  about,
                  dispute === null ? '' : `disputed: ${dispute.says}`,
                ]
                  .join('  ')
                  .trimEnd(),
              ),
      })
    })

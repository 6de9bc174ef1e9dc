/** quality: what control costs the owners, month by month: signatures, minutes for each change, steps under mandates. */
import type { Command } from 'commander'
import type { QualityAnswer } from '../../contract/http-control.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish } from '../session/outcome.js'

export const define = (): Command =>
  withProfile('quality')
    .description('signatures, owner minutes for each change, and steps under mandates, by month')
    .action(async (options: Common) => {
      const api = await clientFor(options)
      finish(await api.quality(), { json: options.json, show })
    })

const show = ({ months }: QualityAnswer): readonly string[] =>
  months.length === 0
    ? ['nothing was signed in the last twelve months']
    : months.map(({ month, signatures, changes, ownerMinutesPerChange, granted }) => {
        const minutes =
          ownerMinutesPerChange === null
            ? 'no change completed'
            : `at most ${ownerMinutesPerChange} owner minutes for each of ${changes} changes`
        const steps = `${granted.bySignatures} steps by signatures, ${granted.byMandate} under mandates`
        return `${month}: ${signatures} signatures; ${minutes}; ${steps}`
      })

import type { Command } from 'commander'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { ApiClient } from '../session/client.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, refused, UsageFault } from '../session/outcome.js'
import { showReview } from './show-review.js'

export const define = (): Command =>
  withProfile('review')
    .argument('<case>')
    .argument('[step]', 'the step that is due unless named')
    .action(async (caseId: string, step: string | undefined, options: Common) => {
      const api = await clientFor(options)
      const stepId = step ?? (await dueStep(api, caseId))
      if (isRefusal(stepId)) return refused(stepId, options.json)
      finish(await api.review({ caseId, stepId }), { json: options.json, show: showReview })
    })

/** The step that the case owes something for. Throws UsageFault when there is none. */
export async function dueStep(api: ApiClient, caseId: string): Promise<string | Refusal> {
  const summary = await api.readCase({ caseId })
  if (isRefusal(summary)) return summary
  if (summary.due.stepId === null)
    throw new UsageFault(`the case owes ${summary.due.kind}; name a step`)
  return summary.due.stepId
}

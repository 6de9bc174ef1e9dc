/**
 * The workflow worker's own activities. `sync` is the workflow's one way to the ledger: it gives the store
 * what came as signals and what a timer noticed, and returns the entries that the workflow has not folded.
 * Nothing is judged here; the store admits or refuses, and records which.
 */
import type { CoreActivities } from '../src/contract/messages.js'
import type { Recorded } from '../src/domain/case/case.js'
import { isRefusal } from '../src/domain/refusal.js'
import { Envelope } from '../src/domain/shapes/envelope.js'
import { parseAs } from '../src/domain/shapes/parse.js'
import { caseOf } from '../src/store/case/apply.js'
import { type CaseDeps, newsFor, submitDeadline, submitDecision } from '../src/store/case/cases.js'
import { recordReset } from '../src/store/case/reconcile.js'
import { noticeFence } from '../src/store/streams/fences.js'

export function createCoreActivities(deps: CaseDeps): CoreActivities {
  return {
    sync: async ({ caseId, after, head, inbox, deadline, reset }) => {
      if (reset !== null) await recordReset(deps.db, { caseId, runId: reset })
      await submitAll(deps, { caseId, inbox })
      if (deadline !== null) await submitDeadline(deps, { caseId, stepId: deadline })
      const [noticed, news] = await Promise.all([
        noticeFence(deps.db, { ...deps, caseId }),
        newsFor(deps.db, { caseId, after, head }),
      ])
      return noticed === 'none' ? news : newsFor(deps.db, { caseId, after, head })
    },
  }
}

/** In the order of arrival. The relay's copies of what was admitted already are left out without a lock. */
async function submitAll(
  deps: CaseDeps,
  input: { readonly caseId: string; readonly inbox: readonly unknown[] },
): Promise<void> {
  const { caseId, inbox } = input
  if (inbox.length === 0) return
  const admitted = admittedPayloads((await caseOf(deps.db, caseId)).recorded)
  for (const item of inbox) {
    const envelope = envelopeIn(item)
    if (!isAdmitted(admitted, envelope))
      await submitDecision(deps, { caseId, envelope, door: 'signal' })
  }
}

/** UNTRUSTED: the item. The relay wraps the envelope; whoever signals by hand may send it bare. */
const envelopeIn = (item: unknown): unknown =>
  typeof item === 'object' && item !== null && 'envelope' in item ? item.envelope : item

const admittedPayloads = (recorded: readonly Recorded[]): ReadonlySet<string> =>
  new Set(
    recorded.flatMap(({ event }) =>
      event.type === 'DecisionAdmitted' ? [spelling(event.envelope) ?? ''] : [],
    ),
  )

const isAdmitted = (admitted: ReadonlySet<string>, envelope: unknown): boolean =>
  admitted.has(spelling(envelope) ?? 'none')

/** One text for one envelope, whatever the order of its fields; null for what is no envelope. */
function spelling(value: unknown): string | null {
  const envelope = parseAs(Envelope)(value)
  return isRefusal(envelope) ? null : JSON.stringify(envelope)
}

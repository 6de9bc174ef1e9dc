/** Reading cases: a partner its own, a person of the enterprise all. What a case is comes from its entries. */
import { type CaseList, CasePath, ListCasesQuery } from '../contract/http.js'
import type { Recorded } from '../domain/case/case.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { reasonDigestOf } from '../packet/told.js'
import { eventsSince } from '../store/case/apply.js'
import { listCases, reasonsOf } from '../store/case/queries.js'
import type { Handler } from './call.js'
import type { Principal } from './principal.js'
import { summaryOf } from './summary.js'

export const list: Handler = async ({ deps, principal, query }) => {
  const asked = parseAs(ListCasesQuery)(query)
  if (isRefusal(asked)) return asked
  const rows = await listCases(deps.db, {
    companyId: principal.kind === 'partner' ? principal.companyId : null,
    phase: asked.phase ?? null,
    waitingOn: asked.waitingOn ?? null,
    before: asked.cursor ?? null,
    limit: asked.limit + 1,
  })
  const cases = rows.slice(0, asked.limit)
  const next = rows.length > asked.limit ? (cases.at(-1)?.caseId.slice(-26) ?? null) : null
  const body = { cases, next } satisfies { cases: readonly object[]; next: CaseList['next'] }
  if (next === null) return { body }
  const again = new URLSearchParams({ limit: String(asked.limit), cursor: next })
  if (asked.phase !== undefined) again.set('phase', asked.phase)
  if (asked.waitingOn !== undefined) again.set('waitingOn', asked.waitingOn)
  return { body, headers: { Link: `</v1/cases?${again.toString()}>; rel="next"` } }
}

export const read: Handler = async ({ deps, principal, params, at }) => {
  const path = parseAs(CasePath)(params)
  if (isRefusal(path)) return path
  const { caseId } = path
  const recorded = await eventsSince(deps.db, { caseId, after: 0 })
  const asked = questionsIn(recorded)
  const digests = asked.flatMap(({ digest }) => digest ?? [])
  const reasons = await reasonsOf(deps.db, mayRead(principal, recorded) ? digests : [])
  const questions = asked.map(({ digest, ...question }) => ({
    ...question,
    text: digest === null ? null : (reasons.get(digest) ?? null),
  }))
  const summary = summaryOf({ caseId, recorded, at, questions })
  return summary === null ? refuse('CASE_UNKNOWN', '/caseId') : { body: summary }
}

/** A question is for whoever asked for the case: the words of one person of the enterprise to another are not the partner's. */
const mayRead = (principal: Principal, [first]: readonly Recorded[]): boolean =>
  principal.kind === 'enterprise' ||
  (first?.event.type === 'CaseOpened' && first.event.requester.kind === 'partner')

/** What approvers asked instead of deciding, with the digest of each question. */
const questionsIn = (recorded: readonly Recorded[]) =>
  recorded.flatMap(({ event, at }) =>
    event.type === 'DecisionAdmitted' && event.verdict === 'ask'
      ? [{ stepId: event.stepId, person: event.votes, at, digest: reasonDigestOf(event) }]
      : [],
  )

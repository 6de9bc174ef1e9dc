/** The doors of campaigns: one request opens every page of a slice; a campaign is shown with how it was decided. */

import { IdempotencyKey } from '../contract/http.js'
import {
  type CampaignAnswer,
  CampaignPath,
  CampaignRequest,
  type CampaignView,
} from '../contract/http-campaign.js'
import type { Recorded } from '../domain/case/case.js'
import { due } from '../domain/case/due.js'
import { fold } from '../domain/case/evolve.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import { qualityOf } from '../domain/review/quality.js'
import { parseAs } from '../domain/shapes/parse.js'
import { eventsSince } from '../store/case/apply.js'
import { pagesOfCampaign } from '../store/case/page-items.js'
import { openCampaign } from '../store/schedule/campaigns.js'
import type { Handler } from './call.js'
import { tenantOf } from './principal.js'

/** UNTRUSTED: body and Idempotency-Key. Whoever asks decides on no page. */
export const openAll: Handler = async ({ deps, principal, body, header }) => {
  const request = parseAs(CampaignRequest)(body)
  if (isRefusal(request)) return request
  const key = IdempotencyKey.safeParse(header('Idempotency-Key'))
  if (!key.success)
    return refuse('MALFORMED', '/Idempotency-Key', 'send 8 to 200 visible characters')
  const { changeReference, ...slice } = request
  const { kind, companyId, personId } = principal
  const opened = await openCampaign(deps, {
    slice,
    request: { requester: { kind, companyId, personId }, change: 'standard', changeReference },
    principal: tenantOf(principal),
    idempotencyKey: key.data,
  })
  if (isRefusal(opened)) return opened
  const answer: CampaignAnswer = {
    campaignId: opened.campaignId,
    pages: opened.pages.map(({ page, ownerId, identities, opened: made }) => ({
      ...{ page, ownerId, identities: [...identities] },
      caseId: isRefusal(made) ? null : made.caseId,
      refused: isRefusal(made) ? `${made.refused}: ${made.detail}` : null,
    })),
  }
  return { body: answer }
}

export const show: Handler = async ({ deps, params }) => {
  const path = parseAs(CampaignPath)(params)
  if (isRefusal(path)) return path
  const { campaignId } = path
  const caseIds = await pagesOfCampaign(deps.db, campaignId)
  if (caseIds.length === 0) return refuse('CASE_UNKNOWN', '/campaignId')
  const cases: (readonly Recorded[])[] = []
  for (const caseId of caseIds) cases.push(await eventsSince(deps.db, { caseId, after: 0 }))
  const pages = caseIds.map((caseId, index) => pageOf(caseId, cases[index] ?? []))
  const answer: CampaignView = {
    ...{ campaignId, pages },
    quality: qualityOf(cases).map((quality) => ({ ...quality })),
  }
  return { body: answer }
}

function pageOf(caseId: string, recorded: readonly Recorded[]): CampaignView['pages'][number] {
  const state = fold(caseId, recorded)
  const asked = state.opened?.asked
  const items = state.plan?.about.kind === 'recertify' ? state.plan.about.items : []
  const choices = recorded.flatMap(({ event }) =>
    event.type === 'DecisionAdmitted' ? (event.choices ?? []) : [],
  )
  const next = due(state)
  return {
    ...{ caseId, page: asked?.kind === 'recertify' ? asked.page : 0 },
    due: 'stepId' in next ? `${next.kind} ${next.stepId}` : next.kind,
    outcome: state.outcome,
    identities: asked?.kind === 'recertify' ? asked.identities.length : 0,
    odd: items.filter(({ odd }) => odd.length > 0).length,
    kept: choices.filter(({ verdict }) => verdict === 'keep').length,
    revoked: choices.filter(({ verdict }) => verdict === 'revoke').length,
  }
}

import { ulid } from 'ulid'
import { PARTNER } from '../enterprise.js'
import { accepted, type Chapter, closes, opensByItself, pass, type Tour } from './hands.js'

const REVOKED = 'nhi_ledger'

async function campaign({ stage, say }: Tour) {
  const api = await stage.api('per_dora')
  const { campaignId, pages } = accepted(
    await api.openCampaign({ idempotencyKey: ulid(), request: { partnerId: PARTNER } }),
  )
  const [page, ...others] = pages
  if (page?.caseId == null || others.length > 0)
    throw new Error(`${pages.length} pages instead of one: ${page?.refused}`)
  say(`Dora Lind asked what ${PARTNER} shall keep: ${campaignId}, one page`)
  return { campaignId, caseId: page.caseId, identities: page.identities }
}

export const recertifying: Chapter = {
  title: 'An owner keeps some identities and revokes one',
  play: async (tour) => {
    const { campaignId, caseId, identities } = await campaign(tour)
    const keep = identities.filter((identityId) => identityId !== REVOKED)
    const named = { keep, revoke: [REVOKED] }
    await pass(tour, { caseId, stepId: 'decide', by: ['per_ana'], named })
    tour.say(`  kept: ${keep.join(', ')}; revoked: ${REVOKED}`)
    const removal = await opensByItself(tour, {
      ...{ kind: 'deprovision', about: REVOKED, because: 'It was revoked' },
    })
    await pass(tour, { caseId: removal, stepId: 'disable', by: ['per_ana'] })
    await pass(tour, { caseId: removal, stepId: 'remove', by: ['per_ana', 'per_ben'] })
    await pass(tour, { caseId: removal, stepId: 'close', by: ['per_ana'] })
    await closes(tour, { caseId: removal, outcome: 'completed' })
    await pass(tour, { caseId, stepId: 'revoke', by: ['per_ana'] })
    await closes(tour, { caseId, outcome: 'completed' })
    await kept(tour, { campaignId, count: keep.length })
  },
}

async function kept(
  { stage, say }: Tour,
  of: { readonly campaignId: string; readonly count: number },
): Promise<void> {
  const shown = accepted(await (await stage.api('per_dora')).showCampaign(of))
  const [page] = shown.pages
  if (page?.kept !== of.count || page.revoked !== 1)
    throw new Error(`the campaign says ${page?.kept} kept and ${page?.revoked} revoked`)
  say(`  the campaign says ${page.kept} kept, ${page.revoked} revoked`)
}

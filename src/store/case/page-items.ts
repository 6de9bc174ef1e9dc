/** Which pages of which campaign an identity is on. Rows help to find a page; what it says is in its entries. */
import type { PageTerms } from '../../domain/shapes/recertify.js'
import type { Db, Tx } from '../db.js'

/** Makes the page findable by what is on it. */
export async function listPage(
  tx: Tx,
  page: PageTerms & { readonly caseId: string },
): Promise<void> {
  await tx.query(
    `insert into page_items (identity_id, case_id, owner_id, campaign_id, page)
     select id, $2, $3, $4, $5 from unnest($1::text[]) i (id)`,
    [page.identities, page.caseId, page.ownerId, page.campaignId, page.page],
  )
}

/** The page's cases of a campaign, in the order of its pages. */
export async function pagesOfCampaign(db: Db, campaignId: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ case_id: string }>(
    'select case_id from page_items where campaign_id = $1 group by page, case_id order by page',
    [campaignId],
  )
  return rows.map((row) => row.case_id)
}

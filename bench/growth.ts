/** What must not grow with what is there already: the rate of a campaign, and the time from an approval to its effect. */
import { runCampaign } from './product/campaign.js'
import { crowdOf } from './product/crowd.js'
import { type Account, openRotations } from './product/rotation.js'
import type { ProductSide } from './product/side.js'
import { median } from './report.js'
import { productLatencies } from './rounds.js'

export interface GrowthSize {
  /** Items that earlier campaigns decided on, in rising order. */
  readonly items: readonly number[]
  /** Open cases, in rising order. */
  readonly openCases: readonly number[]
  readonly campaigns: number
}

export interface Growth {
  readonly campaigns: readonly { readonly items: number; readonly perSecond: number }[]
  readonly approvals: readonly { readonly open: number; readonly ms: readonly number[] }[]
}

export async function measureGrowth(
  product: ProductSide,
  input: {
    readonly size: GrowthSize
    readonly accounts: readonly Account[]
    readonly progress: (line: string) => void
  },
): Promise<Growth> {
  const campaigns = await growingCampaigns(product, input)
  const approvals = await growingApprovals(product, input)
  return { campaigns, approvals }
}

type Input = Parameters<typeof measureGrowth>[1]

async function growingCampaigns(
  product: ProductSide,
  { size, progress }: Input,
): Promise<Growth['campaigns']> {
  const first = await runCampaign(product)
  const page = await product.stage.state(first.lastPage)
  const onPage = page.plan?.about.kind === 'recertify' ? page.plan.about.items.length : 1
  const past = crowdOf(product, first.lastPage)
  const measured: Growth['campaigns'][number][] = []
  for (const items of size.items) {
    progress(`campaigns after ${items} items`)
    await past.upTo(Math.ceil(items / onPage))
    const rates: number[] = []
    while (rates.length < size.campaigns) rates.push((await runCampaign(product)).itemsPerSecond)
    measured.push({ items, perSecond: median(rates) })
  }
  return measured
}

/** The last thing before a system is stopped: the case that is copied stays open. */
async function growingApprovals(
  product: ProductSide,
  { size, accounts, progress }: Input,
): Promise<Growth['approvals']> {
  const [copied, ...used] = accounts
  if (copied === undefined) throw new TypeError('no account to copy')
  const [rotation] = await openRotations(product, [copied])
  const crowd = crowdOf(product, rotation?.caseId ?? '')
  const measured: Growth['approvals'][number][] = []
  for (const open of size.openCases) {
    progress(`approvals with ${open} open cases`)
    await crowd.upTo(open)
    const { ms } = await productLatencies(product, used)
    measured.push({ open, ms })
  }
  return measured
}

/** Campaigns on the command line: asked for with `request recertify`, shown with `campaign show`. */
import { Command } from 'commander'
import { ulid } from 'ulid'
import type { CampaignRequest, CampaignView } from '../../contract/http-campaign.js'
import { Tier } from '../../domain/shapes/basic.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish } from '../session/outcome.js'

export const define = (): Command =>
  new Command('campaign').addCommand(
    withProfile('show')
      .description('where the pages of a campaign stand, and how they were decided')
      .argument('<campaign>', 'its id, cmp_…')
      .action(show),
  )

async function show(campaignId: string, options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.showCampaign({ campaignId }), { json: options.json, show: lines })
}

const lines = ({ pages, quality }: CampaignView): readonly string[] => [
  ...pages.map(
    ({ page, caseId, outcome, due, identities, odd, kept, revoked }) =>
      `page ${page}  ${caseId}  ${outcome === null ? due : `closed: ${outcome}`}  ${identities} identities, ${odd} odd, ${kept} kept, ${revoked} revoked`,
  ),
  ...quality.map(
    ({ role, decisions, keptAll, dwellMs }) =>
      `by ${role}: ${decisions} decision(s), ${keptAll} kept everything; from gate to decision ${seconds(dwellMs.shortest)} to ${seconds(dwellMs.longest)}, median ${seconds(dwellMs.median)}`,
  ),
]

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`

interface Asking extends Common {
  readonly partner?: string
  readonly system?: string[]
  readonly tier?: string[]
  readonly objective?: string[]
  readonly owner?: string[]
  readonly reference?: string
  readonly key?: string
}

/** Part of `countersign request`. */
export const recertifyCommand = (): Command =>
  withProfile('recertify')
    .description('ask owners which of their identities are kept: opens every page of a campaign')
    .option('--partner <id>', 'what this partner keeps; all when not given')
    .option('--system <ids...>', 'sys_…; all when not given')
    .option('--tier <tiers...>', `${Tier.options.join(', ')}; all when not given`)
    .option('--objective <ids...>', 'obj_…; all when not given')
    .option('--owner <ids...>', 'per_…; all when not given')
    .option('--reference <id>', 'the change record of your own service desk')
    .option('--key <text>', 'Idempotency-Key; the same one again gives the same campaign')
    .action(ask)

async function ask(options: Asking): Promise<void> {
  const { partner, system, tier, objective, owner, reference, key, json } = options
  const request = {
    ...{ partnerId: partner ?? null, systems: system ?? null, tiers: tier ?? null },
    ...{ objectives: objective ?? null, owners: owner ?? null },
    changeReference: reference ?? null,
  } as CampaignRequest
  const api = await clientFor(options)
  finish(await api.openCampaign({ request, idempotencyKey: key ?? ulid() }), {
    json,
    show: ({ campaignId, pages }) => [
      campaignId,
      ...pages.map(
        ({ caseId, refused, ownerId, identities }) =>
          `${caseId ?? `not opened: ${refused ?? ''}`}  ${ownerId}  ${identities.length} identities`,
      ),
    ],
  })
}

/** A campaign over the whole inventory: asked for over HTTP, each page decided and closed by its owner as soon as it can be. */
import { ulid } from 'ulid'
import { PARTNER } from '../../src/demo/enterprise.js'
import { decisionFor } from '../../src/demo/stage.js'
import { rootOver } from '../../src/domain/bytes/merkle.js'
import { initial } from '../../src/domain/case/case.js'
import type { Choice } from '../../src/domain/shapes/recertify.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { type Followed, told, until, untilGate } from './rotation.js'
import type { ProductSide } from './side.js'

export interface CampaignRun {
  readonly items: number
  readonly itemsPerSecond: number
  readonly lastPage: string
}

/** From the request until every page is closed. */
export async function runCampaign(product: ProductSide): Promise<CampaignRun> {
  const officer = await product.stage.api('per_dora')
  const began = performance.now()
  const { pages } = told(
    await officer.openCampaign({ idempotencyKey: ulid(), request: { partnerId: PARTNER } }),
  )
  const caseIds = pages.map(({ caseId, refused }) => {
    if (caseId === null) throw new Error(`no page: ${refused}`)
    return caseId
  })
  await Promise.all(caseIds.map((caseId) => decidePage(product, caseId)))
  const seconds = (performance.now() - began) / 1000
  const items = pages.reduce((sum, { identities }) => sum + identities.length, 0)
  return { items, itemsPerSecond: items / seconds, lastPage: caseIds.at(-1) ?? '' }
}

async function decidePage(product: ProductSide, caseId: string): Promise<void> {
  const followed: Followed = { caseId, state: initial(caseId) }
  await untilGate(product, { followed, stepId: 'decide' })
  await approve(product, { followed, stepId: 'decide', choices: keepAll(followed) })
  await untilGate(product, { followed, stepId: 'revoke' })
  await approve(product, { followed, stepId: 'revoke', choices: null })
  await until(product, { followed, holds: (state) => state.outcome !== null })
}

const keepAll = ({ state }: Followed): Choice[] =>
  (state.plan?.about.kind === 'recertify' ? state.plan.about.items : []).map(({ identityId }) => ({
    ...{ identityId, verdict: 'keep', given: 'one-by-one' },
  }))

async function approve(
  product: ProductSide,
  input: {
    readonly followed: Followed
    readonly stepId: string
    readonly choices: Choice[] | null
  },
): Promise<void> {
  const { followed, stepId, choices } = input
  const change = { choice: choices === null ? null : rootOver(choices) }
  const payload = decisionFor(followed.state, { stepId, person: 'per_ana', change })
  const envelope = signEnvelope({ kind: 'decision', payload, ...product.key('per_ana') })
  const { caseId } = followed
  told(await product.api('per_ana').decide({ caseId, envelope, choices }))
}

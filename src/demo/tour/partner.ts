/** A partner at work: it leases its task, hands over what is sealed to the consumer, and claims. Its claim is believed by nobody. */
import type { DemoPartner } from '../enterprise.js'
import type { Consumer } from '../processes.js'
import { claimDone, deployToConsumer, lease } from '../steps.js'
import { type At, accepted, closes, pass, type Tour, whenCase } from './hands.js'

export interface Work extends At {
  readonly partner: DemoPartner
}

const offered = (tour: Tour, { caseId, stepId }: At) =>
  whenCase(tour, {
    ...{ caseId, what: `offers ${stepId} to the partner` },
    is: ({ due }) => due.kind === 'claim',
  })

const decided = (tour: Tour, { caseId, stepId }: At) =>
  whenCase(tour, {
    ...{ caseId, what: `has its probe see what was claimed of ${stepId}` },
    is: ({ due }) => due.kind === 'closed' || (due.stepId !== null && due.stepId !== stepId),
  })

/** The new secret, which only the consumer can open, goes to the consumer; then a probe sees it in use, or not. */
export async function handsOver(
  tour: Tour,
  work: Work & { readonly consumer: Consumer },
): Promise<void> {
  const before = await offered(tour, work)
  const delivered = await deployToConsumer(tour.stage, work)
  accepted(await claimDone(tour.stage, { ...work, lease: delivered.lease }))
  const { facts } = await decided(tour, work)
  const seen = facts.filter((fact) => !before.facts.includes(fact))
  tour.say(
    `  ${work.stepId}: ${work.partner} handed the sealed secret over and claimed it done; observed: ${seen.join(', ')}`,
  )
}

/** A demand from its signature to its acceptance: the partner hands in what was asked, and the owner of the contract takes it. */
export async function answers(
  tour: Tour,
  of: { readonly caseId: string; readonly partner: DemoPartner; readonly document: string },
): Promise<void> {
  const { caseId, partner, document } = of
  const work = { caseId, stepId: 'ask', partner }
  await pass(tour, { ...work, by: ['per_ana'] })
  await offered(tour, work)
  const leased = await lease(tour.stage, work)
  const bytes = Buffer.from(document)
  accepted(await claimDone(tour.stage, { ...work, lease: leased.lease, document: bytes }))
  await decided(tour, work)
  tour.say(`  ask: ${partner} handed in a document, signed`)
  await pass(tour, { caseId, stepId: 'accept', by: ['per_ana'] })
  await closes(tour, { caseId, outcome: 'completed' })
}

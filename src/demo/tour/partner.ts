/** A partner at work: it leases its task, hands over what is sealed to the consumer, and claims. Its claim is believed by nobody. */
import type { DemoPartner } from '../enterprise.js'
import type { Consumer } from '../processes.js'
import { claimDone, deployToConsumer } from '../steps.js'
import { type At, accepted, type Tour, whenCase } from './hands.js'

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

import { PARTNER } from '../enterprise.js'
import { cut, giveMandate } from './enterprise-moves.js'
import {
  accepted,
  ask,
  awaited,
  type Chapter,
  closes,
  pass,
  type Tour,
  unattended,
} from './hands.js'
import { handsOver } from './partner.js'
import { rotation } from './rotating.js'

/** Kept by two partners, for one business need. */
const REPORTED = 'nhi_billing'
const LINKED = 'nhi_reports'

async function contains(tour: Tour, identityId: string): Promise<void> {
  const caseId = await cut(tour, { by: 'per_eve', identityId })
  await unattended(tour, { caseId, stepId: 'contain' })
  await pass(tour, { caseId, stepId: 'review', by: ['per_ana', 'per_cleo'] })
  await closes(tour, { caseId, outcome: 'completed' })
}

/** The enterprise's own list beside the report. */
async function scopeFound({ stage, say }: Tour, caseId: string): Promise<void> {
  const review = accepted(await (await stage.api('per_cleo')).review({ caseId, stepId: 'scope' }))
  const { about, warnings } = review.plan
  if (about.kind !== 'incident' || !about.inScope.includes(LINKED))
    throw new Error(`${LINKED} is not in scope`)
  say(`  the enterprise found in scope: ${about.inScope.join(', ')}`)
  for (const warning of warnings) say(`  ${warning}`)
}

/** Access again, with a new secret, which the consumer alone can open. */
async function reinstates(tour: Tour): Promise<void> {
  const lift = await ask(tour, {
    by: 'per_ben',
    request: { kind: 'lift', identityId: REPORTED },
  })
  await pass(tour, { caseId: lift, stepId: 'lift', by: ['per_ana', 'per_cleo'] })
  await pass(tour, { caseId: lift, stepId: 'close', by: ['per_ana'] })
  await closes(tour, { caseId: lift, outcome: 'completed' })
  const caseId = await ask(tour, {
    by: 'partner',
    request: { kind: 'reinstate', identityId: REPORTED },
  })
  const consumer = await tour.consumer('billing')
  await pass(tour, { caseId, stepId: 'enable', by: ['per_ana', 'per_ben'] })
  await pass(tour, { caseId, stepId: 'hand-over', by: ['per_ana'] })
  await handsOver(tour, { caseId, stepId: 'hand-over', partner: PARTNER, consumer })
  await pass(tour, { caseId, stepId: 'close', by: ['per_ana'] })
  await closes(tour, { caseId, outcome: 'completed' })
}

async function removes(tour: Tour): Promise<void> {
  const caseId = await ask(tour, {
    by: 'per_dora',
    request: { kind: 'deprovision', identityId: LINKED },
  })
  await pass(tour, { caseId, stepId: 'disable', by: ['per_ana'] })
  await pass(tour, { caseId, stepId: 'remove', by: ['per_ana', 'per_ben'] })
  await pass(tour, { caseId, stepId: 'close', by: ['per_ana'] })
  await closes(tour, { caseId, outcome: 'completed' })
}

export const responding: Chapter = {
  title: 'An incident across two partners pre-empts a rotation',
  play: async (tour) => {
    await giveMandate(tour, { kind: 'contain', steps: ['contain'] })
    const waiting = await ask(tour, { by: 'partner-zeta', request: rotation(LINKED) })
    await pass(tour, { caseId: waiting, stepId: 'issue', by: ['per_ana'] })
    await awaited(tour, { caseId: waiting, stepId: 'cut-over' })
    const caseId = await ask(tour, {
      by: 'partner',
      request: {
        ...{ kind: 'incident', partnerId: PARTNER, reference: 'INC-7' },
        suspected: [REPORTED],
      },
    })
    await awaited(tour, { caseId, stepId: 'scope' })
    await scopeFound(tour, caseId)
    await contains(tour, REPORTED)
    await contains(tour, LINKED)
    tour.say(`What waited on it: ${waiting}`)
    await closes(tour, { caseId: waiting, outcome: 'superseded' })
    tour.say('Who cut validates nothing; the owner of incidents does:')
    await pass(tour, { caseId, stepId: 'scope', by: ['per_cleo'] })
    await pass(tour, { caseId, stepId: 'contain', by: ['per_cleo'] })
    await reinstates(tour)
    await removes(tour)
    await pass(tour, { caseId, stepId: 'eradicate', by: ['per_cleo'] })
    await pass(tour, { caseId, stepId: 'close', by: ['per_cleo', 'per_dora'] })
    await closes(tour, { caseId, outcome: 'completed' })
  },
}

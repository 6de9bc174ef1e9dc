import { PARTNER } from '../enterprise.js'
import { ask, type Chapter, closes, pass } from './hands.js'
import { handsOver } from './partner.js'

export const provisioning: Chapter = {
  title: 'An identity is made with the rights that were signed and no other',
  play: async (tour) => {
    const consumer = await tour.consumer('intake')
    const caseId = await ask(tour, {
      by: 'partner',
      request: { kind: 'provision', identityId: 'nhi_intake', memberOf: ['payments_work'] },
    })
    await pass(tour, { caseId, stepId: 'create', by: ['per_ana', 'per_ben'] })
    await pass(tour, { caseId, stepId: 'enable', by: ['per_ana'] })
    await pass(tour, { caseId, stepId: 'hand-over', by: ['per_ana'] })
    await handsOver(tour, { caseId, stepId: 'hand-over', partner: PARTNER, consumer })
    await pass(tour, { caseId, stepId: 'close', by: ['per_ana'] })
    await closes(tour, { caseId, outcome: 'completed' })
  },
}

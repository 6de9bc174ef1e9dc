import type { OpenCaseRequest } from '../../contract/http.js'
import { PARTNER } from '../enterprise.js'
import type { Consumer } from '../processes.js'
import { ahead, ask, awaited, type Chapter, closes, pass } from './hands.js'
import { handsOver } from './partner.js'

export const rotation = (identityId: string): OpenCaseRequest => ({
  ...{ kind: 'rotate', identityId },
  ...{ change: 'standard', changeReference: 'CHG0041207' },
})

interface Report {
  readonly failedLogins: number
  readonly failedQueries: number
  readonly queries: number
}

async function unharmed(consumer: Consumer): Promise<number> {
  const report = (await (await fetch(`${consumer.url}/report`)).json()) as Report
  if (report.failedLogins + report.failedQueries > 0)
    throw new Error('the consumer saw a failure during the rotation')
  return report.queries
}

export const rotating: Chapter = {
  title: 'A credential in use is rotated',
  play: async (tour) => {
    const consumer = await tour.consumer('billing')
    const caseId = await ask(tour, { by: 'partner', request: rotation('nhi_billing') })
    await awaited(tour, { caseId, stepId: 'issue' })
    await ahead(tour, { caseId, stepId: 'close', by: 'per_ana' })
    await pass(tour, { caseId, stepId: 'issue', by: ['per_ana'] })
    await pass(tour, { caseId, stepId: 'cut-over', by: ['per_ana'] })
    await handsOver(tour, { caseId, stepId: 'cut-over', partner: PARTNER, consumer })
    await pass(tour, { caseId, stepId: 'retire', by: ['per_ana', 'per_ben'] })
    await closes(tour, { caseId, outcome: 'completed' })
    tour.say(`  the consumer: ${await unharmed(consumer)} queries, none failed`)
  },
}

import { soon } from '../stage.js'
import { giveMandate } from './enterprise-moves.js'
import { ask, type Chapter, closes, declines, opensByItself, pass, unattended } from './hands.js'

const IDENTITY = 'nhi_billing'
/** It is over before a second attestation is due. */
const EVERY_MS = 15_000

export const silencing: Chapter = {
  title: 'Nobody attests in time: access is suspended until its owner speaks',
  play: async (tour) => {
    await giveMandate(tour, { kind: 'suspend', steps: ['suspend'] })
    const exception = await ask(tour, {
      by: 'partner',
      request: {
        ...{ kind: 'exception', identityId: IDENTITY, deviation: 'maximum-age' },
        ...{ reference: 'RISK-8', attestEveryMs: EVERY_MS, until: soon(2 * EVERY_MS) },
        controls: [{ controlId: 'network-allow-list', attestedBy: 'per_ana' }],
      },
    })
    await pass(tour, { caseId: exception, stepId: 'accept', by: ['per_cleo', 'per_ana'] })
    await closes(tour, { caseId: exception, outcome: 'completed' })
    const because = 'An attestation was missed'
    const caseId = await opensByItself(tour, { kind: 'suspend', about: IDENTITY, because })
    await unattended(tour, { caseId, stepId: 'suspend' })
    await declines(tour, { caseId, stepId: 'uphold', by: 'per_ana' })
    await closes(tour, { caseId, outcome: 'rolled-back' })
    tour.say('  it works again, with the secret that it had')
  },
}

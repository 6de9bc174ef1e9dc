import { gridLines } from '../../cli/owners/rights.js'
import { PARTNER } from '../enterprise.js'
import { cut } from './enterprise-moves.js'
import {
  accepted,
  type Chapter,
  closes,
  declines,
  opensByItself,
  pass,
  type Tour,
  unattended,
} from './hands.js'
import { answers } from './partner.js'

const CANARY = 'nhi_canary'
const because = 'The drill asked for it'

async function revokes(tour: Tour): Promise<void> {
  const caseId = await cut(tour, { by: 'per_eve', identityId: CANARY })
  await unattended(tour, { caseId, stepId: 'contain' })
  await pass(tour, { caseId, stepId: 'review', by: ['per_ana', 'per_cleo'] })
  await closes(tour, { caseId, outcome: 'completed' })
}

async function decidesException(tour: Tour): Promise<void> {
  const caseId = await opensByItself(tour, { kind: 'exception', about: CANARY, because })
  await declines(tour, { caseId, stepId: 'accept', by: 'per_cleo' })
  await closes(tour, { caseId, outcome: 'declined' })
}

async function demandsEvidence(tour: Tour): Promise<void> {
  const caseId = await opensByItself(tour, { kind: 'demand', about: PARTNER, because })
  const document = `Who can read the secrets of ${CANARY}: op-4711, op-4712`
  await answers(tour, { caseId, partner: PARTNER, document })
}

/** When each right last worked, by drill or in earnest: all of them have to. */
async function grid({ stage, say }: Tour): Promise<void> {
  const rights = accepted(await (await stage.api('per_dora')).rights())
  for (const line of gridLines(rights)) say(line)
  const { cells } = rights
  const bad = cells.filter(({ finding }) => finding !== null)
  if (cells.length !== 6 || bad.length > 0)
    throw new Error(`${bad.length} of ${cells.length} rights do not work`)
}

export const drilling: Chapter = {
  title: 'The three rights, drilled on a canary',
  play: async (tour) => {
    const caseId = await opensByItself(tour, {
      ...{ kind: 'drill', about: PARTNER, because: 'A drill is due' },
    })
    await pass(tour, { caseId, stepId: 'exercise', by: ['per_ana'] })
    await revokes(tour)
    await decidesException(tour)
    await demandsEvidence(tour)
    await pass(tour, { caseId, stepId: 'close', by: ['per_ana'] })
    await closes(tour, { caseId, outcome: 'completed' })
    await grid(tour)
  },
}

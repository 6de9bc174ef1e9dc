import { ulid } from 'ulid'
import { isRefusal } from '../../domain/refusal.js'
import type { ContractsSection } from '../../domain/shapes/authority.js'
import { soon } from '../stage.js'
import { changeAuthority, giveMandate } from './enterprise-moves.js'
import { ask, type Chapter, closes, opensByItself, pass, type Tour, unattended } from './hands.js'
import { answers } from './partner.js'
import { rotation } from './rotating.js'

const LEAVING = 'com_zeta'
const KEPT = 'nhi_vault'

const contractEnds = (tour: Tour): Promise<void> =>
  changeAuthority(tour, {
    ...{ kind: 'change-contracts', section: 'contracts', because: 'MSA-2026-023-END' },
    edit: (body) => {
      const { contracts } = body as unknown as ContractsSection
      return {
        ...body,
        contracts: contracts.map((contract) =>
          contract.companyId === LEAVING ? { ...contract, notAfter: soon(0) } : contract,
        ),
      }
    },
  })

async function noMoreWork({ stage, say }: Tour): Promise<void> {
  const asked = await (await stage.api('partner-zeta')).openCase({
    ...{ idempotencyKey: ulid(), request: rotation(KEPT) },
  })
  if (!isRefusal(asked)) throw new Error(`${LEAVING} got new work: ${asked.caseId}`)
  say(`${LEAVING} asked for a rotation and was refused: ${asked.refused}`)
}

/** It owes an answer after its contract as before: no clause is needed to demand evidence. */
async function saysWhatItHolds(tour: Tour): Promise<void> {
  const caseId = await ask(tour, {
    by: 'per_ben',
    request: {
      ...{ kind: 'demand', partnerId: LEAVING, question: 'what-is-left', due: soon(3_600_000) },
      ...{ reference: 'MSA-2026-023-END', about: null, period: null },
    },
  })
  await answers(tour, {
    caseId,
    partner: LEAVING,
    document: 'Nothing: secrets destroyed, CHG0041300',
  })
}

export const offboarding: Chapter = {
  title: 'A partner leaves: its contract ends, and its access with it',
  play: async (tour) => {
    await giveMandate(tour, { kind: 'deprovision', steps: ['disable', 'remove'] })
    await contractEnds(tour)
    const caseId = await opensByItself(tour, {
      ...{ kind: 'deprovision', about: KEPT, because: 'The contract has ended' },
    })
    await noMoreWork(tour)
    await unattended(tour, { caseId, stepId: 'disable' })
    await unattended(tour, { caseId, stepId: 'remove' })
    await pass(tour, { caseId, stepId: 'close', by: ['per_ana'] })
    await closes(tour, { caseId, outcome: 'completed' })
    await saysWhatItHolds(tour)
  },
}

/** A store with evidence of every sort in it: a rotation, a mandate and its use, a fence that cut, its review and its lift. */
import { identityScope } from '../../src/domain/authority/matter.js'
import { drive } from '../../src/execution/drive.js'
import { openCase } from '../../src/store/case/open-case.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { rotate } from '../packet/story.js'
import { must } from './authority.js'
import { caseworkIn } from './casework.js'
import { containmentIn } from './cutting.js'
import { aMandate, signMandate } from './people.js'
import type { World } from './world.js'

/** The case ids. */
export interface Evidence {
  readonly rotation: string
  readonly containment: string
  readonly lift: string
}

export async function writeEvidence(world: World): Promise<Evidence> {
  const work = caseworkIn(world)
  const { keys } = world.authority
  const rotation = await rotate(world, { reasonDigest: null })
  must(await giveMandate(world.api, signMandate(keys, aMandate())))
  const containment = await containmentIn(world, { identityId: 'nhi_ledger' })
  await drive(world.connector, containment)
  await work.signAndPerform(containment, { stepId: 'review', by: ['per_ana', 'per_cleo'] })
  const { caseId: lift } = must(
    await openCase(world.api, {
      request: {
        asked: { kind: 'lift' },
        scope: identityScope('nhi_ledger'),
        change: 'normal',
        requester: { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' },
        changeReference: null,
      },
      ...{ principal: 'dora', idempotencyKey: 'lift' },
    }),
  )
  await drive(world.connector, lift)
  await work.signAndPerform(lift, { stepId: 'lift', by: ['per_ana', 'per_cleo'] })
  await work.signAndPerform(lift, { stepId: 'close', by: ['per_ana'] })
  return { rotation, containment, lift }
}

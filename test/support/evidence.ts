/** A store with evidence of every sort in it: a rotation, a mandate and its use, a fence that cut, its review and its lift. */
import { identityScope } from '../../src/domain/matter.js'
import { drive } from '../../src/execution/drive.js'
import { contain } from '../../src/store/containment.js'
import { raiseFence } from '../../src/store/fences.js'
import { giveMandate } from '../../src/store/mandates.js'
import { openCase } from '../../src/store/open-case.js'
import { rotate } from '../packet/story.js'
import { must } from './authority.js'
import { caseworkIn } from './casework.js'
import { aMandate, signFence, signMandate } from './people.js'
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
  const { authority, verify } = world.api
  const rotation = await rotate(world, { reasonDigest: null })
  must(await giveMandate(world.api, signMandate(keys, aMandate())))
  const scope = { kind: 'identity', id: 'nhi_ledger' } as const
  const envelope = signFence(keys, { person: 'per_cleo', scope, speed: 'cut' })
  const fence = must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
  const { contained } = must(await contain(world.api, fence))
  const containment = contained[0]?.caseId ?? ''
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

/** Rows about one identity: provision, deprovision, three rotations, recertification, exception, emergency access. */
import { expect } from 'vitest'
import { rootOver } from '../../../src/domain/bytes/merkle.js'
import type { Choice } from '../../../src/domain/shapes/recertify.js'
import { submitDecision } from '../../../src/store/case/cases.js'
import { openCampaign } from '../../../src/store/schedule/campaigns.js'
import { revocationOf } from '../../../src/store/schedule/recertification.js'
import { askForAttestations, rotateOverdue } from '../../../src/store/schedule/renewals.js'
import { raiseFence } from '../../../src/store/streams/fences.js'
import { must } from '../../support/authority.js'
import { aDecision, signDecision, signFence, soon } from '../../support/people.js'
import { until } from '../../support/rig.js'
import { ACME, by, type Hands, ofIdentity } from './hands.js'

const NONE: ReadonlySet<string> = new Set()

export async function provision(hands: Hands): Promise<void> {
  const asked = { kind: 'provision' as const, memberOf: ['billing_read'] }
  const caseId = await hands.opens(asked, { scope: ofIdentity('intake'), by: ACME })
  expect(await hands.refuses(caseId, 'create', 'per_zed')).toContain('EXECUTOR_COMPANY')
  await hands.sign(caseId, 'create', 'per_ana', 'per_ben')
  await hands.sign(caseId, 'enable', 'per_ana')
  await hands.sign(caseId, 'hand-over', 'per_ana')
  await hands.handsOver(caseId, { stepId: 'hand-over', user: 'intake_a', name: 'intake' })
  await hands.sign(caseId, 'close', 'per_ana')
  await hands.ends(caseId, 'completed')
}

export async function deprovision(hands: Hands): Promise<void> {
  const asked = { kind: 'deprovision' as const, reassignTo: null }
  const of = { scope: ofIdentity('ledger'), by: by('per_dora') }
  const caseId = await hands.opens(asked, of)
  expect(await hands.asks(asked, of)).toMatchObject({ refused: 'CASE_OPEN' })
  await hands.sign(caseId, 'disable', 'per_ana')
  expect(await hands.refuses(caseId, 'remove', 'per_cleo')).toContain('NOT_AN_APPROVER')
  await hands.sign(caseId, 'remove', 'per_ana', 'per_ben')
  await hands.sign(caseId, 'close', 'per_ana')
  await hands.ends(caseId, 'completed')
  const { rows } = await hands.world.targetDba.query(
    `select rolname from pg_roles where rolname like 'ledger\\_%'`,
  )
  expect(rows).toEqual([])
}

/** Taken back by its owner's word; the next time it is upheld. */
export async function suspension(hands: Hands): Promise<void> {
  const asked = { kind: 'suspend' as const, because: null }
  const of = { scope: ofIdentity('idle'), by: by('per_dora') }
  expect(await hands.asks(asked, { ...of, by: ACME })).toMatchObject({ refused: 'NOT_ALLOWED' })
  const first = await hands.opens(asked, of)
  expect(await hands.refuses(first, 'suspend', 'per_ana')).toContain('NOT_AN_APPROVER')
  await hands.sign(first, 'suspend', 'per_cleo')
  await hands.declines(first, 'uphold', 'per_ana')
  await hands.ends(first, 'rolled-back')
  const second = await hands.opens(asked, of)
  await hands.sign(second, 'suspend', 'per_cleo')
  await hands.sign(second, 'uphold', 'per_ana')
  await hands.ends(second, 'completed')
}

export async function rotation(hands: Hands): Promise<void> {
  const caseId = await hands.opens({ kind: 'rotate' }, { scope: ofIdentity('payroll'), by: ACME })
  expect(await hands.refuses(caseId, 'issue', 'per_zed')).toContain('EXECUTOR_COMPANY')
  await hands.sign(caseId, 'issue', 'per_ana')
  await hands.sign(caseId, 'cut-over', 'per_ana')
  await hands.handsOver(caseId, { stepId: 'cut-over', user: 'payroll_b', name: 'payroll' })
  await hands.sign(caseId, 'retire', 'per_ana', 'per_ben')
  await hands.sign(caseId, 'close', 'per_ana')
  await hands.ends(caseId, 'completed')
}

/** One person on duty signs its steps; both owners look at it afterwards. */
export async function emergencyRotation(hands: Hands): Promise<void> {
  const of = { scope: ofIdentity('crm'), by: ACME, change: 'emergency' as const }
  const caseId = await hands.opens({ kind: 'rotate' }, of)
  expect(await hands.refuses(caseId, 'issue', 'per_ana')).toContain('NOT_AN_APPROVER')
  await hands.sign(caseId, 'issue', 'per_cleo')
  await hands.sign(caseId, 'cut-over', 'per_cleo')
  await hands.handsOver(caseId, { stepId: 'cut-over', user: 'crm_b', name: 'crm' })
  await hands.sign(caseId, 'retire', 'per_cleo')
  await hands.sign(caseId, 'close', 'per_ana', 'per_ben')
  await hands.ends(caseId, 'completed')
}

/** Nobody asks for it, and the owner's no puts everything back. */
export async function scheduledRotation(hands: Hands): Promise<void> {
  const caseId = hands.scheduled(must(await rotateOverdue(hands.world.keeper, NONE)))
  expect(caseId).toMatch(/^rotate:com_acme:nhi_backup:/)
  await hands.sign(caseId, 'issue', 'per_ana')
  await hands.declines(caseId, 'cut-over', 'per_ana')
  await hands.ends(caseId, 'rolled-back')
}

const KEPT = 'nhi_keep'
const DROPPED = 'nhi_drop'

export async function recertification(hands: Hands): Promise<void> {
  const { world, work } = hands
  const { pages } = must(
    await openCampaign(world.api, {
      slice: {
        ...{ partnerId: 'com_acme', tiers: ['tier2'] },
        ...{ systems: null, objectives: null, owners: null },
      },
      request: { requester: by('per_dora'), change: 'standard', changeReference: 'CAMP-1' },
      ...{ principal: 'dora', idempotencyKey: 'campaign' },
    }),
  )
  const caseId = hands.scheduled(pages)
  expect(await hands.refuses(caseId, 'decide', 'per_ana')).toContain('CHOICE_INVALID')
  const choices: readonly Choice[] = [
    { identityId: DROPPED, verdict: 'revoke', given: 'one-by-one' },
    { identityId: KEPT, verdict: 'keep', given: 'one-by-one' },
  ]
  const overrides = { choice: rootOver(choices) }
  const decision = aDecision(await work.stateOf(caseId), {
    ...{ stepId: 'decide', person: 'per_ana', overrides },
  })
  const envelope = signDecision(world.authority.keys, decision)
  must(await submitDecision(world.api, { caseId, envelope, choices, door: 'api' }))
  let removal: string | undefined
  await until('its deprovision is open', async () => {
    const of = { identityId: DROPPED, pageId: caseId }
    removal = (await revocationOf(world.db('cs_connector'), of))?.caseId
    return removal !== undefined
  })
  await hands.sign(removal ?? '', 'disable', 'per_ana')
  await hands.sign(caseId, 'revoke', 'per_ana')
  await hands.ends(caseId, 'completed')
  await hands.sign(removal ?? '', 'remove', 'per_ana', 'per_ben')
  await hands.sign(removal ?? '', 'close', 'per_ana')
  await hands.ends(removal ?? '', 'completed')
}

/** A partner asks, the risk owner accepts, and whoever attests is asked again and again. */
export async function exception(hands: Hands): Promise<void> {
  const asked = {
    ...{ kind: 'exception' as const, deviation: 'maximum-age' as const, reference: 'RISK-7' },
    controls: [{ controlId: 'network-allow-list', attestedBy: 'per_ana' }],
    ...{ attestEveryMs: 1, until: soon(3_600_000) },
  }
  const caseId = await hands.opens(asked, { scope: ofIdentity('billing'), by: ACME })
  expect(await hands.refuses(caseId, 'accept', 'per_zed')).toContain('EXECUTOR_COMPANY')
  await hands.sign(caseId, 'accept', 'per_cleo', 'per_ana')
  await hands.ends(caseId, 'completed')
  const attestation = hands.scheduled(must(await askForAttestations(hands.world.keeper, NONE)))
  expect(await hands.refuses(attestation, 'attest', 'per_cleo')).toContain('NOT_AN_APPROVER')
  await hands.sign(attestation, 'attest', 'per_ana')
  await hands.ends(attestation, 'completed')
}

/** It would last for an hour; a fence around the identity ends it at once. */
export async function emergencyAccess(hands: Hands): Promise<void> {
  const { world, work } = hands
  const caseId = await hands.opens(
    {
      ...{ kind: 'break-glass', reference: 'INC-9', recipient: 'cns_vault' },
      until: soon(3_600_000),
    },
    { scope: ofIdentity('vault'), by: by('per_ana'), change: 'emergency' },
  )
  expect(await hands.refuses(caseId, 'open', 'per_ana')).toContain('REQUESTER_NEVER')
  await work.approve(caseId, { stepId: 'end', person: 'per_ben' })
  await hands.sign(caseId, 'open', 'per_ben')
  const scope = { kind: 'identity', id: 'nhi_vault' } as const
  const envelope = signFence(world.authority.keys, { person: 'per_cleo', scope })
  const { authority, verify } = world.api
  must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
  expect(await hands.refuses(caseId, 'review', 'per_ben')).toContain('NOT_AN_APPROVER')
  await hands.sign(caseId, 'review', 'per_dora')
  await hands.ends(caseId, 'completed')
}

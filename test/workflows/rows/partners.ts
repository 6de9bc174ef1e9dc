/** Rows about a partner: evidence that it is asked for, a drill of the three rights over it, its review, a dispute. */
import { expect } from 'vitest'
import { digestOf } from '../../../src/domain/bytes/digest.js'
import { signEnvelope } from '../../../src/keys/sign.js'
import { eventsSince } from '../../../src/store/case/apply.js'
import { submitClaim, submitLease } from '../../../src/store/case/cases.js'
import { now } from '../../../src/store/db.js'
import { drillDue } from '../../../src/store/schedule/drills.js'
import { findingsAgainst } from '../../../src/store/streams/findings.js'
import { must } from '../../support/authority.js'
import { cutIn } from '../../support/cutting.js'
import { aClaim, soon } from '../../support/people.js'
import { until } from '../../support/rig.js'
import { by, type Hands, ofPartner, SCHEDULE, ZETA } from './hands.js'

const PARTNER = 'com_zeta'
const EVIDENCE = new TextEncoder().encode('access list of 2026-11, reviewed by op-17')
const NONE: ReadonlySet<string> = new Set()
const scope = ofPartner(PARTNER)

/** The partner hands this in under its signature; null: it only says so. */
async function claims({ world, work }: Hands, of: { caseId: string; document: Uint8Array | null }) {
  const { caseId, document } = of
  const leased = must(await submitLease(world.api, { caseId, stepId: 'ask', companyId: PARTNER }))
  const claimed = aClaim(await work.stateOf(caseId), { stepId: 'ask', lease: leased.lease })
  const { keyId, signer } = world.authority.keys.claims.com_zeta
  const notesDigest = document === null ? null : digestOf(document)
  const payload = {
    ...{ ...claimed, companyId: PARTNER },
    changeRecord: { ...claimed.changeRecord, notesDigest },
  }
  const envelope = signEnvelope({ kind: 'claim', payload, keyId, signer })
  return submitClaim(world.api, { caseId, envelope, document })
}

async function answers(hands: Hands, caseId: string): Promise<void> {
  await until('it is asked', async () => (await hands.work.dueOf(caseId)).kind === 'claim')
  must(await claims(hands, { caseId, document: EVIDENCE }))
}

/** Answered and accepted; or answered, rejected, disputed, and the finding withdrawn. */
export async function demand(hands: Hands): Promise<void> {
  const asked = {
    ...{ kind: 'demand' as const, question: 'access-list', reference: 'AUDIT-7' },
    ...{ due: soon(600_000), about: null, period: null },
  }
  expect(await hands.asks(asked, { scope, by: ZETA })).toMatchObject({ refused: 'NOT_ALLOWED' })
  const accepted = await hands.opens(asked, { scope, by: by('per_dora') })
  await hands.sign(accepted, 'ask', 'per_ana')
  expect(await claims(hands, { caseId: accepted, document: null })).toMatchObject({
    refused: 'CLAIM_INVALID',
  })
  await answers(hands, accepted)
  await hands.sign(accepted, 'accept', 'per_ana')
  await hands.ends(accepted, 'completed')

  const rejected = await hands.opens(asked, { scope, by: by('per_dora') })
  await hands.sign(rejected, 'ask', 'per_ana')
  await answers(hands, rejected)
  await hands.declines(rejected, 'accept', 'per_ana')
  await hands.ends(rejected, 'declined')
  const dispute = await hands.opens(
    { kind: 'dispute', demand: rejected, reference: 'LETTER-3' },
    { scope, by: ZETA },
  )
  await hands.sign(dispute, 'decide', 'per_ana')
  await hands.ends(dispute, 'completed')
  expect(await findingsAgainst(hands.world.api.db, PARTNER)).toContainEqual(
    expect.objectContaining({ caseId: rejected, dispute: { caseId: dispute, says: 'withdrawn' } }),
  )
}

/** The three rights on a canary, then the review of all that the partner did: one change that no case explains. */
export async function drillAndReview(hands: Hands): Promise<void> {
  const { world } = hands
  const from = await now(world.db('cs_api'))
  await drill(hands)
  await world.targetDba.query(UNEXPLAINED)
  const asked = { kind: 'partner-review' as const, from, until: await now(world.db('cs_api')) }
  const of = { scope, by: SCHEDULE }
  expect(await hands.asks(asked, { ...of, by: by('per_dora') })).toMatchObject({
    refused: 'NOT_ALLOWED',
  })
  const caseId = await hands.opens(asked, of)
  await hands.awaited(caseId, 'sign')
  const { plan } = await hands.work.stateOf(caseId)
  expect(plan?.about).toMatchObject({
    findings: [{ finding: 'unexplained-change', about: 'canary_a of nhi_canary' }],
  })
  await hands.sign(caseId, 'sign', 'per_ana')
  await hands.ends(caseId, 'completed')
}

/** What somebody with the rights of the target's DBA does behind everybody's back. */
export const UNEXPLAINED = "alter role canary_a valid until '2030-01-01'"

async function drill(hands: Hands): Promise<void> {
  const { world } = hands
  const asked = { kind: 'drill' as const, canary: 'nhi_canary' }
  expect(await hands.asks(asked, { scope, by: ZETA })).toMatchObject({ refused: 'NOT_ALLOWED' })
  const caseId = hands.scheduled(must(await drillDue(world.keeper, NONE)))
  await hands.sign(caseId, 'exercise', 'per_ana')
  const recorded = await eventsSince(world.db('cs_api'), { caseId, after: 0 })
  const seen = recorded.find(({ event }) => event.type === 'OperationObserved')?.event
  const opened = seen?.type === 'OperationObserved' ? seen.observed : {}
  const { contained } = await cutIn(world, { scope: { kind: 'identity', id: 'nhi_canary' } })
  const containment = contained[0]?.caseId ?? ''
  await hands.sign(containment, 'review', 'per_ana', 'per_cleo')
  await hands.ends(containment, 'completed')
  await hands.declines(opened['decide-exceptions'] ?? '', 'accept', 'per_cleo')
  await hands.ends(opened['decide-exceptions'] ?? '', 'declined')
  const evidence = opened['demand-evidence'] ?? ''
  await hands.sign(evidence, 'ask', 'per_ana')
  await answers(hands, evidence)
  await hands.sign(evidence, 'accept', 'per_ana')
  await hands.ends(evidence, 'completed')
  await hands.sign(caseId, 'close', 'per_ana')
  await hands.ends(caseId, 'completed')
}

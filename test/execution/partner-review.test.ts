/** The review of a partner: its cases judged again, its targets compared, its clock counted, and all of it drawn again from the packet. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PartnerReview } from '../../src/domain/shapes/review.js'
import { drive } from '../../src/execution/drive.js'
import { openCase } from '../../src/store/case/open-case.js'
import { findingsAgainst } from '../../src/store/streams/findings.js'
import { filesOf, reseal } from '../packet/forge.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf } from '../support/packets.js'
import { soon } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

const PARTNER = 'com_acme'
const SINCE = soon(-60_000)

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld({
    change: {
      ownership: (section) => ({
        ...section,
        identities: section.identities.map((identity) => ({ ...identity, tier: 'tier1' as const })),
      }),
    },
  })
  work = caseworkIn(world)
})
afterAll(() => world.stop())

type Requester = Parameters<typeof openCase>[1]['request']['requester']
const SCHEDULE: Requester = { kind: 'enterprise', companyId: 'com_bank', personId: null }

const now = async (): Promise<string> => {
  const { rows } = await world.dba.query<{ at: string }>('select now_iso() as at')
  return rows[0]?.at ?? ''
}

const ask = async (
  period: { readonly from: string; readonly until: string },
  requester: Requester = SCHEDULE,
) =>
  openCase(world.api, {
    request: {
      ...{ asked: { kind: 'partner-review', ...period }, requester, changeReference: null },
      change: requester.personId === null ? 'standard' : 'normal',
      scope: { kind: 'partner', id: PARTNER },
    },
    principal: 'reviewer',
    idempotencyKey: ulid(),
  })

/** Drawn by the connector; it waits for its signature. */
async function drawn(from = SINCE) {
  const { caseId } = must(await ask({ from, until: await now() }))
  await drive(world.connector, caseId)
  const { plan } = await work.stateOf(caseId)
  if (plan?.about.kind !== 'partner-review') throw new Error('no review was drawn')
  const about: PartnerReview = plan.about
  return { caseId, about }
}

async function signed(caseId: string): Promise<void> {
  await work.approve(caseId, { stepId: 'sign', person: 'per_ana' })
  await drive(world.connector, caseId)
  expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
}

async function rotated(): Promise<string> {
  const caseId = await work.open('billing', { kind: 'rotate' })
  await work.signAndPerform(caseId, { stepId: 'issue', by: ['per_ana'] })
  await work.signAndPerform(caseId, { stepId: 'cut-over', by: ['per_ana'] })
  const { secret, lease } = await work.deliver(caseId, 'cut-over')
  const consumer = await work.connect({
    ...{ user: 'billing_b', password: secret, appears: 'billing-service' },
  })
  await work.claim(caseId, { stepId: 'cut-over', lease })
  await work.signAndPerform(caseId, { stepId: 'retire', by: ['per_ana', 'per_ben'] })
  await work.signAndPerform(caseId, { stepId: 'close', by: ['per_ana'] })
  await consumer.end()
  expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
  return caseId
}

describe('a review of a partner', () => {
  it('judges its cases again, explains what they changed, and verifies', async () => {
    await rotated()
    const { caseId, about } = await drawn()
    expect(about.judged).toMatchObject({ count: 1, reproduced: 1 })
    expect(about.changes.count).toBeGreaterThan(0)
    expect(about.changes.explained).toBe(about.changes.count)
    expect(about.findings).toEqual([])
    expect(about.levels).toMatchObject([{ clauseId: '4.2', tasks: 1, late: 0, contradicted: 0 }])
    await signed(caseId)
    const bytes = await packetOf(world, caseId)
    expect(verdictOf(world, bytes)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('finds what was changed behind the product’s back since, and a role that nobody asked for', async () => {
    const before = await now()
    await world.targetDba.query("alter role billing_b valid until '2030-01-01'")
    await world.targetDba.query('create role intruder login')
    await world.targetDba.query('grant ledger_app to intruder')
    const { caseId, about } = await drawn(before)
    expect(about.findings.map(({ finding, about: what }) => [finding, what])).toEqual([
      ['unexplained-change', 'billing_b of nhi_billing'],
      ['unexplained-change', 'ledger_app of nhi_ledger'],
      ['unexplained-change', 'intruder on sys_billing'],
    ])
    await signed(caseId)
    const bytes = await packetOf(world, caseId)
    expect(verdictOf(world, bytes)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    expect(await findingsAgainst(world.api.db, PARTNER)).toMatchObject([
      { caseId, item: 1, finding: 'unexplained-change', dispute: null },
      { caseId, item: 2 },
      { caseId, item: 3 },
    ])
  })

  it('whose packet leaves a case out, or a look, is not the review that was signed', async () => {
    const { caseId } = await drawn()
    const files = filesOf(await packetOf(world, caseId))
    const without = (folder: string) =>
      verdictOf(world, reseal(new Map([...files].filter(([name]) => !name.startsWith(folder)))))
    expect(verdictOf(world, reseal(files))).toMatchObject({ verdict: 'VERIFIED' })
    for (const folder of ['rotates/', 'partner-reviews/'])
      expect(without(folder).problems).toContainEqual(
        expect.objectContaining({ code: 'JUDGEMENT_DIFFERS' }),
      )
  })

  it('is asked for by an owner of the contract and nobody else, and then signed by a risk owner', async () => {
    const period = { from: SINCE, until: await now() }
    const by = (personId: string): Requester => ({ ...SCHEDULE, personId })
    expect(await ask(period, by('per_dora'))).toMatchObject({ refused: 'NOT_ALLOWED' })
    const partner: Requester = { kind: 'partner', companyId: PARTNER, personId: null }
    expect(await ask(period, partner)).toMatchObject({ refused: 'NOT_ALLOWED' })
    const { caseId } = must(await ask(period, by('per_ana')))
    await drive(world.connector, caseId)
    await work.approve(caseId, { stepId: 'sign', person: 'per_cleo' })
    expect(await work.stateOf(caseId)).toMatchObject({ steps: [{ phase: 'satisfied' }] })
  })

  it('of a period that is not over is not planned', async () => {
    const { caseId } = must(await ask({ from: SINCE, until: soon(600_000) }))
    await drive(world.connector, caseId)
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'unplannable' })
  })
})

/** A campaign: owners keep or revoke each identity of a page; what is odd, revoked or left unsaid never slips through. */
import { readFile } from 'node:fs/promises'
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digest } from '../../src/domain/bytes/digest.js'
import { rootOver } from '../../src/domain/bytes/merkle.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { CaseEvent, EventOf } from '../../src/domain/shapes/event.js'
import type { Plan } from '../../src/domain/shapes/plan.js'
import type { Choice } from '../../src/domain/shapes/recertify.js'
import { drive } from '../../src/execution/drive.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { submitDeadline, submitDecision } from '../../src/store/case/cases.js'
import { openCampaign, recertifyDue } from '../../src/store/schedule/campaigns.js'
import { revocationOf } from '../../src/store/schedule/recertification.js'
import { suspendUndecided } from '../../src/store/schedule/suspensions.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { forge, reattest } from '../packet/forge.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf, verdictOn } from '../support/packets.js'
import { shiftClock } from '../support/packs.js'
import { aDecision, aMandate, signDecision, signMandate } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const EVERYTHING = { systems: null, tiers: null, objectives: null, owners: null }

const campaign = async (key: string = ulid()) => {
  const { pages } = must(
    await openCampaign(world.api, {
      slice: { ...EVERYTHING, partnerId: 'com_acme', tiers: ['tier1'] },
      request: {
        requester: { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' },
        ...{ change: 'standard', changeReference: 'CAMP-1' },
      },
      ...{ principal: 'dora', idempotencyKey: key },
    }),
  )
  return pages
}

/** The page of a new campaign over what com_acme keeps, with its first gate open. */
const aPage = async (): Promise<string> => {
  const [page] = await campaign()
  const { caseId } = must(page?.opened ?? { refused: 'CASE_UNKNOWN', where: '', detail: '' })
  await drawPlan(world.connector, caseId)
  await openDueGate(world.connector, caseId)
  return caseId
}

const PAGE = ['nhi_billing', 'nhi_intake', 'nhi_ledger']

const choose = (
  verdicts: Readonly<Record<string, Choice['verdict'] | 'batch'>> = {},
): readonly Choice[] =>
  PAGE.map((identityId) => {
    const verdict = verdicts[identityId] ?? 'keep'
    return verdict === 'batch'
      ? { identityId, verdict: 'keep', given: 'batch' }
      : { identityId, verdict, given: 'one-by-one' }
  })

const decide = async (
  caseId: string,
  of: { choices: readonly Choice[]; signed?: readonly Choice[] },
) => {
  const { choices, signed = choices } = of
  const overrides = { choice: rootOver(signed) }
  const decision = aDecision(await work.stateOf(caseId), {
    ...{ stepId: 'decide', person: 'per_ana', overrides },
  })
  const envelope = signDecision(world.authority.keys, decision)
  return submitDecision(world.api, { caseId, envelope, choices, door: 'api' })
}

/** The packet of the case with its events changed, attested again and put into a log of its own. */
const forged = async (caseId: string, change: (event: CaseEvent) => CaseEvent) => {
  const { authority } = world
  const bytes = await forge({
    ...{ bytes: await packetOf(world, caseId), authority },
    rewrite: (written) =>
      written.map((one) => {
        const event = change(one.body)
        const key = authority.keys.connector
        return { ...one, body: 'attestation' in event ? reattest(caseId, { event, key }) : event }
      }),
  })
  return verdictOf(world, bytes)
}

const revocation = async (pageId: string, identityId: string) =>
  (await revocationOf(world.db('cs_connector'), { identityId, pageId }))?.caseId ?? ''

/** With the keys of connector and log in hand. */
async function expectForgeriesFound(caseId: string): Promise<void> {
  const kept = await forged(caseId, (event) =>
    event.type === 'DecisionAdmitted' && event.choices !== null
      ? { ...event, choices: [...choose()] }
      : event,
  )
  expect(kept.problems).toContainEqual(expect.objectContaining({ code: 'CHOICE_INVALID' }))
  const unsaid = await forged(caseId, (event) =>
    event.type === 'OperationObserved' ? { ...event, observed: {} } : event,
  )
  expect(unsaid.problems).toContainEqual(expect.objectContaining({ code: 'JUDGEMENT_DIFFERS' }))
  const ordinary = await forged(caseId, (event) =>
    event.type === 'Planned' && event.plan.about.kind === 'recertify'
      ? replanned(event, event.plan.about)
      : event,
  )
  expect(ordinary.problems).toContainEqual(
    expect.objectContaining({ detail: '/plan: its items give another plan' }),
  )
}

/** The same plan, in which nothing is odd. */
function replanned(
  event: EventOf<'Planned'>,
  about: Extract<Plan['about'], { kind: 'recertify' }>,
): EventOf<'Planned'> {
  const items = about.items.map((item) => ({ ...item, odd: [] }))
  const plan = { ...event.plan, about: { ...about, items, root: rootOver(items) } }
  return { ...event, plan, planHash: digest(plan) }
}

describe('a page of a campaign', () => {
  it('is about one owner’s identities in the slice, says what is odd of each, and opens once for one key', async () => {
    const key = ulid()
    const [page, ...others] = await campaign(key)
    expect(others).toEqual([])
    expect(page).toMatchObject({ ownerId: 'per_ana', page: 1, identities: PAGE })
    const [again] = await campaign(key)
    expect(must(again?.opened as never)).toMatchObject({ made: 'before' })
    const { plan } = await work.stateOf(await aPage())
    expect(plan?.about).toMatchObject({
      items: PAGE.map((identityId) => ({
        ...{ identityId, tier: 'tier1', odd: ['not-rotated', 'never-recertified'] },
      })),
    })
  })

  it.each([
    ['an odd item in the batch', { choices: choose({ nhi_ledger: 'batch' }) }],
    ['an item without a choice', { choices: choose().slice(1) }],
    [
      'other choices than were signed',
      { choices: choose(), signed: choose({ nhi_ledger: 'revoke' }) },
    ],
  ])('refuses %s', async (_, of) => {
    expect(await decide(await aPage(), of)).toMatchObject({ refused: 'CHOICE_INVALID' })
  })

  it('refuses an approval that chooses nothing, and choices where none are asked for', async () => {
    const caseId = await aPage()
    const plain = aDecision(await work.stateOf(caseId), { stepId: 'decide', person: 'per_ana' })
    const envelope = signDecision(world.authority.keys, plain)
    const sent = { caseId, envelope, door: 'api' as const }
    expect(await submitDecision(world.api, sent)).toMatchObject({ refused: 'CHOICE_INVALID' })
    const rotation = await work.open('billing', { kind: 'rotate' })
    const overrides = { choice: rootOver(choose()) }
    const other = aDecision(await work.stateOf(rotation), {
      ...{ stepId: 'issue', person: 'per_ana', overrides },
    })
    expect(
      await submitDecision(world.api, {
        ...{ caseId: rotation, envelope: signDecision(world.authority.keys, other), door: 'api' },
        choices: choose(),
      }),
    ).toMatchObject({ refused: 'CHOICE_INVALID' })
    await work.decline(rotation, { stepId: 'issue', person: 'per_ana' })
  })

  it('on which everything is kept is signed in one sitting, and its packet verifies', async () => {
    const caseId = await aPage()
    await work.approve(caseId, { stepId: 'revoke', person: 'per_ana' })
    must(await decide(caseId, { choices: choose() }))
    await work.perform(caseId, 'decide')
    await drive(world.connector, caseId)
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('ends only when the target refuses what was revoked, and keeps the rest', async () => {
    const caseId = await aPage()
    must(await decide(caseId, { choices: choose({ nhi_ledger: 'revoke' }) }))
    await work.perform(caseId, 'decide')
    const deprovision = await revocation(caseId, 'nhi_ledger')
    expect(await work.stateOf(deprovision)).toMatchObject({ opened: { contract: null } })
    expect(await revocation(caseId, 'nhi_billing')).toBe('')

    await work.signAndPerform(caseId, { stepId: 'revoke', by: ['per_ana'] })
    expect(await work.stateOf(caseId)).toMatchObject({
      outcome: null,
      steps: [{ phase: 'performed' }, { phase: 'open', because: 'DEATH_UNPROVED', round: 2 }],
    })

    await drawPlan(world.connector, deprovision)
    await openDueGate(world.connector, deprovision)
    await work.signAndPerform(deprovision, { stepId: 'disable', by: ['per_ana'] })
    await work.approve(caseId, { stepId: 'revoke', person: 'per_ana' })
    await drive(world.connector, caseId)
    await work.signAndPerform(caseId, { stepId: 'revoke', by: ['per_ana'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    await expectForgeriesFound(caseId)
  })

  it('finds of what was decided before only what is odd for another reason', async () => {
    const { plan } = await work.stateOf(await aPage())
    expect(plan?.about).toMatchObject({ items: PAGE.map(() => ({ odd: ['not-rotated'] })) })
  })
})

const passMinutes = (minutes: number) => shiftClock(world, minutes * 60_000)

describe('silence', () => {
  it('escalates, expires and keeps nothing: a reduce-only mandate suspends, the owner’s decline gives the access back', async () => {
    const mandate = aMandate({
      covers: {
        ...{ kinds: ['suspend'], steps: ['suspend'], tiers: ['tier1'] },
        ...{ systems: null, partners: null, identities: ['nhi_billing'] },
      },
    })
    must(await giveMandate(world.api, signMandate(world.authority.keys, mandate)))
    const caseId = await aPage()
    for (const minutes of [25, 60]) {
      await passMinutes(minutes)
      must(await submitDeadline(world.keeper, { caseId, stepId: 'decide' }))
    }
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'expired' })

    await passMinutes(0)
    const looked = must(await suspendUndecided(world.keeper, new Set(['nhi_intake'])))
    expect(looked).toMatchObject([
      { identityId: 'nhi_billing', opened: { made: 'now' } },
      { identityId: 'nhi_ledger', opened: { refused: 'CASE_OPEN' } },
    ])
    const [billing] = looked
    if (billing === undefined || isRefusal(billing.opened)) throw new Error('no case')
    const again = must(await suspendUndecided(world.keeper, new Set(['nhi_intake'])))
    expect(again.map(({ identityId }) => identityId)).toEqual(['nhi_ledger'])

    const suspended = billing.opened.caseId
    await drive(world.connector, suspended)
    expect(await work.dueOf(suspended)).toMatchObject({ kind: 'decision', stepId: 'uphold' })
    expect(await canLogIn('billing_a')).toBe(false)
    await work.decline(suspended, { stepId: 'uphold', person: 'per_ana' })
    await drive(world.connector, suspended)
    expect(await work.stateOf(suspended)).toMatchObject({ outcome: 'rolled-back' })
    expect(await canLogIn('billing_a')).toBe(true)
  })
})

const canLogIn = async (role: string): Promise<boolean> => {
  const { rows } = await world.targetDba.query<{ may: boolean }>(
    'select rolcanlogin as may from pg_roles where rolname = $1',
    [role],
  )
  return rows[0]?.may === true
}

describe('the schedule', () => {
  it('asks about what the policy says is due, not about what is on an open page or was asked of late', async () => {
    const due = must((await recertifyDue(world.keeper, new Set(['nhi_vault']))) ?? nothing)
    expect(due.pages).toMatchObject([
      { ownerId: 'per_ana', identities: ['nhi_reports'], opened: { made: 'now' } },
    ])
    expect(await recertifyDue(world.keeper, new Set(['nhi_vault']))).toBe(null)
    await passMinutes(190 * 24 * 60)
    const later = must((await recertifyDue(world.keeper, new Set(['nhi_vault']))) ?? nothing)
    expect(later.pages.flatMap(({ identities }) => identities)).not.toContain('nhi_reports')
  })
})
const nothing = { refused: 'CASE_UNKNOWN' as const, where: '', detail: 'nothing is due' }

describe('a campaign over everything', () => {
  it('has pages of one owner and one tier; one that nobody can sign is refused by itself', async () => {
    const { pages } = must(
      await openCampaign(world.api, {
        slice: { ...EVERYTHING, partnerId: null },
        request: {
          requester: { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' },
          ...{ change: 'standard', changeReference: null },
        },
        ...{ principal: 'dora', idempotencyKey: ulid() },
      }),
    )
    expect(pages).toMatchObject([
      { identities: ['nhi_vault'] },
      { identities: [...PAGE, 'nhi_reports'], opened: { made: 'now' } },
    ])
  })

  it('is for persons of the enterprise to ask for', async () => {
    const { pages } = must(
      await openCampaign(world.api, {
        slice: { ...EVERYTHING, partnerId: 'com_acme', tiers: ['tier1'] },
        request: {
          requester: { kind: 'partner', companyId: 'com_acme', personId: null },
          ...{ change: 'standard', changeReference: null },
        },
        ...{ principal: 'acme', idempotencyKey: ulid() },
      }),
    )
    expect(pages).toMatchObject([{ opened: { refused: 'NOT_ALLOWED' } }])
  })
})

describe('a store from before pages were listed', () => {
  it('lists them, and whom it knows since when, from its entries', async () => {
    const migration = await readFile(
      new URL('../../src/store/migrations/011-reads.sql', import.meta.url),
      'utf8',
    )
    const fills = migration.match(/^insert into [^;]+;/gm) ?? []
    expect(fills).toHaveLength(2)
    const { dba } = world
    for (const [table, fill] of [
      ['page_items', fills[0]],
      ['registered', fills[1]],
    ] as const) {
      const rows = async () => (await dba.query(`select * from ${table} order by 1, 2`)).rows
      const kept = await rows()
      expect(kept).not.toEqual([])
      await dba.query(`begin; truncate ${table}; ${fill}`)
      expect(await rows()).toEqual(kept)
      await dba.query('rollback')
    }
  })
})

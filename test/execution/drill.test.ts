/** The three rights, drilled on a canary with no Temporal and a partner that never answers: measured, signed, verified. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fold } from '../../src/domain/case/evolve.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { gridOf } from '../../src/domain/rights/rights.js'
import type { EventOf } from '../../src/domain/shapes/event.js'
import { readCase } from '../../src/execution/deps.js'
import { drive, dueWithoutTemporal } from '../../src/execution/drive.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { wrongMeasures } from '../../src/packet/verify/reproduce-drill.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { passDeadlines } from '../../src/store/case/deadlines.js'
import { openCase } from '../../src/store/case/open-case.js'
import { rightsStanding } from '../../src/store/evidence/rights.js'
import { drillDue } from '../../src/store/schedule/drills.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { containmentIn } from '../support/cutting.js'
import { packetOf, verdictOf } from '../support/packets.js'
import { aMandate, signMandate } from '../support/people.js'
import { waitUntil } from '../support/wait.js'
import { aWorld, quickPack, type World } from '../support/world.js'

const PARTNER = 'com_zeta'
const CANARY = 'nhi_reports'

/** A partner has some seconds to answer a drill, and the exception outlasts the test. */
const hasty = () =>
  quickPack((rules) =>
    rules.includes('kind: drill')
      ? rules.replace(/claimWithin: \S+/g, 'claimWithin: 6s').replace(/within: \S+/g, 'within: 1h')
      : rules.replace(/claimWithin: \S+/g, 'claimWithin: 1s'),
  )

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld(
    {
      change: {
        ownership: (section) => ({
          ...section,
          identities: section.identities.map((item) =>
            item.identityId === CANARY ? { ...item, canary: true as const } : item,
          ),
        }),
      },
    },
    hasty(),
  )
  work = caseworkIn(world)
  must(await giveMandate(world.api, signMandate(world.authority.keys, aMandate())))
})
afterAll(() => world.stop())

const look = async () => must(await drillDue(world.keeper, new Set()))

const ask = (canary: string, kind: 'enterprise' | 'partner' = 'enterprise') =>
  openCase(world.api, {
    request: {
      asked: { kind: 'drill', canary },
      scope: { kind: 'partner', id: PARTNER },
      requester:
        kind === 'partner'
          ? { kind, companyId: PARTNER, personId: null }
          : { kind, companyId: 'com_bank', personId: 'per_dora' },
      ...{ change: 'standard', changeReference: null },
    },
    ...{ principal: kind, idempotencyKey: ulid() },
  })

/** The connector carries it from the evidence store as far as it goes without people; nothing of Temporal is there. */
const carry = async (caseId: string) => {
  expect(await dueWithoutTemporal(world.connector.db, ['sys_billing'])).toContain(caseId)
  await drive(world.connector, caseId)
}

const sign = async (caseId: string, stepId: string): Promise<void> => {
  await work.approve(caseId, { stepId, person: 'per_ana' })
  await carry(caseId)
}

/** Approved by the owner of the contract, its exception and its demand open. */
const begun = async (caseId: string) => {
  await carry(caseId)
  await sign(caseId, 'exercise')
  const { recorded } = await readCase(world.connector, caseId)
  const seen = recorded.find(({ event }) => event.type === 'OperationObserved')?.event
  if (seen?.type !== 'OperationObserved') throw new Error('nothing was asked for')
  return {
    exception: seen.observed['decide-exceptions'] ?? '',
    demand: seen.observed['demand-evidence'] ?? '',
  }
}

async function cut(): Promise<string> {
  const caseId = await containmentIn(world, { identityId: CANARY })
  await carry(caseId)
  return caseId
}

/** Never answered: the keeper alone lets the time pass. */
const unanswered = async (caseId: string): Promise<void> => {
  await waitUntil(async () => {
    await passDeadlines(world.keeper.db)
    return (await work.dueOf(caseId)).kind === 'open-gate'
  })
}

const closeGateOf = async (caseId: string): Promise<EventOf<'GateOpened'>> => {
  const { recorded } = await readCase(world.connector, caseId)
  const gate = recorded.findLast(
    ({ event }) => event.type === 'GateOpened' && event.stepId === 'close',
  )?.event
  if (gate?.type !== 'GateOpened') throw new Error('the last gate is not open')
  return gate
}

const gridNow = async () => {
  const { authority } = world.authority
  const at = new Date().toISOString()
  return gridOf(authority, must(await rightsStanding(world.api, { authority, at }))).filter(
    ({ partnerId }) => partnerId === PARTNER,
  )
}

describe('a drill', () => {
  it('is no partner’s to ask for, and is done on nothing that is in real use', async () => {
    expect(await ask(CANARY, 'partner')).toMatchObject({ refused: 'NOT_ALLOWED' })
    const { caseId } = must(await ask('nhi_billing'))
    await drive(world.connector, caseId)
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'unplannable' })
  })

  it('opens by itself for each partner and system with a canary, and exercises all three rights without Temporal and without an answer', async () => {
    expect(await gridNow()).toMatchObject(Array(3).fill({ finding: 'never', drill: null }))
    const [due, ...others] = await look()
    expect(others).toEqual([])
    if (due === undefined || isRefusal(due.opened)) throw new Error('no drill')
    const { caseId } = due.opened
    expect(await look()).toEqual([])
    const { exception, demand } = await begun(caseId)
    await carry(demand)
    await sign(demand, 'ask')
    await carry(exception)

    const containment = await cut()
    await expect(
      work.connect({ user: 'reports_a', password: world.secretOf('reports'), appears: 'anybody' }),
    ).rejects.toMatchObject({ code: '28000' })
    await work.decline(exception, { stepId: 'accept', person: 'per_cleo' })
    await unanswered(demand)

    // The gate opened before all that: who signs it now signs for nothing, and is shown what there is by now.
    expect((await closeGateOf(caseId)).preState).toMatchObject({ revoke: 'open' })
    await sign(caseId, 'close')
    expect((await closeGateOf(caseId)).preState).toEqual({
      ...{ revoke: 'passed', 'revoke.case': containment, 'revoke.grantsAfter': '0' },
      'revoke.ms': expect.stringMatching(/^\d+$/),
      ...{ 'decide-exceptions': 'passed', 'decide-exceptions.case': exception },
      'decide-exceptions.ms': expect.stringMatching(/^\d+$/),
      ...{ 'demand-evidence': 'passed', 'demand-evidence.case': demand },
      'demand-evidence.ms': expect.stringMatching(/^\d+$/),
    })
    await sign(caseId, 'close')
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await gridNow()).toMatchObject(
      Array(3).fill({ finding: null, drill: { caseId, says: 'passed' } }),
    )

    const verdict = verdictOf(world, await packetOf(world, caseId))
    expect(verdict).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    expect(verdict.words.join('\n')).toMatch(/Right to revoke: passed in \d+ ms/)
    await lies(caseId, { containment, exception, demand })
  })

  it('whose owner signs that nobody cut the canary is a finding against the enterprise', async () => {
    const { caseId } = must(await ask(CANARY))
    await begun(caseId)
    await sign(caseId, 'close')
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await gridNow()).toMatchObject([
      { right: 'revoke', finding: 'failed', drill: { caseId, says: 'open' } },
      { right: 'decide-exceptions', finding: 'failed' },
      { right: 'demand-evidence', finding: 'failed' },
    ])
    expect(verdictOf(world, await packetOf(world, caseId))).toMatchObject({
      ...{ verdict: 'VERIFIED', problems: [] },
    })
  })
})

/** The verifier measures again: no number and no case that the signed evidence does not give. */
async function lies(
  caseId: string,
  { containment, exception, demand }: Record<'containment' | 'exception' | 'demand', string>,
): Promise<void> {
  const { recorded } = await readCase(world.connector, caseId)
  const event = await closeGateOf(caseId)
  const exercises = new Map(
    await Promise.all(
      [containment, exception, demand].map(async (id) => {
        const entries = await eventsSince(world.connector.db, { caseId: id, after: 0 })
        return [id, entries.map((entry, index) => ({ index, recorded: entry }))] as const
      }),
    ),
  )
  const { rows } = await world.dba.query<{ at: string; fence: never }>(
    `select convert_from(bytes, 'UTF8')::jsonb ->> 'at' as at,
            convert_from(bytes, 'UTF8')::jsonb -> 'body' as fence
       from entries where stream = $1`,
    [`fence:identity:${CANARY}`],
  )
  const fences = rows.map(({ at, fence }) => ({ at, fence, index: 0, lifted: [] }))
  const before = recorded.filter(({ event: one }) => one !== event)
  const told = (preState: Record<string, string>) =>
    wrongMeasures({
      ...{ state: fold(caseId, recorded), before, event: { ...event, preState } },
      ...{ at: '', index: 1000, believed: {} as never, atLeast: 0, verify: nodeVerify },
      emergencies: [],
      successors: [],
      ...{ fences, mandates: new Map(), findings: new Map(), containments: [], exercises },
      ...{ indexes: [], reviewed: null },
    })
  const { preState } = event
  expect(told(preState)).toBeNull()
  expect(told({ ...preState, 'revoke.ms': '1' })).toMatchObject({ refused: 'JUDGEMENT_DIFFERS' })
  expect(told({ ...preState, 'revoke.case': exception })).not.toBeNull()
  expect(told({ ...preState, 'demand-evidence': 'failed' })).not.toBeNull()
  expect(told({ ...preState, 'decide-exceptions.case': 'nowhere' })).not.toBeNull()
  expect(told({ ...preState, remark: 'all is well' })).not.toBeNull()
}

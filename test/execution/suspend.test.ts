/** Access is suspended until somebody speaks: an owner's signed word gives it back, and no silence does. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityScope } from '../../src/domain/authority/matter.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { CaseEvent } from '../../src/domain/shapes/event.js'
import { drive } from '../../src/execution/drive.js'
import { submitDeadline } from '../../src/store/case/cases.js'
import { openCase } from '../../src/store/case/open-case.js'
import { suspendUnattested } from '../../src/store/schedule/suspensions.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { forge, reattest } from '../packet/forge.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf, verdictOn } from '../support/packets.js'
import { shiftClock } from '../support/packs.js'
import { aMandate, signMandate, soon } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const NONE: ReadonlySet<string> = new Set()
const passMinutes = (minutes: number) => shiftClock(world, minutes * 60_000)

const ask = (name: string, because: string | null = null) =>
  openCase(world.api, {
    request: {
      asked: { kind: 'suspend', because },
      ...{ scope: identityScope(`nhi_${name}`), change: 'normal', changeReference: null },
      requester: { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' },
    },
    ...{ principal: 'dora', idempotencyKey: ulid() },
  })

const asked = async (name: string): Promise<string> => {
  const { caseId } = must(await ask(name))
  await drive(world.connector, caseId)
  return caseId
}

const logsIn = (name: string): Promise<boolean> =>
  work
    .connect({ user: `${name}_a`, password: world.secretOf(name), appears: `${name}-service` })
    .then(async (session) => {
      await session.end()
      return true
    })
    .catch(({ code }: { readonly code: string }) => {
      expect(code).toBe('28000')
      return false
    })

/** Nobody signs at this gate until it is over. */
async function silence(caseId: string, stepId: string): Promise<void> {
  for (const minutes of [25, 60]) {
    await passMinutes(minutes)
    must(await submitDeadline(world.keeper, { caseId, stepId }))
  }
  await passMinutes(0)
  await drive(world.connector, caseId)
}

describe('a suspension', () => {
  it('is no partner’s to ask for, and waits for the risk owner where no mandate covers its tier', async () => {
    const mandate = aMandate({
      covers: { ...aMandate().covers, kinds: ['suspend'], steps: ['suspend'], tiers: ['tier3'] },
    })
    must(await giveMandate(world.api, signMandate(world.authority.keys, mandate)))
    expect(await work.ask('billing', { kind: 'suspend', because: null })).toMatchObject({
      refused: 'NOT_ALLOWED',
    })
    const caseId = await asked('billing')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'suspend' })
    await expect(work.approve(caseId, { stepId: 'suspend', person: 'per_ana' })).rejects.toThrow(
      'NOT_AN_APPROVER',
    )
    await work.decline(caseId, { stepId: 'suspend', person: 'per_cleo' })
    expect(await logsIn('billing')).toBe(true)
  })

  it('ends sessions, is proved dead, and is taken back by its owner’s word with the secret that it had', async () => {
    const session = await work.connect({
      ...{ user: 'billing_a', password: world.secretOf('billing'), appears: 'billing-service' },
    })
    const ended = new Promise((resolve) => session.once('end', resolve))
    const caseId = await asked('billing')
    await work.signAndPerform(caseId, { stepId: 'suspend', by: ['per_cleo'] })
    await ended
    expect(await logsIn('billing')).toBe(false)
    expect((await work.stateOf(caseId)).facts).toEqual(
      expect.arrayContaining(['old-refused', 'no-session-left', 'access-disabled']),
    )
    await work.decline(caseId, { stepId: 'uphold', person: 'per_ana' })
    await drive(world.connector, caseId)
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'rolled-back' })
    expect(await logsIn('billing')).toBe(true)
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('is upheld by its owner', async () => {
    const caseId = await asked('reports')
    await work.signAndPerform(caseId, { stepId: 'suspend', by: ['per_cleo'] })
    await work.signAndPerform(caseId, { stepId: 'uphold', by: ['per_ana'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await logsIn('reports')).toBe(false)
    const again = await asked('reports')
    expect(await work.stateOf(again)).toMatchObject({ outcome: 'unplannable' })
  })

  it('stands when nobody says anything until the end of its time', async () => {
    const caseId = await asked('billing')
    await work.signAndPerform(caseId, { stepId: 'suspend', by: ['per_cleo'] })
    await silence(caseId, 'uphold')
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'expired' })
    expect(await logsIn('billing')).toBe(false)
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    await expectForgeriesFound(caseId)
  })
})

/** With the keys of connector and log in hand: for another reason than was asked for, or given back after all. */
async function expectForgeriesFound(caseId: string): Promise<void> {
  const { authority } = world
  const key = authority.keys.connector
  const rewritten = async (change: (event: CaseEvent) => readonly CaseEvent[]) => {
    const bytes = await forge({
      ...{ bytes: await packetOf(world, caseId), authority },
      rewrite: (written) =>
        written.flatMap((one) =>
          change(one.body).map((event) => ({
            ...one,
            body: 'attestation' in event ? reattest(caseId, { event, key }) : event,
          })),
        ),
    })
    return verdictOf(world, bytes).problems
  }
  const because = `recertify:com_bank:com_acme:${ulid()}`
  const otherwise = await rewritten((event) =>
    event.type === 'Planned' && event.plan.about.kind === 'suspend'
      ? [{ ...event, plan: { ...event.plan, about: { ...event.plan.about, because } } }]
      : [event],
  )
  expect(otherwise).toContainEqual(expect.objectContaining({ code: 'JUDGEMENT_DIFFERS' }))
  const rolledBack = await rewritten((event) =>
    event.type === 'CaseClosed' ? [{ ...event, outcome: 'rolled-back' }] : [event],
  )
  expect(rolledBack).toContainEqual(expect.objectContaining({ code: 'JUDGEMENT_DIFFERS' }))
}

describe('a missed attestation', () => {
  it('suspends its identity, by itself and once, for the exception that it names', async () => {
    const exceptionId = await work.open('ledger', {
      ...{ kind: 'exception', deviation: 'maximum-age', reference: 'RISK-7' },
      controls: [{ controlId: 'network-allow-list', attestedBy: 'per_ana' }],
      ...{ attestEveryMs: 600_000, until: soon(36_000_000) },
    })
    await work.signAndPerform(exceptionId, { stepId: 'accept', by: ['per_cleo', 'per_ana'] })
    expect(must(await suspendUnattested(world.keeper, NONE))).toEqual([])
    await passMinutes(11)
    const [first, ...others] = must(await suspendUnattested(world.keeper, NONE))
    expect(others).toEqual([])
    if (first === undefined || isRefusal(first.opened)) throw new Error('no suspension')
    const { caseId } = first.opened
    expect(must(await suspendUnattested(world.keeper, NONE))).toEqual([])
    await passMinutes(0)
    await drive(world.connector, caseId)
    expect((await work.stateOf(caseId)).plan?.about).toEqual({
      ...{ kind: 'suspend', living: ['ledger_a'], because: exceptionId },
    })
    await work.decline(caseId, { stepId: 'suspend', person: 'per_cleo' })
  })
})

describe('a deprovision', () => {
  it('whose removal nobody signs gives nothing back either', async () => {
    const caseId = await work.open('ledger', { kind: 'deprovision', reassignTo: null })
    await work.signAndPerform(caseId, { stepId: 'disable', by: ['per_ana'] })
    await silence(caseId, 'remove')
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'expired' })
    expect(await logsIn('ledger')).toBe(false)
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })
})

/** An incident: a report is a claim, the scope is the enterprise's own, and whoever responded validates nothing. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityScope } from '../../src/domain/authority/matter.js'
import { stepOf } from '../../src/domain/case/case.js'
import type { CaseScope } from '../../src/domain/shapes/basic.js'
import type { Fence } from '../../src/domain/shapes/envelope.js'
import { drive } from '../../src/execution/drive.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { submitDecision } from '../../src/store/case/cases.js'
import { openCase } from '../../src/store/case/open-case.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { filesOf, reseal } from '../packet/forge.js'
import { must, SPAN, type TestPerson } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { containmentIn } from '../support/cutting.js'
import { packetOf, verdictOn } from '../support/packets.js'
import {
  aDecision,
  aMandate,
  signDecision,
  signFence,
  signMandate,
  signSelfStop,
} from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld({
    delegations: [
      {
        ...{ type: 'delegation', v: 1, enterprise: 'ent_bank', delegationId: ulid(), ...SPAN },
        ...{ from: 'per_cleo', to: 'per_ben', kinds: ['incident'], systems: null },
      },
    ],
    change: {
      // A second duty person and risk owner, so that one can respond and the other look.
      people: (section) => ({
        ...section,
        persons: section.persons.map((person) =>
          person.personId === 'per_ben'
            ? { ...person, duties: ['duty-person' as const, 'risk-owner' as const] }
            : person,
        ),
      }),
      // billing and reports serve one need, under two partners; the others hang together by their system only.
      ownership: (section) => ({
        ...section,
        identities: section.identities.map((identity) => ({
          ...identity,
          tier: 'tier1' as const,
          need: {
            ...identity.need,
            reference: ['nhi_billing', 'nhi_reports'].includes(identity.identityId)
              ? 'NEED-PAY'
              : `NEED-${identity.identityId.slice(4).toUpperCase()}`,
          },
        })),
      }),
    },
  })
  work = caseworkIn(world)
  must(await giveMandate(world.api, signMandate(world.authority.keys, aMandate())))
})
afterAll(() => world.stop())

const ACME = { kind: 'partner', companyId: 'com_acme', personId: null } as const
const byPerson = (personId: TestPerson) =>
  ({ kind: 'enterprise', companyId: 'com_bank', personId }) as const

interface Reporting {
  readonly by: typeof ACME | ReturnType<typeof byPerson>
  readonly scope?: CaseScope
  readonly suspected?: string[]
  readonly cleared?: string[]
}

const report = ({ by, scope, suspected, cleared }: Reporting) =>
  openCase(world.api, {
    request: {
      asked: {
        ...{ kind: 'incident', reference: 'INC-7' },
        ...{ suspected: suspected ?? ['nhi_billing'], cleared: cleared ?? [] },
      },
      scope: scope ?? { kind: 'partner', id: 'com_acme' },
      ...{ change: 'emergency', changeReference: null, requester: by },
    },
    ...{ principal: 'reporter', idempotencyKey: ulid() },
  })

async function reported(input: Reporting): Promise<string> {
  const { caseId } = must(await report(input))
  await drawPlan(world.connector, caseId)
  await openDueGate(world.connector, caseId)
  return caseId
}

async function fence(person: TestPerson, of: Pick<Fence, 'scope' | 'speed'>) {
  const envelope = signFence(world.authority.keys, { person, ...of })
  const { authority, verify } = world.api
  return must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
}

async function cut(person: TestPerson, identityId: string): Promise<string> {
  const caseId = await containmentIn(world, { identityId, person })
  await drive(world.connector, caseId)
  return caseId
}

const eventsOf = async (caseId: string) =>
  (await eventsSince(world.db('cs_api'), { caseId, after: 0 })).map(({ event }) => event)

describe('who may report one', () => {
  it.each<[string, Reporting]>([
    ['on what another holds', { by: ACME, suspected: ['nhi_reports'] }],
    ['on another partner', { by: ACME, scope: { kind: 'partner', id: 'com_zeta' } }],
    ['on the enterprise', { by: ACME, scope: { kind: 'enterprise', id: 'ent_bank' } }],
  ])('no partner %s: for it there is no such thing', async (_, input) => {
    expect(await report(input)).toMatchObject({ refused: 'IDENTITY_UNKNOWN' })
  })

  it('a partner clears nothing, and whoever owns nothing in scope reports nothing', async () => {
    expect(await report({ by: ACME, cleared: ['nhi_reports'] })).toMatchObject({
      refused: 'NOT_ALLOWED',
    })
    expect(await report({ by: byPerson('per_dora') })).toMatchObject({ refused: 'NOT_ALLOWED' })
  })

  it('an owner clears what is linked but not affected', async () => {
    const caseId = await reported({
      ...{ by: byPerson('per_ana'), scope: identityScope('nhi_billing') },
      cleared: ['nhi_reports'],
    })
    const { plan } = await work.stateOf(caseId)
    expect(plan?.about).toMatchObject({ inScope: ['nhi_billing'], cleared: ['nhi_reports'] })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'scope' })
  })
})

describe('an incident that a partner reported', () => {
  let caseId = ''

  it('has the scope that the enterprise found, and says what the report left out', async () => {
    caseId = await reported({ by: ACME })
    const { plan } = await work.stateOf(caseId)
    expect(plan?.about).toMatchObject({
      reported: ['nhi_billing'],
      linked: [{ identityId: 'nhi_reports', by: ['need', 'system'] }],
      inScope: ['nhi_billing', 'nhi_reports'],
      near: ['nhi_intake', 'nhi_ledger', 'nhi_vault'],
    })
    expect(plan?.warnings[0]).toContain('nhi_reports')
  })

  it('is contained when the probe sees it, not when somebody signs that it is', async () => {
    await work.signAndPerform(caseId, { stepId: 'scope', by: ['per_cleo'] })
    await work.signAndPerform(caseId, { stepId: 'contain', by: ['per_cleo'] })
    expect(stepOf(await work.stateOf(caseId), 'contain')).toMatchObject({
      ...{ phase: 'open', because: 'DEATH_UNPROVED' },
    })
  })

  it('whoever raises a fence around it validates nothing from then on, though they had signed before', async () => {
    await work.approve(caseId, { stepId: 'contain', person: 'per_cleo' })
    await fence('per_cleo', { scope: { kind: 'partner', id: 'com_zeta' }, speed: 'stop' })
    await expect(work.perform(caseId, 'contain')).rejects.toMatchObject({
      refusal: { refused: 'NO_APPROVER' },
    })
    expect(await eventsOf(caseId)).toContainEqual(
      expect.objectContaining({ type: 'GateRefused', stepId: 'contain', code: 'NO_APPROVER' }),
    )
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })
})

describe('an incident in which others responded', () => {
  let caseId = ''

  it('what was signed before the containment is signed for again after it', async () => {
    caseId = await reported({ by: ACME, suspected: ['nhi_ledger'] })
    await work.signAndPerform(caseId, { stepId: 'scope', by: ['per_cleo'] })
    const containment = await cut('per_ben', 'nhi_ledger')
    await work.signAndPerform(caseId, { stepId: 'contain', by: ['per_cleo'] })
    expect(stepOf(await work.stateOf(caseId), 'contain')).toMatchObject({
      ...{ phase: 'open', because: 'PRESTATE_CHANGED' },
    })
    await work.signAndPerform(caseId, { stepId: 'contain', by: ['per_cleo'] })
    expect((await work.stateOf(caseId)).facts).toEqual(['contained'])
    expect(await eventsOf(caseId)).toContainEqual(
      expect.objectContaining({
        ...{ type: 'OperationObserved', op: 'observe-contained' },
        observed: { nhi_ledger: `contained by ${containment}` },
      }),
    )
  })

  it('whoever responded validates nothing as the delegate of somebody else', async () => {
    const decision = aDecision(await work.stateOf(caseId), {
      ...{ stepId: 'eradicate', person: 'per_ben', overrides: { onBehalfOf: 'per_cleo' } },
    })
    const envelope = signDecision(world.authority.keys, decision)
    must(await submitDecision(world.api, { caseId, envelope, door: 'api' }))
    await work.perform(caseId, 'eradicate')
    expect(await eventsOf(caseId)).toContainEqual(
      expect.objectContaining({
        type: 'GateRefused',
        stepId: 'eradicate',
        code: 'NOT_AN_APPROVER',
      }),
    )
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('is not eradicated before the identity has a new secret or is gone', async () => {
    await work.signAndPerform(caseId, { stepId: 'eradicate', by: ['per_cleo'] })
    expect(stepOf(await work.stateOf(caseId), 'eradicate')).toMatchObject({
      ...{ phase: 'open', because: 'VERIFY_FAILED' },
    })
  })

  it('is closed by the risk owner and an officer when it is gone, and its packet verifies', async () => {
    const { caseId: removal } = must(
      await openCase(world.api, {
        request: {
          asked: { kind: 'deprovision', reassignTo: null },
          scope: identityScope('nhi_ledger'),
          ...{ change: 'emergency', changeReference: null, requester: byPerson('per_dora') },
        },
        ...{ principal: 'dora', idempotencyKey: ulid() },
      }),
    )
    await drive(world.connector, removal)
    await work.signAndPerform(removal, { stepId: 'disable', by: ['per_ana'] })
    await work.signAndPerform(removal, { stepId: 'remove', by: ['per_ana', 'per_ben'] })
    await work.signAndPerform(removal, { stepId: 'close', by: ['per_ana'] })
    expect(await work.stateOf(removal)).toMatchObject({ outcome: 'completed' })
    await work.signAndPerform(caseId, { stepId: 'eradicate', by: ['per_cleo'] })
    await work.signAndPerform(caseId, { stepId: 'eradicate', by: ['per_cleo'] })
    await expect(work.approve(caseId, { stepId: 'close', person: 'per_ben' })).rejects.toThrow(
      'NOT_AN_APPROVER',
    )
    await work.signAndPerform(caseId, { stepId: 'close', by: ['per_cleo', 'per_dora'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('a packet that hides who responded is not verified', async () => {
    const kept = [...filesOf(await packetOf(world, caseId))].filter(
      ([name]) => !name.startsWith('fences/'),
    )
    const { trust } = world.authority
    expect(
      verifyPacket({ bytes: reseal(new Map(kept)), trust, verify: nodeVerify }).problems,
    ).toContainEqual(expect.objectContaining({ code: 'JUDGEMENT_DIFFERS' }))
  })
})

describe('a partner that stops itself', () => {
  it('ends its open cases, and their packets say who stopped them', async () => {
    const caseId = await work.open('vault', { kind: 'rotate' })
    await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    const envelope = signSelfStop(world.authority.keys, { company: 'com_acme' })
    const { authority, verify } = world.api
    must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
    await work.perform(caseId, 'issue')
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'fenced' })
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })
})

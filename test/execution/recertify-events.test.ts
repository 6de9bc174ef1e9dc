/** What happened since an owner was asked makes an identity due at once: a contract, what is registered, an incident. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drive } from '../../src/execution/drive.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { installAuthority } from '../../src/store/authority/authority.js'
import { submitDecision } from '../../src/store/case/cases.js'
import { openCase } from '../../src/store/case/open-case.js'
import { recertifyDue } from '../../src/store/schedule/campaigns.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { anAuthority, must, type Overrides } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { containmentIn } from '../support/cutting.js'
import { aDecision, aMandate, signDecision, signMandate } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

const CHANGE: NonNullable<Overrides['change']> = {
  people: (section) => ({
    ...section,
    persons: section.persons.map((person) =>
      person.personId === 'per_ben'
        ? { ...person, duties: ['duty-person' as const, 'risk-owner' as const] }
        : person,
    ),
  }),
  ownership: (section) => ({
    ...section,
    // Each serves a need of its own, so that an incident about one is about no other.
    identities: section.identities.map((identity) => ({
      ...identity,
      tier: 'tier1' as const,
      need: { ...identity.need, reference: `NEED-${identity.identityId.slice(4).toUpperCase()}` },
    })),
  }),
}

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld({ change: CHANGE })
  work = caseworkIn(world)
  must(await giveMandate(world.api, signMandate(world.authority.keys, aMandate())))
})
afterAll(() => world.stop())

/** Every page that is due now, declined by its owner as a whole; the identities on them. */
async function asked(): Promise<readonly string[]> {
  const campaign = await recertifyDue(world.keeper, new Set())
  if (campaign === null) return []
  const { pages } = must(campaign)
  for (const { opened } of pages) {
    const { caseId } = must(opened)
    await drive(world.connector, caseId)
    const overrides = { verdict: 'decline' as const }
    const decision = aDecision(await work.stateOf(caseId), {
      ...{ stepId: 'decide', person: 'per_ana', overrides },
    })
    const envelope = signDecision(world.authority.keys, decision)
    must(await submitDecision(world.api, { caseId, envelope, door: 'api' }))
  }
  return pages.flatMap(({ identities }) => identities)
}

const byDora = { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' } as const
const ACME = { kind: 'partner', companyId: 'com_acme', personId: null } as const
const usual = { change: 'normal', changeReference: null, requester: byDora } as const
const emergency = { change: 'emergency', changeReference: null, requester: byDora } as const

/** What the enterprise asks for once the containment is reviewed. */
async function follows(kind: 'lift' | 'reinstate', identityId: string): Promise<string> {
  const request = {
    asked: { kind },
    scope: { kind: 'identity', id: identityId } as const,
    ...usual,
  }
  const key = { principal: 'dora', idempotencyKey: ulid() }
  const { caseId } = must(await openCase(world.api, { request, ...key }))
  await drive(world.connector, caseId)
  return caseId
}

/** From its report to its close: contained by one duty person, looked at by others, its identity given a new secret. */
async function incidentAbout(identityId: string): Promise<void> {
  const opened = await openCase(world.api, {
    request: {
      asked: { kind: 'incident', reference: 'INC-9', suspected: [identityId], cleared: [] },
      ...{ scope: { kind: 'partner', id: 'com_acme' }, ...emergency, requester: ACME },
    },
    ...{ principal: 'dora', idempotencyKey: ulid() },
  })
  const { caseId } = must(opened)
  await drawPlan(world.connector, caseId)
  await openDueGate(world.connector, caseId)
  await work.signAndPerform(caseId, { stepId: 'scope', by: ['per_cleo'] })
  const containment = await containmentIn(world, { identityId, person: 'per_ben' })
  await drive(world.connector, containment)
  // Signed again for what was found after the gate had opened.
  await work.signAndPerform(caseId, { stepId: 'contain', by: ['per_cleo'] })
  await work.signAndPerform(caseId, { stepId: 'contain', by: ['per_cleo'] })
  await work.signAndPerform(containment, { stepId: 'review', by: ['per_ana', 'per_cleo'] })
  const lift = await follows('lift', identityId)
  await work.signAndPerform(lift, { stepId: 'lift', by: ['per_ana', 'per_cleo'] })
  await work.signAndPerform(lift, { stepId: 'close', by: ['per_ana'] })
  const renewed = await follows('reinstate', identityId)
  await work.signAndPerform(renewed, { stepId: 'enable', by: ['per_ana', 'per_ben'] })
  await work.signAndPerform(renewed, { stepId: 'hand-over', by: ['per_ana'] })
  const { secret, lease } = await work.deliver(renewed, 'hand-over')
  const appears = `${identityId.slice('nhi_'.length)}-service`
  const user = `${identityId.slice('nhi_'.length)}_a`
  const consumer = await work.connect({ user, password: secret, appears })
  await work.claim(renewed, { stepId: 'hand-over', lease })
  await work.signAndPerform(renewed, { stepId: 'close', by: ['per_ana'] })
  await consumer.end()
  await work.signAndPerform(caseId, { stepId: 'eradicate', by: ['per_cleo'] })
  await work.signAndPerform(caseId, { stepId: 'eradicate', by: ['per_cleo'] })
  await work.signAndPerform(caseId, { stepId: 'close', by: ['per_cleo', 'per_dora'] })
  expect((await work.stateOf(caseId)).outcome).toBe('completed')
}

describe('an identity that was asked about', () => {
  it('is due again at once when the contracts of its keeper change, and no other is', async () => {
    expect(await asked()).toContain('nhi_reports')
    expect(await asked()).toEqual([])
    const [pack] = world.authority.authority.packs
    if (pack === undefined) throw new Error('no pack')
    const { bundle, trust } = anAuthority({
      ...{ keys: world.authority.keys, version: 2, pack },
      change: {
        ...CHANGE,
        contracts: (section) => ({
          ...section,
          contracts: section.contracts.map((contract) =>
            contract.companyId === 'com_zeta' ? { ...contract, reference: 'MSA-2' } : contract,
          ),
        }),
      },
    })
    const db = world.db('owner')
    must(await installAuthority(db, { bundle, trust, verify: nodeVerify }))
    expect(await asked()).toEqual(['nhi_reports'])
    expect(await asked()).toEqual([])
  })

  it('is due again when an incident about it is closed', async () => {
    await incidentAbout('nhi_ledger')
    const due = await asked()
    expect(due).toContain('nhi_ledger')
    expect(due).not.toContain('nhi_reports')
    expect(await asked()).toEqual([])
  })
})

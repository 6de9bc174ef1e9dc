import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CaseState, due } from '../../src/domain/case.js'
import { readCase } from '../../src/execution/deps.js'
import { observeStep, performStep } from '../../src/execution/execute.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { openSealed } from '../../src/keys/seal.js'
import { submitClaim, submitDecision, submitLease } from '../../src/store/cases.js'
import { openCase } from '../../src/store/open-case.js'
import { must, type TestPerson } from '../support/authority.js'
import { aClaim, aDecision, signClaim, signDecision } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

let world: World
beforeAll(async () => {
  world = await aWorld()
})
afterAll(() => world.stop())

const open = async (identity: string) =>
  must(
    await openCase(world.api, {
      request: {
        kind: 'rotate',
        identityId: `nhi_${identity}`,
        requester: { kind: 'partner', companyId: 'com_acme', personId: null },
        changeReference: 'CHG0001',
        change: 'standard',
      },
      principal: 'acme',
      idempotencyKey: `open-${identity}`,
    }),
  ).caseId

const stateOf = async (caseId: string): Promise<CaseState> =>
  (await readCase(world.connector, caseId)).state

async function approve(caseId: string, input: { stepId: string; person: TestPerson }) {
  const envelope = signDecision(world.authority.keys, aDecision(await stateOf(caseId), input))
  return must(await submitDecision(world.api, { caseId, envelope, door: 'api' }))
}

async function perform(caseId: string, stepId: string) {
  await performStep(world.connector, { caseId, stepId })
  await openDueGate(world.connector, caseId)
}

/** A consumer with one session on the target, under the name the inventory knows. */
async function consume(input: { user: string; password: string }): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: world.target.port,
    database: 'postgres',
    application_name: 'billing-service',
    ...input,
  })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

describe('a rotation on real PostgreSQL, without Temporal', () => {
  it('moves the credential by the owners’ signatures, step by step, and proves the old one dead', async () => {
    const caseId = await open('billing')
    const old = await consume({ user: 'billing_a', password: world.secretOf('billing') })
    await drawPlan(world.connector, caseId)
    await openDueGate(world.connector, caseId)
    expect(due(await stateOf(caseId))).toMatchObject({
      kind: 'decision',
      stepId: 'issue',
      round: 1,
    })

    expect(await approve(caseId, { stepId: 'issue', person: 'per_ana' })).toMatchObject({
      gate: 'satisfied',
    })
    await perform(caseId, 'issue')
    expect(due(await stateOf(caseId))).toMatchObject({ kind: 'decision', stepId: 'cut-over' })

    await approve(caseId, { stepId: 'close', person: 'per_ana' })
    await approve(caseId, { stepId: 'cut-over', person: 'per_ana' })
    await perform(caseId, 'cut-over')
    expect(due(await stateOf(caseId))).toMatchObject({ kind: 'claim', stepId: 'cut-over' })

    const leased = must(
      await submitLease(world.api, { caseId, stepId: 'cut-over', companyId: 'com_acme' }),
    )
    const { rows } = await world
      .db('cs_api')
      .query<{ jwe: string }>('select jwe from sealed where grant_id = $1', [leased.grantId])
    const { secret } = must(
      await openSealed({
        jwe: rows[0]?.jwe ?? '',
        privateKeyPem: world.authority.keys.consumers.cns_billing.privateKeyPem,
      }),
    )
    const claimed = signClaim(
      world.authority.keys,
      aClaim(await stateOf(caseId), { stepId: 'cut-over', lease: leased.lease }),
    )
    must(await submitClaim(world.api, { caseId, envelope: claimed }))
    const fresh = await consume({ user: 'billing_b', password: secret })
    await observeStep(world.connector, { caseId, stepId: 'cut-over' })
    await openDueGate(world.connector, caseId)
    await old.end()

    expect(await approve(caseId, { stepId: 'retire', person: 'per_ana' })).toMatchObject({
      gate: 'waiting',
    })
    expect(await approve(caseId, { stepId: 'retire', person: 'per_ben' })).toMatchObject({
      gate: 'satisfied',
    })
    await perform(caseId, 'retire')
    expect(due(await stateOf(caseId))).toMatchObject({ kind: 'perform', stepId: 'close' })
    await perform(caseId, 'close')

    const state = await stateOf(caseId)
    expect(state.outcome).toBe('completed')
    expect(state.facts).toEqual(
      expect.arrayContaining([
        'new-credential-works',
        'consumer-on-new',
        'old-unused',
        'old-refused',
        'no-session-left',
        'evidence-complete',
      ]),
    )
    await expect(
      consume({ user: 'billing_a', password: world.secretOf('billing') }),
    ).rejects.toMatchObject({ code: '28000' })
    await fresh.end()
  })
})

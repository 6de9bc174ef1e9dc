/** Whole cases on a real world, by the store's own functions and the real connector, and their packets. */
import pg from 'pg'
import type { CaseState } from '../../src/domain/case/case.js'
import type { Decision } from '../../src/domain/shapes/envelope.js'
import { readCase } from '../../src/execution/deps.js'
import { observeStep, performStep } from '../../src/execution/execute.js'
import { openDueGate } from '../../src/execution/prepare.js'
import { openSealed } from '../../src/keys/seal.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { type ExportedPacket, exportPacket } from '../../src/packet/export/export.js'
import { type Verdict, verifyPacket } from '../../src/packet/verify/verify.js'
import { submitClaim, submitDecision, submitLease } from '../../src/store/case/cases.js'
import { must, type TestPerson } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { aClaim, aDecision, signClaim, signDecision } from '../support/people.js'
import type { World } from '../support/world.js'

export const startCase = (world: World, identity: string): Promise<string> =>
  caseworkIn(world).open(identity, { kind: 'rotate' })

export const stateOf = async (world: World, caseId: string): Promise<CaseState> =>
  (await readCase(world.connector, caseId)).state

export interface Deciding {
  readonly caseId: string
  readonly stepId: string
  readonly person: TestPerson
  readonly overrides?: Partial<Decision>
}

export async function decide(world: World, { caseId, ...input }: Deciding) {
  const envelope = signDecision(
    world.authority.keys,
    aDecision(await stateOf(world, caseId), input),
  )
  return submitDecision(world.api, { caseId, envelope, door: 'api' })
}

export async function perform(world: World, at: { caseId: string; stepId: string }) {
  await performStep(world.connector, at)
  await openDueGate(world.connector, at.caseId)
}

async function consume(world: World, login: { user: string; password: string }) {
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port: world.target.port, database: 'postgres' },
    application_name: 'billing-service',
    ...login,
  })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** A rotation from request to proof of death, with a refusal and a signed reason on the way. */
export async function rotate(world: World, about: { reasonDigest: Decision['reasonDigest'] }) {
  const caseId = await startCase(world, 'billing')
  const old = await consume(world, { user: 'billing_a', password: world.secretOf('billing') })
  await decide(world, { caseId, stepId: 'issue', person: 'per_zed' })
  must(await decide(world, { caseId, stepId: 'issue', person: 'per_ana', overrides: about }))
  await perform(world, { caseId, stepId: 'issue' })
  must(await decide(world, { caseId, stepId: 'close', person: 'per_ana' }))
  must(await decide(world, { caseId, stepId: 'cut-over', person: 'per_ana' }))
  await perform(world, { caseId, stepId: 'cut-over' })
  const fresh = await cutOver(world, caseId)
  await old.end()
  must(await decide(world, { caseId, stepId: 'retire', person: 'per_ana' }))
  must(await decide(world, { caseId, stepId: 'retire', person: 'per_ben' }))
  await perform(world, { caseId, stepId: 'retire' })
  await perform(world, { caseId, stepId: 'close' })
  await fresh.end()
  return caseId
}

async function cutOver(world: World, caseId: string) {
  const stepId = 'cut-over'
  const { keys } = world.authority
  const leased = must(await submitLease(world.api, { caseId, stepId, companyId: 'com_acme' }))
  const { rows } = await world
    .db('cs_api')
    .query<{ jwe: string }>('select jwe from sealed where grant_id = $1', [leased.grantId])
  const jwe = rows[0]?.jwe ?? ''
  const { privateKeyPem } = keys.consumers.cns_billing
  const { secret } = must(await openSealed({ jwe, privateKeyPem }))
  const claim = aClaim(await stateOf(world, caseId), { stepId, lease: leased.lease })
  must(await submitClaim(world.api, { caseId, envelope: signClaim(keys, claim) }))
  const fresh = await consume(world, { user: 'billing_b', password: secret })
  await observeStep(world.connector, { caseId, stepId })
  await openDueGate(world.connector, caseId)
  return fresh
}

export async function packetOf(world: World, caseId: string): Promise<ExportedPacket> {
  const { verify, published } = world.connector
  const deps = { db: world.db('cs_api'), verify, published, proofWithinMs: 10_000 }
  return must(await exportPacket(deps, { caseId, reader: 'enterprise' }))
}

export const verdictOn = (world: World, bytes: Uint8Array): Verdict =>
  verifyPacket({ bytes, trust: world.authority.trust, verify: nodeVerify })

import { createHash } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signDecision } from '../../src/cli/owners/sign-decision.js'
import type { Review } from '../../src/contract/http.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { readCase } from '../../src/execution/deps.js'
import { observeStep, performStep } from '../../src/execution/execute.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { openSealed } from '../../src/keys/seal.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { must, type TestPerson } from '../support/authority.js'
import { aClaim, aDecision, signDecision as sign, signClaim, signFence } from '../support/people.js'
import { waitUntil } from '../support/wait.js'
import { type ApiRig, anApi, type Who } from './rig.js'

let rig: ApiRig
beforeAll(async () => {
  rig = await anApi()
})
afterAll(() => rig?.stop())

const open = async (identity: string, who: Who = 'acme') =>
  must(
    await rig.client(who).openCase({
      idempotencyKey: `open-${identity}-${who}`,
      request: { kind: 'rotate', identityId: `nhi_${identity}`, changeReference: 'CHG0001' },
    }),
  )

const stateOf = async (caseId: string) => (await readCase(rig.world.connector, caseId)).state

const reviewBy = async (who: 'ana' | 'ben', at: { caseId: string; stepId: string }) =>
  must(await rig.client(who).review(at))

interface Deciding {
  readonly caseId: string
  readonly stepId: string
  readonly who: 'ana' | 'ben'
  readonly form?: 'gate' | 'ahead'
  readonly reason?: string
}

/** As the command line does it: read the review, compare, sign, send. */
async function approve({ caseId, stepId, who, form = 'gate', reason }: Deciding) {
  const review = await reviewBy(who, { caseId, stepId })
  const key = rig.world.authority.keys.persons[`per_${who}`]
  const signed = must(
    signDecision({
      review,
      verdict: 'approve',
      form,
      reason: reason ?? null,
      choices: null,
      ...key,
    }),
  )
  return must(await rig.client(who).decide(signed))
}

async function perform(caseId: string, stepId: string) {
  await performStep(rig.world.connector, { caseId, stepId })
  await openDueGate(rig.world.connector, caseId)
}

async function withGate(identity: string): Promise<string> {
  const { caseId } = await open(identity)
  await drawPlan(rig.world.connector, caseId)
  await openDueGate(rig.world.connector, caseId)
  return caseId
}

async function consume(input: { user: string; password: string }): Promise<pg.Client> {
  const { port } = rig.world.target
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port, database: 'postgres', application_name: 'billing-service' },
    ...input,
  })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

describe('a rotation over HTTP', () => {
  it('goes from the partner’s request to a packet that an outsider can check', async () => {
    const caseId = await withGate('billing')
    const old = await consume({ user: 'billing_a', password: rig.world.secretOf('billing') })
    expect(must(await rig.client('ana').inbox()).gates).toMatchObject([
      { caseId, stepId: 'issue', votesFor: 'per_ana' },
    ])
    expect(must(await rig.client('acme').readCase({ caseId })).turn).toMatchObject({
      waitingOn: ['owner:per_ana'],
    })

    expect(
      await approve({ caseId, stepId: 'issue', who: 'ana', reason: 'as agreed on Monday' }),
    ).toMatchObject({ gate: 'satisfied' })
    await perform(caseId, 'issue')
    expect(await approve({ caseId, stepId: 'close', who: 'ana', form: 'ahead' })).toMatchObject({
      gate: 'waiting',
    })
    await approve({ caseId, stepId: 'cut-over', who: 'ana' })
    await perform(caseId, 'cut-over')

    const [task] = must(await rig.client('acme').tasks()).tasks
    expect(task).toMatchObject({ caseId, stepId: 'cut-over', lease: null, credential: 'billing_b' })
    const leased = must(await rig.client('acme').lease({ caseId, stepId: 'cut-over' }))
    const { privateKeyPem } = rig.world.authority.keys.consumers.cns_billing
    const { secret } = must(await openSealed({ jwe: leased.sealed[0]?.jwe ?? '', privateKeyPem }))
    const claim = aClaim(await stateOf(caseId), { stepId: 'cut-over', lease: leased.lease })
    must(
      await rig
        .client('acme')
        .claim({ caseId, envelope: signClaim(rig.world.authority.keys, claim) }),
    )
    const fresh = await consume({ user: leased.credential ?? '', password: secret })
    await observeStep(rig.world.connector, { caseId, stepId: 'cut-over' })
    await openDueGate(rig.world.connector, caseId)
    await old.end()

    expect(await approve({ caseId, stepId: 'retire', who: 'ana' })).toMatchObject({
      gate: 'waiting',
    })
    expect(must(await rig.client('ben').inbox()).gates).toMatchObject([{ stepId: 'retire' }])
    await approve({ caseId, stepId: 'retire', who: 'ben' })
    await perform(caseId, 'retire')
    await perform(caseId, 'close')
    await fresh.end()

    const summary = must(await rig.client('acme').readCase({ caseId }))
    expect(summary).toMatchObject({ phase: 'closed', outcome: 'completed', missing: [] })
    expect(summary.turn).toMatchObject({ waitingOn: [] })
    expect(summary.clock.enterprise).toBeGreaterThan(0)
    for (const who of ['acme', 'ana'] as const) {
      const packet = must(await rig.client(who).packet({ caseId }))
      const { trust } = rig.world.authority
      const verdict = verifyPacket({ bytes: packet.bytes, trust, verify: nodeVerify })
      expect(verdict.problems).toEqual([])
      expect(verdict).toMatchObject({ verdict: 'VERIFIED', caseId })
    }
    await receiptsHold(caseId)
    expect(rig.logged.join('')).not.toContain(secret)
    expect(rig.logged.join('')).not.toContain('as agreed on Monday')
  })
})

/** Every entry comes with a proof once the checkpoint covers it, and their hashes are those of the case. */
async function receiptsHold(caseId: string): Promise<void> {
  const read = async () => must(await rig.client('acme').entries({ caseId, after: 0, limit: 200 }))
  await waitUntil(async () => (await read()).entries.every((entry) => entry.proof !== null))
  const { entries } = await read()
  expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, index) => index + 1))
  expect(entries.at(-1)?.hash).toBe((await stateOf(caseId)).head)
  expect(entries[0]?.proof).toMatch(/^c2sp\.org\/tlog-proof@v1\nindex \d+\n/)
}

describe('opening a case', () => {
  it('gives the same case for the same key, and refuses the key for another request', async () => {
    const { caseId } = await open('ledger')
    expect(await open('ledger')).toMatchObject({ caseId, made: 'before' })
    const mismatch = await rig.client('acme').openCase({
      idempotencyKey: 'open-ledger-acme',
      request: { kind: 'rotate', identityId: 'nhi_ledger', change: 'emergency' },
    })
    expect(mismatch).toMatchObject({ refused: 'IDEMPOTENCY_MISMATCH' })
  })

  it('refuses a second case on an identity while one is open', async () => {
    await open('ledger')
    const second = await rig.client('acme').openCase({
      idempotencyKey: 'another-key-of-acme',
      request: { kind: 'rotate', identityId: 'nhi_ledger' },
    })
    expect(second).toMatchObject({ refused: 'CASE_OPEN' })
  })

  it('knows no identity of another partner', async () => {
    const refused = await rig.client('zeta').openCase({
      idempotencyKey: 'zeta-asks-for-ledger',
      request: { kind: 'rotate', identityId: 'nhi_ledger' },
    })
    expect(refused).toMatchObject({ refused: 'IDENTITY_UNKNOWN' })
  })

  it('keeps the keys of two partners apart', async () => {
    await open('ledger')
    const { caseId } = must(
      await rig.client('zeta').openCase({
        idempotencyKey: 'open-ledger-acme',
        request: { kind: 'rotate', identityId: 'nhi_reports', changeReference: 'CHG0001' },
      }),
    )
    expect(caseId).toContain('com_zeta:nhi_reports')
  })
})

describe('a decision over HTTP', () => {
  let caseId: string
  let review: Review
  beforeAll(async () => {
    caseId = await withGate('ledger')
    const stepId = 'issue'
    review = must(await rig.client('ana').review({ caseId, stepId }))
  })
  const key = (person: TestPerson) => ({
    choices: null,
    ...rig.world.authority.keys.persons[person],
  })

  it('is not signed when the API shows another plan than it offers to sign', () => {
    const shown = { ...review.plan, retiring: 'somebody_else' }
    const signed = signDecision({
      ...{ review: { ...review, plan: shown }, verdict: 'approve', form: 'gate', reason: null },
      ...key('per_ana'),
    })
    expect(signed).toMatchObject({ refused: 'WRONG_PLAN', where: '/planHash' })
  })

  it('is not signed when the API shows another pre-state, requirement or step', () => {
    const lies: Partial<Review>[] = [
      { preState: { ...review.preState, more: 'x' } },
      { requirement: { ...review.requirement, quorum: 2 } },
      { step: { ...review.step, rollback: 'all is fine' } },
      { nonce: review.planHash },
    ]
    for (const lie of lies) {
      const deciding = { verdict: 'approve', form: 'gate', reason: null } as const
      const signed = signDecision({ ...deciding, review: { ...review, ...lie }, ...key('per_ana') })
      expect(signed).toMatchObject({ refused: 'WRONG_PLAN' })
    }
  })

  it('is offered to nobody who is not asked', async () => {
    const seen = must(await rig.client('cleo').review({ caseId, stepId: 'issue' }))
    expect(seen.templates).toEqual({ gate: null, ahead: null })
    expect(seen.cannot).toMatchObject({ code: 'NOT_AN_APPROVER' })
    expect(must(await rig.client('cleo').inbox()).gates).toEqual([])
  })

  it('of somebody who is not asked is refused, and the refusal is evidence', async () => {
    const payload = aDecision(await stateOf(caseId), { stepId: 'issue', person: 'per_cleo' })
    const envelope = sign(rig.world.authority.keys, payload)
    const refused = await rig.client('cleo').decide({ caseId, envelope })
    expect(refused).toMatchObject({ refused: 'NOT_AN_APPROVER' })
    expect(must(await rig.client('ana').readCase({ caseId })).refusals).toBeGreaterThan(0)
  })

  it('of the partner’s own person is refused, and recorded', async () => {
    const payload = aDecision(await stateOf(caseId), { stepId: 'issue', person: 'per_zed' })
    const envelope = sign(rig.world.authority.keys, payload)
    expect(await rig.client('zed').decide({ caseId, envelope })).toMatchObject({
      refused: 'EXECUTOR_COMPANY',
    })
  })

  it('signed with a plain key is refused where a passkey is asked for', async () => {
    const strict = { caseId: await withGate('vault'), stepId: 'issue' }
    const signed = signDecision({
      review: await reviewBy('ana', strict),
      ...{ verdict: 'approve', form: 'gate', reason: null },
      ...key('per_ana'),
    })
    expect(await rig.client('ana').decide(must(signed))).toMatchObject({
      refused: 'ASSURANCE_TOO_LOW',
    })
  })

  it('needs no token, because the enterprise acts with its issuer down, and is idempotent', async () => {
    const signed = must(
      signDecision({
        ...{ review, verdict: 'approve', form: 'gate', reason: 'because it is due' },
        ...key('per_ana'),
      }),
    )
    const { decide } = rig.anonymous
    const stranger = { ...signed, reason: { salt: 'x'.repeat(32), text: 'another reason' } }
    expect(await decide(stranger)).toMatchObject({ refused: 'MALFORMED', where: '/reason' })
    const first = must(await decide(signed))
    expect(first).toMatchObject({ caseId, gate: 'satisfied' })
    expect(await decide(signed)).toEqual(first)
    const { rows } = await rig.world.dba.query(
      'select reason from reasons_side where reason = $1',
      ['because it is due'],
    )
    expect(rows).toHaveLength(1)
  })

  it('without a token and without a signature of anybody here is nobody’s', async () => {
    const payload = aDecision(await stateOf(caseId), { stepId: 'issue', person: 'per_ana' })
    const envelope = sign(rig.world.authority.keys, payload)
    const [signature] = envelope.signatures
    if (signature === undefined) throw new TypeError('no signature')
    const sig = createHash('sha512').update('x').digest('base64')
    const forged = { ...envelope, signatures: [{ ...signature, sig }] }
    expect(await rig.anonymous.decide({ caseId, envelope: forged })).toMatchObject({
      refused: 'UNAUTHENTICATED',
    })
  })
})

describe('a fence over HTTP', () => {
  it('is raised by a duty person without a token, and by no partner', async () => {
    const { keys } = rig.world.authority
    const scope = { kind: 'partner', id: 'com_zeta' } as const
    const byZed = await rig.anonymous.fence({
      envelope: signFence(keys, { person: 'per_zed', scope }),
    })
    expect(byZed).toMatchObject({ refused: 'NOT_ALLOWED' })
    const byBen = await rig
      .client('ben')
      .fence({ envelope: signFence(keys, { person: 'per_ben', scope }) })
    expect(byBen).toMatchObject({ refused: 'NOT_ALLOWED' })
    const raised = await rig.anonymous.fence({
      envelope: signFence(keys, { person: 'per_cleo', scope }),
    })
    expect(isRefusal(raised)).toBe(false)
    expect(raised).toMatchObject({ scope, speed: 'stop' })
    const typo = { kind: 'partner', id: 'com_zetta' } as const
    const nowhere = await rig.anonymous.fence({
      envelope: signFence(keys, { person: 'per_cleo', scope: typo }),
    })
    expect(nowhere).toMatchObject({ refused: 'IDENTITY_UNKNOWN' })
  })
})

describe('lists', () => {
  it('give a partner its own cases, the enterprise all, page by page', async () => {
    const all = must(await rig.client('dora').listCases()).cases.map((item) => item.caseId)
    const acme = must(await rig.client('acme').listCases()).cases
    const zeta = must(await rig.client('zeta').listCases()).cases
    expect(acme.every((item) => item.partnerId === 'com_acme')).toBe(true)
    expect(zeta.every((item) => item.partnerId === 'com_zeta')).toBe(true)
    expect(all).toHaveLength(acme.length + zeta.length)
    const paged: string[] = []
    let cursor: string | undefined
    do {
      const page = must(await rig.client('dora').listCases({ limit: 1, cursor }))
      paged.push(...page.cases.map((item) => item.caseId))
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    expect(paged).toEqual(all)
  })

  it('can be narrowed to what waits on somebody', async () => {
    const waiting = must(await rig.client('ana').listCases({ waitingOn: 'system', phase: 'open' }))
    expect(waiting.cases.length).toBeGreaterThan(0)
    expect(waiting.cases.every((item) => item.waitingOn.includes('system'))).toBe(true)
  })
})

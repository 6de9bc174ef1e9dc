/** The authority itself changes by cases only: exactly the approved bundle, one section, decided by others than those it is for. */

import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fold } from '../../src/domain/case/evolve.js'
import { namedBy } from '../../src/domain/plans/authority.js'
import { isRefusal, type Refusal } from '../../src/domain/refusal.js'
import type { AuthorityKind } from '../../src/domain/shapes/basic.js'
import { readCase } from '../../src/execution/deps.js'
import { drive } from '../../src/execution/drive.js'
import { openDueGate } from '../../src/execution/prepare.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { believe } from '../../src/packet/bundles.js'
import { drawnAgain } from '../../src/packet/verify/reproduce-authority.js'
import { type PackFiles, packHash } from '../../src/packs/load.js'
import { foresee } from '../../src/store/authority/foreseen.js'
import { type Proposed, proposeAuthority } from '../../src/store/authority/proposals.js'
import { openCase } from '../../src/store/case/open-case.js'
import { now } from '../../src/store/db.js'
import {
  aKey,
  anAuthority,
  must,
  type Overrides,
  SPAN,
  type TestPerson,
} from '../support/authority.js'
import { type Change, handOver, ordinary, withKey, without } from '../support/bundle-changes.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { verdictOn } from '../support/packets.js'
import { aWorld, quickPack, type World } from '../support/world.js'

let world: World
let work: Casework
/** What the installed bundle was made with: the next one is the same but for one change. */
let standing: Change = { ownership: ordinary }
let pack = {
  packId: 'demo',
  version: 1,
  effectiveFrom: SPAN.notBefore,
  hash: packHash(quickPack()),
}
beforeAll(async () => {
  world = await aWorld({ change: standing })
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const current = async () =>
  must(
    await world.api.authority.current(world.api.db, { at: await now(world.api.db), lock: 'none' }),
  )

/** A bundle of the next version, signed by the delegated signer. */
const next = async (change: Change, more: Partial<Overrides> = {}) =>
  anAuthority({
    ...{ keys: world.authority.keys, pack, version: (await current()).version + 1 },
    ...{ change: { ...standing, ...change }, ...more },
  }).bundle

const propose = (bundle: unknown, packs: PackFiles[] = []): Promise<Proposed | Refusal> =>
  proposeAuthority(world.api, { bundle, packs })

async function ask(
  kind: AuthorityKind,
  change: Proposed,
  by: { kind: 'partner' | 'enterprise'; companyId: string; personId: string | null } = {
    ...{ kind: 'enterprise', companyId: 'com_bank', personId: 'per_ben' },
  },
) {
  return openCase(world.api, {
    request: {
      asked: { kind, bundleHash: change.to.hash, reference: 'REQ-1', ...namedBy(change.found) },
      scope: { kind: 'enterprise', id: 'ent_bank' },
      ...{ change: 'normal', requester: by, changeReference: null },
    },
    ...{ principal: by.personId ?? by.companyId, idempotencyKey: ulid() },
  })
}

async function opened(kind: AuthorityKind, change: Proposed): Promise<string> {
  const { caseId } = must(await ask(kind, change))
  await drive(world.connector, caseId)
  return caseId
}

/** Proposed, asked for, signed by these, and in force. */
async function carryOut(kind: AuthorityKind, change: Proposed, by: readonly TestPerson[]) {
  const caseId = await opened(kind, change)
  if (kind !== 'revoke-keys') await work.signAndPerform(caseId, { stepId: 'approve', by })
  await work.signAndPerform(caseId, { stepId: 'activate', by: ['per_dora'] })
  return caseId
}

describe('a succession', () => {
  it('is accepted by the successor, activates exactly the approved bundle, and its packet verifies', async () => {
    const change = must(await propose(await next({ ownership: handOver })))
    expect(change.found).toMatchObject([
      { section: 'ownership', words: expect.stringContaining('owner per_ana -> per_cleo') },
    ])
    const caseId = await opened('change-ownership', change)
    expect(await work.stateOf(caseId)).toMatchObject({
      plan: { about: { accepting: ['per_cleo'], changes: [change.found[0]?.words] } },
    })
    await work.approve(caseId, { stepId: 'approve', person: 'per_dora' })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'approve' })
    await work.signAndPerform(caseId, { stepId: 'approve', by: ['per_cleo'] })
    expect((await current()).identities.get('nhi_reports')?.ownerId).toBe('per_ana')
    await work.signAndPerform(caseId, { stepId: 'activate', by: ['per_dora'] })
    standing = { ownership: handOver }
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await current()).toMatchObject({ hash: change.to.hash, version: 2 })
    expect((await current()).identities.get('nhi_reports')?.ownerId).toBe('per_cleo')
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('is never planned when it names another successor than the bundle, or the bundle changes something else too', async () => {
    const change = must(await propose(await next({ ownership: ordinary })))
    const other = { ...change, found: [{ ...change.found[0], accepting: ['per_cleo'] }] }
    const misnamed = await opened('change-ownership', other as Proposed)
    expect(await work.stateOf(misnamed)).toMatchObject({ outcome: 'unplannable' })
    const both = { ownership: ordinary, people: withKey('per_ben', aKey('key_ben-2')) }
    const smuggled = await opened('change-ownership', must(await propose(await next(both))))
    expect(await work.stateOf(smuggled)).toMatchObject({ outcome: 'unplannable' })
  })
})

const toBen: NonNullable<Overrides['delegations']>[number] = {
  ...{ type: 'delegation', v: 1, enterprise: 'ent_bank', from: 'per_cleo', to: 'per_ben' },
  ...{ delegationId: '01KB0000000000000000000001', kinds: ['rotate'], systems: null, ...SPAN },
}

describe('the verifier of a packet', () => {
  it('draws the plan again from the two bundles, and refuses one that hides a change', async () => {
    const change = must(await propose(await next({ ownership: ordinary })))
    const caseId = await opened('change-ownership', change)
    const { recorded } = await readCase(world.connector, caseId)
    const planned = recorded.find(({ event }) => event.type === 'Planned')
    if (planned?.event.type !== 'Planned') throw new Error('no plan')
    const { event, at } = planned
    const before = recorded.slice(0, recorded.indexOf(planned))
    const { trust } = world.authority
    const bundles = new Map([
      [change.from.hash, await next({}, { version: change.from.version })],
      [change.to.hash, await next({ ownership: ordinary })],
    ])
    const packs = new Map([[pack.hash, quickPack()]])
    const believed = believe({ bundles, packs, trust, verify: nodeVerify })
    const moment = {
      ...{ state: fold(caseId, before), before, at, index: 1, believed, atLeast: 0 },
      ...{ fences: [], mandates: new Map(), findings: new Map(), containments: [], event },
      ...{ exercises: new Map(), verify: nodeVerify, indexes: [], reviewed: null },
      emergencies: [],
      successors: [],
    }
    expect(drawnAgain(moment)).toBeNull()
    const plan = { ...event.plan, about: { ...event.plan.about, changes: ['nothing'] } }
    expect(drawnAgain({ ...moment, event: { ...event, plan } as typeof event })).toMatchObject({
      refused: 'JUDGEMENT_DIFFERS',
    })
  })
})

describe('a proposed bundle', () => {
  it('that the delegated signer did not sign, or that does not follow today’s, is refused at the door', async () => {
    const bundle = await next({ people: withKey('per_ana', aKey('key_ana-3')) })
    const [signature] = bundle.manifest.signatures
    const forged = {
      ...bundle,
      manifest: { ...bundle.manifest, signatures: [{ ...signature, keyid: 'key_ana' }] },
    }
    expect(await propose(forged)).toMatchObject({ refused: 'AUTHORITY_INVALID' })
    const skipping = await next({}, { version: 9 })
    expect(await propose(skipping)).toMatchObject({ refused: 'AUTHORITY_ROLLBACK' })
  })

  it('whose row is replaced after the approval is not activated', async () => {
    const key = aKey('key_ana-4')
    const change = must(await propose(await next({ people: withKey('per_ana', key) })))
    const caseId = await opened('change-people', change)
    await work.signAndPerform(caseId, { stepId: 'approve', by: ['per_dora', 'per_cleo'] })
    const lending = await next({ people: withKey('per_ana', key) }, { delegations: [toBen] })
    expect(await propose(lending)).toMatchObject({ refused: 'IDEMPOTENCY_MISMATCH' })
    const other = await next({ people: withKey('per_ben', aKey('key_ben-4')) })
    await world.dba.query('update proposals set bundle = $1 where hash = $2', [
      ...[JSON.stringify(other), change.to.hash],
    ])
    const before = await current()
    await work.signAndPerform(caseId, { stepId: 'activate', by: ['per_dora'] })
    expect((await current()).hash).toBe(before.hash)
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'activate' })
  })
})

describe('keys', () => {
  it('are enrolled by others than their owner', async () => {
    const forAna = must(
      await propose(await next({ people: withKey('per_ana', aKey('key_ana-5')) })),
    )
    expect(namedBy(forAna.found)).toMatchObject({ affected: ['per_ana'] })
    const forDora = must(
      await propose(await next({ people: withKey('per_dora', aKey('key_dora-5')) })),
    )
    expect(await ask('change-people', forDora)).toMatchObject({ refused: 'NO_APPROVER' })
    const hidden = { ...forDora, found: [] }
    const caseId = await opened('change-people', hidden)
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'unplannable' })
  })

  it('that were lost are revoked by one officer, with no step before it', async () => {
    const change = must(await propose(await next({ people: without('per_ben') })))
    const caseId = await carryOut('revoke-keys', change, [])
    standing = { ...standing, people: without('per_ben') }
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    const keys = (await current()).persons.get('per_ben')?.keys ?? []
    expect(keys.every(({ revokedAt }) => revokedAt !== null)).toBe(true)
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('are not enrolled by what only revokes', async () => {
    const change = must(
      await propose(await next({ people: withKey('per_ana', aKey('key_ana-6')) })),
    )
    const caseId = await opened('revoke-keys', change)
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'unplannable' })
  })
})

describe('an authority that changed meanwhile', () => {
  it('opens the gate of the other change again, which then cannot be activated', async () => {
    const key = aKey('key_ana-7')
    const late = must(await propose(await next({ ownership: ordinary })))
    const caseId = await opened('change-ownership', late)
    await work.approve(caseId, { stepId: 'approve', person: 'per_dora' })
    await work.approve(caseId, { stepId: 'approve', person: 'per_ana' })
    const enrol: NonNullable<Change['people']> = (section) =>
      withKey('per_ana', key)(without('per_ben')(section))
    const first = must(await propose(await next({ people: enrol })))
    await carryOut('change-people', first, ['per_dora', 'per_cleo'])
    standing = { ...standing, people: enrol }
    await work.perform(caseId, 'approve')
    expect(await work.dueOf(caseId)).toMatchObject({
      kind: 'decision',
      stepId: 'approve',
      round: 2,
    })
    await work.signAndPerform(caseId, { stepId: 'approve', by: ['per_dora', 'per_ana'] })
    await work.signAndPerform(caseId, { stepId: 'activate', by: ['per_dora'] })
    expect((await current()).hash).toBe(first.to.hash)
  })
})

describe('a contract', () => {
  const prolonged: NonNullable<Change['contracts']> = (section) => ({
    ...section,
    contracts: section.contracts.map((contract) => ({
      ...contract,
      notAfter: '2099-06-01T00:00:00.000Z',
    })),
  })

  it('is never prolonged by the partner whose it is', async () => {
    const change = must(await propose(await next({ contracts: prolonged })))
    const zed = { kind: 'partner', companyId: 'com_acme', personId: 'per_zed' } as const
    expect(await ask('change-contracts', change, zed)).toMatchObject({ refused: 'NOT_ALLOWED' })
    const caseId = await opened('change-contracts', change)
    await expect(work.approve(caseId, { stepId: 'approve', person: 'per_zed' })).rejects.toThrow(
      /NOT_AN_APPROVER|EXECUTOR_COMPANY/,
    )
  })
})

describe('a looser policy', () => {
  const looser = (): PackFiles => {
    const files = quickPack()
    const rule = (files['rules/exception.yaml'] ?? '')
      .replaceAll('        - { role: named-person, need: 1 }\n', '')
      .replaceAll('quorum: 2', 'quorum: 1')
    const kept = Object.entries(files).filter(([path]) => path !== 'tests/exception.yaml')
    const head = (files['pack.yaml'] ?? '').replace('version: 1', 'version: 2')
    return { ...Object.fromEntries(kept), 'pack.yaml': head, 'rules/exception.yaml': rule }
  }

  it('completes no quorum that was pending when it came', async () => {
    const pending = await work.open('billing', {
      ...{ kind: 'exception', deviation: 'maximum-age', reference: 'RISK-7' },
      controls: [{ controlId: 'allow-list', attestedBy: 'per_ana' }],
      ...{ attestEveryMs: 86_400_000, until: '2098-01-01T00:00:00.000Z' },
    })
    await work.approve(pending, { stepId: 'accept', person: 'per_cleo' })
    const files = looser()
    pack = { ...pack, version: 2, hash: packHash(files) }
    const change = must(await propose(await next({}), [files]))
    expect(change.found.map(({ words }) => words)).toContainEqual(
      expect.stringContaining('asks something else: exception changed'),
    )
    const { to, packs } = change
    const past = await foresee(world.api, { pack: packs.to, hash: to.packs[0]?.hash ?? 'sha256:' })
    expect(past).toContainEqual({
      ...{ kind: 'exception', stepId: 'accept', cases: 1, stricter: 0, looser: 1, other: 0 },
      ...{ refused: 0, eligible: 1, quorum: 1 },
    })
    const caseId = await carryOut('change-policy', change, ['per_dora', 'per_cleo'])
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    await openDueGate(world.connector, pending)
    expect(await work.dueOf(pending)).toMatchObject({ kind: 'decision', stepId: 'accept' })
    await work.signAndPerform(pending, { stepId: 'accept', by: ['per_ana'] })
    expect(await work.stateOf(pending)).toMatchObject({ outcome: 'completed' })
  })

  it('that is not stored is refused at the door, and one with other words only is said to void nothing', async () => {
    const said = {
      ...looser(),
      'pack.yaml': `# A remark.\n${looser()['pack.yaml']}`.replace('version: 2', 'version: 3'),
    }
    pack = { ...pack, version: 3, hash: packHash(said) }
    expect(await propose(await next({}))).toMatchObject({ refused: 'POLICY_INVALID' })
    const change = must(await propose(await next({}), [said]))
    expect(change.found.map(({ words }) => words)).toContainEqual(
      expect.stringContaining('words only, it voids no open signature'),
    )
    expect(isRefusal(change)).toBe(false)
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { due } from '../../src/domain/case/due.js'
import { observeStep, performStep } from '../../src/execution/execute.js'
import { openDueGate } from '../../src/execution/prepare.js'
import { undoDueStep } from '../../src/execution/undo.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { exportPacket } from '../../src/packet/export/export.js'
import { installAuthority } from '../../src/store/authority/authority.js'
import { submitClaim, submitDecision, submitLease } from '../../src/store/case/cases.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { anAuthority, must } from '../support/authority.js'
import { aClaim, signClaim, signFence } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'
import { type Forging, filesOf, forge, reseal, writtenIn } from './forge.js'
import { decide, packetOf, perform, startCase, stateOf, verdictOn } from './story.js'

let world: World
beforeAll(async () => {
  world = await aWorld()
})
afterAll(() => world.stop())

const verified = async (caseId: string) => {
  const { bytes } = await packetOf(world, caseId)
  const verdict = verdictOn(world, bytes)
  expect(verdict.problems).toEqual([])
  return { bytes, words: verdict.words.join('\n'), files: filesOf(bytes) }
}

/** The same enterprise's next bundle; `revoked` is the person whose key no longer counts. */
async function installNext(version: number, revoked?: string) {
  const { keys } = world.authority
  const [pack] = world.authority.authority.packs
  if (pack === undefined) throw new Error('no pack')
  const { bundle, trust } = anAuthority({
    ...{ keys, version, pack },
    change: {
      people: (section) => ({
        ...section,
        persons: section.persons.map((person) =>
          person.personId === revoked
            ? {
                ...person,
                keys: person.keys.map((key) => ({ ...key, revokedAt: '2026-01-01T00:00:00.000Z' })),
              }
            : person,
        ),
      }),
    },
  })
  must(
    await installAuthority(world.db('owner'), {
      bundle,
      trust: { ...trust, rootKeys: world.authority.trust.rootKeys },
      verify: nodeVerify,
    }),
  )
}

describe('a packet verifies however its case went', () => {
  it('while the case is open, through a lie of the partner, a changed target, a new authority and a rollback', async () => {
    const caseId = await startCase(world, 'billing')
    expect((await verified(caseId)).words).toContain('It is still open.')

    must(await decide(world, { caseId, stepId: 'issue', person: 'per_ana' }))
    await world.targetDba.query('alter role billing_b connection limit 7')
    await perform(world, { caseId, stepId: 'issue' })
    expect(due(await stateOf(world, caseId))).toMatchObject({ kind: 'decision', round: 2 })
    must(await decide(world, { caseId, stepId: 'issue', person: 'per_ana' }))
    await perform(world, { caseId, stepId: 'issue' })

    await installNext(2)
    must(await decide(world, { caseId, stepId: 'cut-over', person: 'per_ana' }))
    await perform(world, { caseId, stepId: 'cut-over' })
    const leased = must(
      await submitLease(world.api, { caseId, stepId: 'cut-over', companyId: 'com_acme' }),
    )
    const claim = aClaim(await stateOf(world, caseId), { stepId: 'cut-over', lease: leased.lease })
    must(await submitClaim(world.api, { caseId, envelope: signClaim(world.authority.keys, claim) }))
    await observeStep(world.connector, { caseId, stepId: 'cut-over' })
    const { words, files } = await verified(caseId)
    expect(words).toContain('Claims that the probe contradicted: 1.')
    expect([...files.keys()].filter((name) => name.startsWith('authority/'))).toHaveLength(2)
  })

  it('when an owner declines and the step’s own rollback ends it', async () => {
    const caseId = await startCase(world, 'ledger')
    must(await decide(world, { caseId, stepId: 'issue', person: 'per_ana' }))
    await perform(world, { caseId, stepId: 'issue' })
    const overrides = { verdict: 'decline' } as const
    must(await decide(world, { caseId, stepId: 'cut-over', person: 'per_ana', overrides }))
    expect(due(await stateOf(world, caseId))).toMatchObject({ kind: 'undo', stepId: 'issue' })
    await undoDueStep(world.connector, { caseId, stepId: 'issue' })
    expect((await verified(caseId)).words).toContain('closed as rolled-back')
  })

  it('when a key was revoked between vote and execution, and then a fence stopped it', async () => {
    const { keys } = world.authority
    const caseId = await startCase(world, 'ledger')
    must(await decide(world, { caseId, stepId: 'issue', person: 'per_ana' }))
    await installNext(3, 'per_ana')
    await performStep(world.connector, { caseId, stepId: 'issue' })
    await installNext(4)
    await openDueGate(world.connector, caseId)
    must(await decide(world, { caseId, stepId: 'issue', person: 'per_ana' }))
    const scope = { kind: 'identity', id: 'nhi_ledger' } as const
    const envelope = signFence(keys, { person: 'per_cleo', scope })
    const { authority } = world.api
    must(await raiseFence(world.db('cs_api'), { envelope, authority, verify: nodeVerify }))
    await performStep(world.connector, { caseId, stepId: 'issue' })
    expect((await stateOf(world, caseId)).outcome).toBe('fenced')

    const { bytes, files, words } = await verified(caseId)
    expect(words).toContain('closed as fenced')
    expect(Buffer.from(files.get('report.html') ?? '').toString()).toContain('KEY_REVOKED')
    const fence = 'fences/identity/nhi_ledger/0001.json'
    expect(files.has(fence)).toBe(true)
    const unfenced = new Map([...filesOf(bytes)].filter(([name]) => !name.startsWith('fences/')))
    expect(verdictOn(world, reseal(unfenced)).problems[0]?.code).toBe('ENTRY_MISSING')
  })

  it('under noise, which does not fill it: above the cap an entry stands for as many again', async () => {
    const caseId = await startCase(world, 'vault')
    for (let sent = 0; sent < 160; sent += 1)
      await submitDecision(world.api, { caseId, envelope: { sent }, door: 'api' })
    const { files, words } = await verified(caseId)
    const types = writtenIn(files).map(({ body }) => body.type)
    expect(types.filter((type) => type === 'DecisionRefused')).toHaveLength(50)
    expect(types.filter((type) => type === 'RefusalsCounted')).toHaveLength(1)
    expect(words).toContain('Refused messages: at least 100.')
    const { authority } = world
    const { bytes } = await packetOf(world, caseId)
    const rewrite: Forging['rewrite'] = (written) =>
      written.map((one) =>
        one.body.type === 'RefusalsCounted' ? { ...one, body: { ...one.body, count: 51 } } : one,
      )
    const forged = verdictOn(world, await forge({ bytes, authority, rewrite }))
    expect(forged.problems).toMatchObject([{ code: 'JUDGEMENT_DIFFERS' }])
    await world.dba.query("update cases set phase = 'closed' where case_id = $1", [caseId])
  })

  it('never, while the log lags behind: the export says that the proof is missing', async () => {
    const caseId = await startCase(world, 'vault')
    const { published } = world.connector
    const { rows } = await world.dba.query<{ size: string }>(
      'select max(size) as size from checkpoints',
    )
    expect(Number(rows[0]?.size)).toBeGreaterThan(0)
    await world.dba.query('begin')
    await world.dba.query('select pg_advisory_xact_lock(7215301)')
    must(await decide(world, { caseId, stepId: 'issue', person: 'per_ana' }).then(() => 'asked'))
    const deps = { db: world.db('cs_api'), verify: nodeVerify, published, proofWithinMs: 300 }
    expect(await exportPacket(deps, { caseId, reader: 'enterprise' })).toMatchObject({
      refused: 'PROOF_MISSING',
    })
    await world.dba.query('commit')
    await verified(caseId)
  })
})

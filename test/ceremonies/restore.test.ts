/**
 * A backup of the evidence store was restored: what is lost is said, the targets are looked at, stop and cut work
 * meanwhile, two officers open a log that follows, everybody signs anew, and the gap is seen for ever. As
 * docs/ceremonies.md says, command by command.
 */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readyz } from '../../src/api/health.js'
import type { Trust } from '../../src/domain/shapes/authority.js'
import { Stopped } from '../../src/execution/deps.js'
import { drive } from '../../src/execution/drive.js'
import { performStep } from '../../src/execution/execute.js'
import { openDueGate } from '../../src/execution/prepare.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { exportCollection } from '../../src/packet/export/export-collection.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { verifyCollection } from '../../src/packet/verify/verify-collection.js'
import { authoritySource } from '../../src/store/authority/authority.js'
import { keepRefused, logRefused } from '../../src/store/log/log-refused.js'
import { LogForked } from '../../src/store/log/sequencer.js'
import { logInUse } from '../../src/store/log/successors.js'
import { noticeFence } from '../../src/store/streams/fences.js'
import { aKey, must } from '../support/authority.js'
import { containmentIn } from '../support/cutting.js'
import { packetOf } from '../support/packets.js'

import { aRestoredStore, NEXT_LOG, type RestoredStore } from './restored.js'

let store: RestoredStore
beforeAll(async () => {
  store = await aRestoredStore()
})
afterAll(() => store.end())

const verifyWith = (bytes: Uint8Array, trust: Trust) =>
  verifyPacket({ bytes, trust, verify: nodeVerify })

describe('a backup is restored', () => {
  it('and one line says which head was expected, what is there, how much is gone and since when', async () => {
    const { code, out } = await store.status()
    expect(code).toBe(1)
    expect(out).toMatch(
      /^lost: \S+: the store has a log of \d+ entries, but \d+ were signed: a backup was restored, or a fail-over lost commits; \d+ entries are gone, those after 20\d\d-\S+Z$/m,
    )
    expect(out).toContain('next: countersign restore reconcile')
  })

  it('and nothing is signed, and no gate lets anything through', async () => {
    await expect((await store.signer(store.oldLog)).run()).rejects.toThrow(LogForked)
    const connector = { ...(await store.startedAnew()), proofWithinMs: 200 }
    const performing = performStep(connector, { caseId: store.cases.ledger, stepId: 'issue' })
    await expect(performing).rejects.toThrow(Stopped)
    expect((await store.work.stateOf(store.cases.ledger)).steps[0]?.phase).toBe('satisfied')
  })
})

/** A containment that was opened meanwhile. */
let between = ''

describe('the keeper', () => {
  it('says it where doctor and the API look, until it signs again', async () => {
    const db = store.world.db('cs_keeper')
    await keepRefused(db, 'the store has a log of 4 entries, but 6 were signed')
    const { out } = await store.as('cs_api', 'doctor')
    expect(out).toMatch(/^log +failed +nothing is signed since 20\S+: the store has a log of 4/m)
    const { trust } = store.world.authority
    const authority = authoritySource({ trust, verify: nodeVerify })
    const ready = await readyz({ db: store.world.db('cs_api'), authority } as never, {} as never)
    expect(ready).toMatchObject({ body: { checkpoint: { state: 'refused' } } })
    await keepRefused(db, null)
    expect(await logRefused(store.world.db('cs_api'))).toBeNull()
  })
})

describe('until people have decided', () => {
  it('a cut takes access away all the same, and its entries say that the proof was missing', async () => {
    const contained = await containmentIn(store.world, { identityId: 'nhi_vault' })
    between = contained
    await drive({ ...(await store.startedAnew()), proofWithinMs: 200 }, contained)
    const { rows } = await store.world.targetDba.query<{ login: boolean }>(
      "select rolcanlogin as login from pg_roles where rolname = 'vault_a'",
    )
    expect(rows).toEqual([{ login: false }])
    const { steps } = await store.work.stateOf(contained)
    expect(steps[0]?.phase).toBe('performed')
  })

  it('the targets show which grants were carried out whose entries are lost', async () => {
    const { code, out } = await store.as('cs_connector', 'restore reconcile')
    expect(out).toMatch(/nhi_billing: billing_b carries set under grant \S+, which no entry gives/)
    expect(out).toContain('fence:identity:nhi_ledger had 1 entries and has 0')
    expect(out).not.toContain('nhi_reports:')
    expect(out).not.toContain('nhi_vault:')
    expect(code).toBe(0)
    expect((await store.status()).out).toContain('next: stop what is named above')
  })

  it('nothing is opened that no two officers signed, or not for this head', async () => {
    expect(await store.draft('next.json')).toMatchObject({ code: 0, err: '' })
    expect(await store.open('next.json')).toMatchObject({ code: 2 })
    expect(await store.sign('next.json', 'key_root')).toMatchObject({ code: 0 })
    expect(await store.open('next.json')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('signed by 1 of 2 root keys') },
    })
    expect(await store.sign('next.json', 'key_root')).toMatchObject({ code: 2 })
    expect(await store.sign('next.json', 'key_ana')).toMatchObject({ code: 0 })
    expect(await store.open('next.json')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('signed by 1 of 2 root keys') },
    })
  })

  it('nor before what its target shows and no entry knows was stopped by a person', async () => {
    await store.draft('good.json')
    await store.sign('good.json', 'key_root')
    await store.sign('good.json', 'key_root-2')
    expect(await store.open('good.json')).toMatchObject({
      ...{
        code: 1,
        err: expect.stringContaining('NOT_DUE at /identities/nhi_billing: stop it first'),
      },
    })
    await store.stop({ kind: 'identity', id: 'nhi_billing' })
  })
})

describe('the log that follows', () => {
  it('is opened under two officers’ signatures, and every open case is resumed in it', async () => {
    const { code, out, err } = await store.open('good.json')
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).toMatch(
      /^Between checkpoint \d+ and checkpoint \d+ of the earlier log \S+, \d+ entries are lost; bank\.test\/log-2 follows it from entry \d+\.$/m,
    )
    expect(out).toContain('3 open cases are signed anew')
    expect((await store.open('good.json')).code).toBe(1)
  })

  it('is signed under its own name, and by nobody under the old one', async () => {
    await expect((await store.signer(store.oldLog)).run()).rejects.toThrow(LogForked)
    await (await store.signer(NEXT_LOG)).run()
    expect(JSON.parse(await readFile(store.world.highWaterFile, 'utf8'))).toMatchObject({
      origin: NEXT_LOG,
    })
    const { code, out } = await store.status()
    expect(out).toMatch(/^whole: bank\.test\/log-2 has \d+ entries, and all that were signed$/m)
    expect(code).toBe(0)
  })

  it('has everybody sign anew: what was approved before counts for nothing', async () => {
    const connector = await store.startedAnew()
    const { steps } = await store.work.stateOf(store.cases.ledger)
    expect(steps[0]).toMatchObject({ phase: 'pending', because: 'ENTRIES_LOST', votes: [] })
    await openDueGate(connector, store.cases.ledger)
    await store.work.approve(store.cases.ledger, { stepId: 'issue', person: 'per_ana' })
    const signing = await store.keepSigning(connector)
    await performStep(connector, { caseId: store.cases.ledger, stepId: 'issue' })
    await signing.stop()
    expect((await store.work.stateOf(store.cases.ledger)).steps[0]?.phase).toBe('performed')
  })

  it('ends the case of an identity that a person stopped, and undoes nothing of before', async () => {
    const seen = () => store.world.connector.connectorOf('sys_billing')?.lastGrant('billing_b')
    const mark = await seen()
    await noticeFence(store.world.db('cs_connector'), {
      ...store.world.api,
      caseId: store.cases.billing,
    })
    await drive(await store.startedAnew(), store.cases.billing)
    expect(await store.work.stateOf(store.cases.billing)).toMatchObject({ outcome: 'fenced' })
    expect(await seen()).toEqual(mark)
  })
})

describe('the gap', () => {
  const GAP = /^Between checkpoint \d+ and checkpoint \d+ of the earlier log bank\.test\/log/
  const trustOf = (): Trust => store.world.authority.trust

  beforeAll(async () => {
    await (await store.signer(NEXT_LOG)).run()
  })

  it('is told by the packet of every case of the log, and that a case spans it', async () => {
    for (const caseId of [store.cases.ledger, store.cases.billing, between]) {
      const bytes = await packetOf(store.world, caseId)
      const { verdict, problems, words } = verifyWith(bytes, trustOf())
      expect(problems).toEqual([])
      expect(verdict).toBe('VERIFIED')
      const [missing] = words.filter((line) => line.startsWith('What is missing? '))
      expect(missing?.replace('What is missing? ', '')).toMatch(GAP)
      const spans = 'What was recorded of this case in between is not here.'
      expect(missing?.endsWith(spans)).toBe(caseId !== between)
    }
  })

  it('leaves packets from before as they were', () => {
    const { verdict, words } = verifyWith(store.before, trustOf())
    expect(verdict).toBe('VERIFIED')
    expect(words.join()).not.toContain('missing')
  })

  it('is told by a collection, and verified in it', async () => {
    const { root, version, hash } = store.world.authority.authority
    const by = { root, trust: trustOf(), verify: nodeVerify }
    const db = store.world.db('cs_api')
    const signing = await store.keepSigning(store.world.connector)
    const made = await exportCollection(
      { ...store.world.connector, db, log: must(await logInUse(db, by)) },
      {
        query: {
          ...{ identity: null, partner: null, objective: null, kinds: null },
          ...{ from: null, until: null, zone: 'UTC' },
        },
        ...{ enterprise: 'ent_bank', personId: 'per_dora', authority: { version, hash } },
      },
    )
    await signing.stop()
    const verdict = verifyCollection({
      bytes: must(made).bytes,
      trust: trustOf(),
      verify: nodeVerify,
    })
    expect(verdict.problems).toEqual([])
    expect(verdict).toMatchObject({ verdict: 'VERIFIED', cases: 3 })
    expect(verdict.words.some((line) => GAP.test(line))).toBe(true)
  })

  it('is told by fsck, which finds everything else whole', async () => {
    const { code, out } = await store.as('cs_api', `fsck --high-water ${store.world.highWaterFile}`)
    expect(out).toMatch(/^CLEAN /)
    expect(out).toMatch(new RegExp(GAP.source, 'm'))
    expect(code).toBe(0)
  })

  it('is believed by nobody who trusts other officers', async () => {
    const bytes = await packetOf(store.world, store.cases.ledger)
    const [root, other] = trustOf().rootKeys
    const stranger = aKey('key_root-2')
    const keys = [root, { ...other, publicKey: stranger.publicKey }] as Trust['rootKeys']
    expect(verifyWith(bytes, { ...trustOf(), rootKeys: keys })).toMatchObject({
      verdict: 'NOT VERIFIED',
      problems: [expect.objectContaining({ detail: '/signatures: signed by 1 of 2 root keys' })],
    })
  })
})

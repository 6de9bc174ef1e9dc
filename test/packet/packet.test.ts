import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { personCommitment, reasonDigest } from '../../src/domain/bytes/commitment.js'
import type { CaseEvent, CaseOpened } from '../../src/domain/shapes/event.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { writeArchive } from '../../src/packet/archive.js'
import { exportPacket } from '../../src/packet/export/export.js'
import { TOOL } from '../../src/packet/files.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { aKey, anAuthority, type TestPerson } from '../support/authority.js'
import { aWorld, type World } from '../support/world.js'
import { filesOf, flip, forge, reattest, reseal, STRAY, type Written, writtenIn } from './forge.js'
import { packetOf, rotate, verdictOn } from './story.js'

let world: World
let caseId: string
let packet: Uint8Array
const reason = { salt: 'salt-of-a-reason', reason: 'Quarterly <script>alert(1)</script> & cleanup' }
const ana = { personId: 'per_ana', salt: 'salt-of-a-name', name: 'Ana O’Neil <ana@bank.test>' }

beforeAll(async () => {
  world = await aWorld({
    change: {
      people: (section) => ({
        ...section,
        persons: section.persons.map((person) =>
          person.personId === 'per_ana' ? { ...person, commitment: personCommitment(ana) } : person,
        ),
      }),
    },
  })
  const digest = reasonDigest(reason)
  const db = world.db('cs_api')
  await db.query('insert into reasons_side (digest, salt, reason) values ($1, $2, $3)', [
    ...[digest, reason.salt, reason.reason],
  ])
  await db.query(
    "insert into persons_side (person_id, salt, name, address) values ($1, $2, $3, ''), ('per_ben', 'salt', 'Not Ben', '')",
    [ana.personId, ana.salt, ana.name],
  )
  caseId = await rotate(world, { reasonDigest: digest })
  packet = (await packetOf(world, caseId)).bytes
})
afterAll(() => world.stop())

const textOf = (name: string) => Buffer.from(filesOf(packet).get(name) ?? '').toString()
const numberOf = (type: CaseEvent['type'], from = 0): number =>
  writtenIn(filesOf(packet)).findIndex(({ body }, index) => index >= from && body.type === type) + 1
const file = (seq: number) => `entries/${String(seq).padStart(4, '0')}.json`

describe('the packet of a whole rotation', () => {
  it('verifies with nothing but its bytes and the root keys, and gives the five answers', () => {
    const verdict = verdictOn(world, packet)
    expect(verdict.problems).toEqual([])
    expect(verdict).toMatchObject({ verdict: 'VERIFIED', caseId, decisions: 5, refusals: 1 })
    expect(verdict.entries).toBe(writtenIn(filesOf(packet)).length)
    expect(verdict).toMatchObject({ keys: 'demonstration', witnesses: 'single party' })
    const words = verdict.words.join('\n')
    expect(words).toContain(`Who approved? ${ana.name} (per_ana) approved issue at`)
    expect(words).toContain('Under which policy? demo version 1, sha256:')
    expect(words).toContain('When? It was closed as completed at')
    expect(words).toContain('With what rollback plan? issue: Disable billing_b')
    expect(words).toContain('retire: prove-dead was done; observed: old-refused, no-session-left')
  })

  it('is the same bytes when exported again', async () => {
    const again = await packetOf(world, caseId)
    expect(Buffer.from(again.bytes).equals(packet)).toBe(true)
    expect(again.name).toBe(`countersign-${caseId.replaceAll(':', '-')}.zip`)
  })

  it('says in the first line of its README, and on the report, that the keys are a demonstration', () => {
    expect(textOf('README.txt').split('\n')[0]).toContain('DEMONSTRATION')
    expect(textOf('report.html')).toContain('class="demo"')
  })

  it('has a report in which every text is escaped, with no script and nothing to load', () => {
    const report = textOf('report.html')
    expect(report).toContain('Quarterly &lt;script&gt;alert(1)&lt;/script&gt; &amp; cleanup')
    expect(report).toContain('Ana O’Neil &lt;ana@bank.test&gt; (per_ana)')
    expect(report).not.toMatch(/<script|<img|<link|<iframe|\shref=|\ssrc=|https?:/)
  })

  it('resolves a name only when the authority is committed to it', () => {
    expect(textOf('names.json')).toContain(ana.name)
    expect(textOf('names.json')).not.toContain('Not Ben')
  })

  it('holds no secret', () => {
    for (const [, bytes] of filesOf(packet))
      expect(Buffer.from(bytes).includes(world.secretOf('billing'))).toBe(false)
  })

  it('refuses to be made of a case that does not exist', async () => {
    const { verify, published } = world.connector
    const deps = { db: world.db('cs_api'), verify, published, proofWithinMs: 1000 }
    const unknown = caseId.replace(/.{4}$/, '0000')
    const asked = { caseId: unknown, reader: 'enterprise' } as const
    expect(await exportPacket(deps, asked)).toMatchObject({ refused: 'CASE_UNKNOWN' })
  })

  it('names the version of the program that made it', () => {
    const { name, version } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    )
    expect(TOOL).toBe(`${name}/${version}`)
  })
})

describe('a file of the packet that is changed', () => {
  it('is named, whichever it is', () => {
    const files = filesOf(packet)
    for (const [name, bytes] of files) {
      if (name === 'manifest.json') continue
      const changed = new Map(files).set(name, flip(bytes))
      const sealedBefore = verdictOn(world, writeArchive(changed))
      expect(sealedBefore.verdict, name).toBe('NOT VERIFIED')
      expect(sealedBefore.problems, name).toMatchObject([{ code: 'PACKET_INVALID', where: name }])
    }
  })

  it('is found even when the manifest is changed to match, and the entry it belongs to is named', () => {
    const files = filesOf(packet)
    for (const [name, bytes] of files) {
      if (name === 'manifest.json' || name.startsWith('statements/')) continue
      const verdict = verdictOn(world, reseal(new Map(files).set(name, flip(bytes))))
      expect(verdict.verdict, name).toBe('NOT VERIFIED')
      const named = name.replace(/^proofs\/(\d+)\.tlog-proof$/, 'entries/$1.json')
      const whole = name.replace(/^(policy\/[0-9a-f]+\/).*/, '$1')
      const wheres = verdict.problems.map(({ where }) => where)
      expect(
        wheres.some((where) => where === named || where === whole),
        `${name}: ${wheres}`,
      ).toBe(true)
    }
  })

  it('is found when it is the manifest, which counts what the entries do not', () => {
    const files = filesOf(packet)
    const manifest = JSON.parse(textOf('manifest.json'))
    const counts = { ...manifest.counts, decisions: 6 }
    files.set('manifest.json', Buffer.from(JSON.stringify({ ...manifest, counts })))
    expect(verdictOn(world, reseal(files)).problems).toMatchObject([
      { code: 'PACKET_INVALID', where: 'manifest.json' },
    ])
  })

  it('is found when it is missing, or one too many', () => {
    const files = filesOf(packet)
    for (const name of files.keys()) {
      if (name === 'manifest.json' || name.startsWith('statements/')) continue
      const rest = new Map(files)
      rest.delete(name)
      expect(verdictOn(world, writeArchive(rest)).problems[0], name).toMatchObject({ where: name })
      expect(verdictOn(world, reseal(rest)).verdict, name).toBe('NOT VERIFIED')
    }
    for (const where of STRAY) {
      const extra = new Map(files).set(where, new Uint8Array([1]))
      expect(verdictOn(world, reseal(extra)).problems).toMatchObject([{ where }])
    }
  })
})

describe('what does not fit the packet', () => {
  it('is the proof of another entry', () => {
    const files = filesOf(packet)
    const [third, fourth] = ['proofs/0003.tlog-proof', 'proofs/0004.tlog-proof']
    const [a, b] = [files.get(third), files.get(fourth)]
    const swapped = new Map(files).set(third, b ?? flip(packet)).set(fourth, a ?? flip(packet))
    expect(verdictOn(world, reseal(swapped)).problems).toMatchObject([
      { code: 'PROOF_INVALID', where: file(3) },
      { code: 'PROOF_INVALID', where: file(4) },
    ])
  })

  it('is a missing policy: the requirement cannot be resolved again', () => {
    const files = [...filesOf(packet)].filter(([name]) => !name.startsWith('policy/'))
    expect(verdictOn(world, reseal(new Map(files))).problems).toMatchObject([
      { code: 'POLICY_INVALID', where: file(1) },
    ])
  })

  it('is the trust in another enterprise’s root keys', () => {
    const { trust } = anAuthority()
    const verdict = verifyPacket({ bytes: packet, trust, verify: nodeVerify })
    expect(verdict).toMatchObject({ verdict: 'NOT VERIFIED', checkpoint: null, words: [] })
    expect(verdict.problems[0]).toMatchObject({ code: 'AUTHORITY_INVALID' })
    expect(verdict.problems[0]?.where).toMatch(/^authority\//)
  })

  it('is an authority that others signed, even under the same name', () => {
    const files = filesOf(packet)
    const name = [...files.keys()].find((path) => path.startsWith('authority/')) ?? ''
    const ours = JSON.parse(textOf(name))
    const { root } = anAuthority().bundle
    const foreign = new Map(files).set(name, Buffer.from(JSON.stringify({ ...ours, root })))
    const canonical = Buffer.from(
      textOf(name).replace(JSON.stringify(ours.root), JSON.stringify(root)),
    )
    expect(verdictOn(world, reseal(foreign)).verdict).toBe('NOT VERIFIED')
    expect(verdictOn(world, reseal(new Map(files).set(name, canonical))).problems[0]).toMatchObject(
      {
        where: name,
      },
    )
  })

  it('is a trust that has moved on to newer bundles than the case was decided under', () => {
    const trust = { ...world.authority.trust, minimumBundleVersion: 2 }
    const { problems } = verifyPacket({ bytes: packet, trust, verify: nodeVerify })
    expect(problems[0]).toMatchObject({ code: 'AUTHORITY_ROLLBACK' })
  })
})

type Rewrite = (written: Written[]) => readonly Written[]
const forged = async (rewrite: Rewrite) =>
  verdictOn(world, await forge({ bytes: packet, authority: world.authority, rewrite }))

/** Changes the body of one entry, counted from 1. */
const changing =
  <Type extends CaseEvent['type']>(
    seq: number,
    change: (body: Extract<CaseEvent, { type: Type }>) => CaseEvent,
  ): Rewrite =>
  (written) =>
    written.map((item, index) =>
      index + 1 === seq
        ? { ...item, body: change(item.body as Extract<CaseEvent, { type: Type }>) }
        : item,
    )

const without =
  (seq: number): Rewrite =>
  (written) =>
    written.filter((_, index) => index + 1 !== seq)

describe('a forger who holds the key of the log and rebuilds everything around the entries', () => {
  it('gets the same case verified when nothing was changed', async () => {
    expect(await forged((written) => written)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('cannot sign the checkpoint with another key', async () => {
    const logKey = aKey('key_log')
    const bytes = await forge({
      ...{ bytes: packet, authority: world.authority, logKey },
      rewrite: (written) => written,
    })
    expect(verdictOn(world, bytes).problems).toMatchObject([
      { code: 'PROOF_INVALID', where: 'checkpoint' },
    ])
  })

  it('cannot drop any entry', async () => {
    const count = writtenIn(filesOf(packet)).length
    for (let seq = 1; seq <= count; seq += 1) {
      const verdict = await forged(without(seq))
      expect(verdict.verdict, `without ${seq}`).toBe('NOT VERIFIED')
    }
  })

  it('cannot drop the end of a closed case: the entry that has to follow is named', async () => {
    const count = writtenIn(filesOf(packet)).length
    expect((await forged(without(count))).problems).toMatchObject([
      { code: 'ENTRY_MISSING', where: file(count) },
    ])
  })

  it('cannot swap two neighbours', async () => {
    const count = writtenIn(filesOf(packet)).length
    for (let seq = 1; seq < count; seq += 1) {
      const verdict = await forged((written) => {
        const [a, b] = [written[seq - 1], written[seq]]
        if (a === undefined || b === undefined) throw new Error('no such entries')
        return written.with(seq - 1, { ...a, body: b.body }).with(seq, { ...b, body: a.body })
      })
      expect(verdict.verdict, `swapped ${seq} and ${seq + 1}`).toBe('NOT VERIFIED')
    }
  })

  it('cannot put another person’s signature under a decision', async () => {
    const seq = numberOf('DecisionAdmitted')
    for (const [person, code] of [
      ['per_ben', 'PERSON_UNKNOWN'],
      ['per_zed', 'PERSON_UNKNOWN'],
    ] as const) {
      const verdict = await forged(
        changing<'DecisionAdmitted'>(seq, (body) => ({
          ...body,
          envelope: resigned(body, person),
        })),
      )
      expect(verdict.problems[0]).toMatchObject({ code, where: file(seq) })
    }
  })

  it('cannot let a decision count for another person, round or verdict than was signed', async () => {
    const seq = numberOf('DecisionAdmitted')
    const changes = [{ votes: 'per_ben' }, { round: 2 }, { signedBy: 'per_ben' }] as const
    for (const change of changes) {
      const verdict = await forged(
        changing<'DecisionAdmitted'>(seq, (body) => ({ ...body, ...change })),
      )
      expect(verdict.problems).toMatchObject([{ code: 'JUDGEMENT_DIFFERS', where: file(seq) }])
    }
  })

  it('cannot write what only a connector writes', async () => {
    const stranger = aKey('key_connector')
    for (const type of [
      'Planned',
      'GateOpened',
      'Granted',
      'OperationObserved',
      'StepPerformed',
    ] as const) {
      const seq = numberOf(type)
      const verdict = await forged(
        changing(seq, (event) => reattest(caseId, { event, key: stranger })),
      )
      expect(verdict.problems, type).toContainEqual(
        expect.objectContaining({ code: 'EVIDENCE_TAMPERED', where: file(seq) }),
      )
    }
  })

  it('cannot soften what the case opened with, nor make it the enterprise’s own', async () => {
    const settings = (body: CaseOpened) => ({ settings: { ...body.settings, soakMs: 0 } })
    const evidence = (body: CaseOpened) => ({ evidence: body.evidence.slice(1) })
    const plain = [() => ({ ownerId: 'per_ben' }), () => ({ contract: null })]
    for (const change of [settings, evidence, ...plain]) {
      const softer = await forged(changing<'CaseOpened'>(1, (it) => ({ ...it, ...change(it) })))
      expect(softer.problems[0]?.code).toBe('JUDGEMENT_DIFFERS')
    }
  })

  it('cannot name an authority that the packet has not, or another version of it', async () => {
    const seq = numberOf('DecisionAdmitted')
    for (const authority of [
      { version: 1, hash: `sha256:${'0'.repeat(64)}` as const },
      { version: 2, hash: world.authority.authority.hash },
    ]) {
      const verdict = await forged(
        changing<'DecisionAdmitted'>(seq, (body) => ({ ...body, authority })),
      )
      expect(verdict.problems).toMatchObject([{ code: 'AUTHORITY_INVALID', where: file(seq) }])
    }
  })

  it('cannot make a claim of the partner say something else', async () => {
    const seq = numberOf('ClaimRecorded')
    const verdict = await forged(
      changing<'ClaimRecorded'>(seq, (body) => ({ ...body, operatorId: 'op-99' })),
    )
    expect(verdict.problems).toMatchObject([{ code: 'JUDGEMENT_DIFFERS', where: file(seq) }])
  })

  it('cannot move an entry before the one it follows', async () => {
    const seq = numberOf('Granted')
    const verdict = await forged((written) =>
      written.map((item, index) =>
        index + 1 === seq ? { ...item, at: '2026-01-01T00:00:00.000Z' } : item,
      ),
    )
    expect(verdict.problems[0]).toMatchObject({ where: file(seq) })
  })
})

describe('a forger who holds the connector’s key as well', () => {
  const attested = (event: CaseEvent): CaseEvent =>
    reattest(caseId, { event, key: world.authority.keys.connector })

  it('cannot grant a step that one of its two owners did not sign', async () => {
    const written = writtenIn(filesOf(packet))
    const vote = written.findIndex(
      ({ body }) => body.type === 'DecisionAdmitted' && body.votes === 'per_ben',
    )
    const first = written[vote - 1]?.body
    const decisionIds = first?.type === 'DecisionAdmitted' ? [first.decisionId] : []
    const verdict = await forged((all) =>
      all
        .filter((_, index) => index !== vote)
        .map((item, index) => {
          if (index === vote && item.body.type === 'GateSatisfied')
            return { ...item, at: all[vote - 1]?.at ?? '', body: { ...item.body, decisionIds } }
          return index === vote + 1 && item.body.type === 'Granted'
            ? { ...item, body: attested({ ...item.body, decisionIds }) }
            : item
        }),
    )
    expect(verdict.problems).toMatchObject([{ code: 'NOT_DUE', where: file(vote + 1) }])
  })

  it('cannot grant on other decisions, plan, requirement or pre-state than were signed', async () => {
    const seq = numberOf('Granted')
    const other = `sha256:${'1'.repeat(64)}` as const
    for (const change of [
      { decisionIds: [] },
      { planHash: other },
      { requirementHash: other },
      { preStateHash: other },
      { round: 2 },
    ]) {
      const verdict = await forged(
        changing<'Granted'>(seq, (body) => attested({ ...body, ...change })),
      )
      expect(verdict.problems, Object.keys(change).join()).toMatchObject([
        { code: 'JUDGEMENT_DIFFERS', where: file(seq) },
      ])
    }
  })

  it('cannot put an observation under another grant, or of facts that its step does not produce', async () => {
    const seq = numberOf('OperationObserved')
    const grantId = '01JZZZZZZZZZZZZZZZZZZZZZZZ'
    const foreign = await forged(
      changing<'OperationObserved'>(seq, (body) => attested({ ...body, grantId })),
    )
    expect(foreign.problems[0]).toMatchObject({ code: 'NOT_DUE', where: file(seq) })
    const early = await forged(
      changing<'OperationObserved'>(seq, (body) => attested({ ...body, facts: ['old-refused'] })),
    )
    expect(early.problems[0]).toMatchObject({ code: 'JUDGEMENT_DIFFERS', where: file(seq) })
  })

  it('cannot call a step performed whose operations were not all seen done', async () => {
    const seq = numberOf('StepPerformed')
    const verdict = await forged(
      changing<'OperationObserved'>(seq - 1, (body) => attested({ ...body, outcome: 'unknown' })),
    )
    expect(verdict.problems).toMatchObject([{ code: 'NOT_DUE', where: file(seq) }])
  })

  it('cannot open a gate with a weaker requirement than policy and persons give', async () => {
    const seq = numberOf('GateOpened')
    const verdict = await forged(
      changing<'GateOpened'>(seq, (body) => {
        const requirement = { ...body.resolved.requirement, quorum: 1, ahead: 'allowed' as const }
        return attested({
          ...body,
          resolved: { ...body.resolved, requirement: { ...requirement, expireAfterMs: 1 } },
        })
      }),
    )
    expect(verdict.problems[0]).toMatchObject({ code: 'JUDGEMENT_DIFFERS', where: file(seq) })
  })
})

function resigned(body: Extract<CaseEvent, { type: 'DecisionAdmitted' }>, person: TestPerson) {
  const payload = JSON.parse(Buffer.from(body.envelope.payload, 'base64').toString())
  const { keyId, signer } = world.authority.keys.persons[person]
  return signEnvelope({ kind: 'decision', payload, keyId, signer })
}

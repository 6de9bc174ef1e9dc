/** What policy lets go of a closed case: held by an officer's signature, purged by policy, proved, and never back. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reasonDigest } from '../../src/domain/bytes/commitment.js'
import type { Envelope } from '../../src/domain/shapes/envelope.js'
import { fsck } from '../../src/fsck/fsck.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { append, lockEnd } from '../../src/store/case/apply.js'
import { transaction } from '../../src/store/db.js'
import { rotate } from '../packet/story.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf } from '../support/packets.js'
import { quickPack } from '../support/world.js'
import { aCommandLine, type CommandLine } from './command-line.js'
import { type ApiRig, anApi } from './rig.js'

const KEPT = { salt: 'c2FsdC1mb3ItdGhpcy1jYXNl', reason: 'because the old one leaked' }
const pack = quickPack((rules) =>
  rules.includes('kind: rotate\n') ? rules.replace(/retention: \S+/g, 'retention: 1ms') : rules,
)

let rig: ApiRig
let line: CommandLine
let caseId: string
let open: string
let before: Uint8Array
const countersign: CommandLine['countersign'] = (...words) => line.countersign(...words)

beforeAll(async () => {
  rig = await anApi(undefined, undefined, pack)
  line = await aCommandLine(rig)
  const digest = reasonDigest(KEPT)
  caseId = await rotate(rig.world, { reasonDigest: digest })
  await rig.world
    .db('cs_api')
    .query('insert into reasons_side values ($1, $2, $3)', [digest, KEPT.salt, KEPT.reason])
  open = await caseworkIn(rig.world).open('ledger', { kind: 'rotate' })
  before = await packetOf(rig.world, caseId)
})
afterAll(async () => {
  await line?.remove()
  await rig?.stop()
})

const count = async (sql: string): Promise<number> =>
  (await rig.world.dba.query<{ n: number }>(`select count(*)::int as n from ${sql}`)).rows[0]?.n ??
  -1
const checked = () =>
  fsck(rig.world.db('cs_api'), {
    ...{ trust: rig.world.authority.trust, verify: nodeVerify, highWater: null },
  })

describe('a hold', () => {
  let holdId: string

  it('is placed by an officer’s signature and by nobody else’s', async () => {
    const words = ['hold', 'place', '--identity', 'nhi_billing'] as const
    const refused = await countersign('cleo', ...words)
    expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/^refused NOT_ALLOWED/) })
    const placed = await countersign('dora', ...words)
    expect(placed).toMatchObject({ code: 0, err: '' })
    holdId = /hold (\S+)/.exec(placed.out)?.[1] ?? ''
    expect((await countersign('ana', 'hold', 'list')).out).toContain(
      `${holdId} identity nhi_billing`,
    )
  })

  it('keeps what policy would let go, and is named', async () => {
    const said = await countersign('dora', 'purge', '--yes')
    expect(said).toMatchObject({ code: 0, err: '' })
    expect(said.out).toMatch(/^0 cases were let go\n/)
    expect(said.out).toContain(`HELD ${caseId}: the hold ${holdId} keeps it`)
    expect(await count('reasons_side')).toBe(1)
  })

  it('is released once, by an officer', async () => {
    expect(await countersign('cleo', 'hold', 'release', holdId)).toMatchObject({ code: 1 })
    expect(await countersign('dora', 'hold', 'release', holdId)).toMatchObject({ code: 0, err: '' })
    const again = await countersign('dora', 'hold', 'release', holdId)
    expect(again).toMatchObject({ code: 1, err: expect.stringMatching(/^refused NOT_DUE/) })
    expect((await countersign('dora', 'hold', 'list')).out).toBe('nothing is held\n')
  })
})

describe('a purge', () => {
  it('is rehearsed first, which changes nothing', async () => {
    const rehearsed = await countersign('dora', 'purge')
    expect(rehearsed.out).toMatch(/^1 cases would be let go; --yes does it\n/)
    expect(rehearsed.out).toContain(`${caseId}, closed `)
    expect(rehearsed.out).not.toContain(open)
    expect(await count('reasons_side')).toBe(1)
    expect(await count(`entries where type = 'CasesPurged'`)).toBe(0)
  })

  it('is an officer’s to ask for, and is an entry that names case, rules and pack, and not what it was', async () => {
    expect(await countersign('cleo', 'purge', '--yes')).toMatchObject({ code: 1 })
    const sealed = await count('sealed')
    const purged = await countersign('dora', 'purge', '--yes')
    expect(purged.out).toContain('removed 1 reasons, 0 documents, ')
    expect(sealed).toBeGreaterThan(0)
    expect([await count('reasons_side'), await count('sealed')]).toEqual([0, 0])
    const { rows } = await rig.world.dba.query<{ body: object }>(
      `select convert_from(bytes, 'UTF8')::json -> 'body' as body from entries where type = 'CasesPurged'`,
    )
    expect(rows).toMatchObject([
      {
        body: {
          cases: [{ caseId, rules: expect.arrayContaining([expect.any(String)]), keptMs: 1 }],
          pack: expect.stringMatching(/^sha256:/),
          removed: { reasons: 1, deliveries: sealed },
          by: 'per_dora',
        },
      },
    ])
    expect((await countersign('dora', 'purge', '--yes')).out).toMatch(/^0 cases were let go\n/)
  })

  it('leaves a store that is whole, of which fsck says how many cases were let go', async () => {
    expect(await checked()).toMatchObject({ verdict: 'CLEAN', problems: [], purged: 1 })
  })

  it('leaves credentials that are in use as they were', async () => {
    const lost = 'credentials k left join secrets s on s.ref = k.secret_ref where s.ref is null'
    expect(await count(lost)).toBe(0)
    expect(await count('credentials')).toBeGreaterThan(0)
  })

  it('ends the export of the case, which says why; packets from before verify', async () => {
    const asked = await countersign(
      'ana',
      'evidence',
      'export',
      caseId,
      '-o',
      join(line.dir, 'x.zip'),
    )
    expect(asked).toMatchObject({ code: 1, err: expect.stringMatching(/^refused PURGED /) })
    expect(asked.err).toContain('it was let go at ')
    expect(await rig.client('ana').packet({ caseId })).toMatchObject({ refused: 'PURGED' })
    expect(verdictOf(rig.world, before)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('leaves the case out of collections, which say how many they lack', async () => {
    const [file, trust] = [join(line.dir, 'acme.zip'), join(line.dir, 'trust.json')]
    await writeFile(trust, JSON.stringify(rig.world.authority.trust))
    const words = ['evidence', 'export', '--partner', 'com_acme', '-o', file]
    expect(await countersign('dora', ...words)).toMatchObject({ code: 0, err: '' })
    const { out } = await countersign(null, 'verify', file, '--trust', trust)
    expect(out).toMatch(/^VERIFIED cases=1 /)
    expect(out).toContain('1 cases of the query are not in here: policy had let them go before.')
    const alone = ['evidence', 'export', '--identity', 'nhi_billing', '-o', `${file}2`]
    expect((await countersign('dora', ...alone)).err).toMatch(/^refused PURGED /)
  })

  it('is for good: the same signed decision, sent again with its words, does not bring them back', async () => {
    const { entries } = must(await rig.client('ana').entries({ caseId, after: 0, limit: 100 }))
    const said = entries.find(
      ({ type, body }) => type === 'DecisionAdmitted' && body.stepId === 'issue',
    )
    const envelope = said?.body.envelope as Envelope
    const reason = { salt: KEPT.salt, text: KEPT.reason }
    await rig.client('ana').decide({ caseId, envelope, reason })
    expect(await count('reasons_side')).toBe(0)
  })
})

describe('a purge that did not follow policy', () => {
  it('is found: what was let go is still there', async () => {
    await rig.world.dba.query('insert into reasons_side values ($1, $2, $3)', [
      ...[reasonDigest(KEPT), KEPT.salt, KEPT.reason],
    ])
    expect((await checked()).problems).toMatchObject([
      { subject: 'ops', where: '/purged', detail: expect.stringContaining('but was let go') },
    ])
    await rig.world.dba.query('delete from reasons_side')
  })

  it('is found: of a case that is open, as the process that may write it would say', async () => {
    const { rows } = await rig.world.dba.query<{ body: { cases: object[] } }>(
      `select convert_from(bytes, 'UTF8')::json -> 'body' as body from entries where type = 'CasesPurged'`,
    )
    const [said] = rows
    const forged = {
      ...{ type: 'CasesPurged', ...said?.body },
      cases: said?.body.cases.map((one) => ({ ...one, caseId: open })),
    }
    await transaction(rig.world.db('cs_api'), async (tx) =>
      append(tx, { locked: await lockEnd(tx, 'ops'), bodies: [forged] }),
    )
    expect((await checked()).problems).toMatchObject([
      { subject: 'ops', detail: `${open}: the case is open` },
    ])
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/domain/bytes/digest.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { headOf, populationDigest } from '../../src/domain/review/evidence-query.js'
import type { EvidenceQuery } from '../../src/domain/shapes/ops-event.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { chain, readEntry } from '../../src/ledger/entry.js'
import { type Files, readArchive, writeArchive } from '../../src/packet/archive.js'
import { composeCollection, insideOf, keysIn } from '../../src/packet/collection.js'
import {
  COLLECTION_NAME,
  CollectionManifest,
  caseFolder,
  EXPORT_ENTRY,
  foldersOf,
  memberOf,
  placed,
} from '../../src/packet/collection-files.js'
import { exportCollection } from '../../src/packet/export/export-collection.js'
import { jsonFile, MANIFEST, readJson } from '../../src/packet/files.js'
import { cell } from '../../src/packet/report/population.js'
import { verifyOpened } from '../../src/packet/verify/verify.js'
import {
  type CollectionVerdict,
  isCollection,
  openCollection,
  verifyCollection,
} from '../../src/packet/verify/verify-collection.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { someSalt } from '../support/salt.js'
import { aWorld, type World } from '../support/world.js'
import { flip, filesOf as packetFilesOf } from './forge.js'
import { packetOf, rotate } from './story.js'

const EVERYTHING: EvidenceQuery = {
  ...{ identity: null, partner: null, objective: null, kinds: null },
  ...{ from: null, until: null, zone: 'UTC' },
}

let world: World
let rotated: string
let open: string
let collection: Uint8Array

const taken = (query: Partial<EvidenceQuery> = {}) => {
  const { log, published } = world.connector
  const { version, hash } = world.authority.authority
  return exportCollection(
    { db: world.db('cs_api'), log, published, proofWithinMs: 10_000 },
    {
      ...{ query: { ...EVERYTHING, ...query }, enterprise: world.authority.trust.enterprise },
      ...{ personId: 'per_dora', authority: { version, hash } },
    },
  )
}
const verdictOn = (bytes: Uint8Array): CollectionVerdict =>
  verifyCollection({ bytes, trust: world.authority.trust, verify: nodeVerify })
const filesOf = (bytes: Uint8Array) =>
  new Map(must(readArchive({ bytes, allowed: COLLECTION_NAME })))
const manifestOf = (files: Files) =>
  must(readJson(CollectionManifest, { name: MANIFEST, bytes: files.get(MANIFEST) }))

/** The collection of these files, whose manifest lists them as they are now. */
function reseal(files: Files, change: Partial<CollectionManifest> = {}): Uint8Array {
  const sealed = new Map(files)
  const manifest = manifestOf(files)
  sealed.delete(MANIFEST)
  const hashes = [...sealed].map(([name, bytes]): [string, string] => [name, digestOf(bytes)])
  return writeArchive(
    sealed.set(MANIFEST, jsonFile({ ...manifest, ...change, files: Object.fromEntries(hashes) })),
  )
}

/** Made again around fewer cases, with counts, table and README that fit them. */
function without(bytes: Uint8Array, caseId: string): Uint8Array {
  const opened = openCollection(bytes)
  if (!('cases' in opened)) throw new Error('not readable')
  const kept = [...opened.cases].filter(([id]) => id !== caseId)
  const own = new Map([...opened.files].filter(([name]) => name.startsWith('export.')))
  for (const [id, packet] of kept)
    for (const [name, content] of placed(id, packet.files)) own.set(name, content)
  const input = { trust: world.authority.trust, verify: nodeVerify }
  const told = kept.flatMap(([, packet]) => verifyOpened(input, packet).told ?? [])
  const { query, requester, generatedAt, enterprise, log } = opened.manifest
  return writeArchive(
    composeCollection(
      {
        ...{ members: told.map(memberOf), query, requester, generatedAt, enterprise },
        keys: keysIn(own),
        gaps: [],
        log: { origin: told[0]?.log.origin ?? '', size: log.size, inside: insideOf(own) },
      },
      own,
    ),
  )
}

beforeAll(async () => {
  world = await aWorld()
  rotated = await rotate(world, { reasonDigest: null })
  open = await caseworkIn(world).open('billing', { kind: 'rotate' })
  collection = must(await taken()).bytes
})
afterAll(() => world.stop())

describe('the folders of a collection', () => {
  it('stand in the order of their cases, where one identity’s name begins with another’s', () => {
    const ulid = '01KB0000000000000000000000'
    const cases = ['svc10', 'svc1', 'svc1-b', 'svc2'].map(
      (name) => `rotate:com_acme:nhi_${name}:${ulid}`,
    )
    const files = cases.map((caseId) => [`${caseFolder(caseId)}manifest.json`, new Uint8Array()])
    const folders = [...foldersOf(new Map(files as [string, Uint8Array][])).keys()]
    expect(folders.map((folder) => `${folder}/`)).toEqual(cases.toSorted().map(caseFolder))
  })
})

describe('a collection', () => {
  it('verifies with nothing but its bytes and the root keys, every case in it', () => {
    const verdict = verdictOn(collection)
    expect(verdict.problems).toEqual([])
    expect(verdict).toMatchObject({ verdict: 'VERIFIED', cases: 2, keys: 'demonstration' })
    expect(verdict.words.join('\n')).toContain('none of its 2 cases was dropped since')
    expect(isCollection(collection)).toBe(true)
  })

  it('is the same bytes when taken away again, and recorded once', async () => {
    const recorded = async () => {
      const { rows } = await world.dba.query(
        "select 1 from entries where type = 'EvidenceExported'",
      )
      return rows.length
    }
    const first = must(await taken())
    const before = await recorded()
    const again = must(await taken())
    expect(Buffer.from(again.bytes).equals(first.bytes)).toBe(true)
    expect(await recorded()).toBe(before)
  })

  it('holds the very packets of its cases, and what they share once', async () => {
    const opened = openCollection(must(await taken()).bytes)
    if (!('cases' in opened)) throw new Error('not readable')
    expect([...opened.cases.keys()]).toEqual([rotated, open].sort())
    const packet = (await packetOf(world, rotated)).bytes
    const own = packetFilesOf(packet)
    const inside = opened.cases.get(rotated)?.files ?? new Map()
    expect([...inside.keys()].sort()).toEqual([...own.keys()].sort())
    expect(Buffer.from(writeArchive(inside)).equals(packet)).toBe(true)
    const names = [...opened.files.keys()]
    expect(names.filter((name) => name.endsWith('checkpoint'))).toEqual(['checkpoint'])
  })

  it('counts what the log counts, and one row for each case', () => {
    const files = filesOf(collection)
    const { counts, log } = manifestOf(files)
    const proofs = [...files.keys()].filter((name) => name.endsWith('.tlog-proof'))
    expect(log.inside).toBe(proofs.length)
    expect(counts.entries).toBe(proofs.filter((name) => name.includes('/proofs/')).length)
    const table = Buffer.from(files.get('population.csv') ?? '')
      .toString()
      .split('\r\n')
    expect(table).toHaveLength(1 + counts.cases + 1)
    expect(table.find((row) => row.includes(rotated))).toContain('"completed"')
    expect(table.find((row) => row.includes(open))).toContain('"open"')
  })

  it('holds the cases of its query and no other', async () => {
    const casesOf = async (query: Partial<EvidenceQuery>) => {
      const made = await taken(query)
      return isRefusal(made) ? made.refused : verdictOn(made.bytes).cases
    }
    expect(await casesOf({ identity: 'nhi_billing', partner: 'com_acme' })).toBe(2)
    expect(await casesOf({ identity: 'nhi_reports' })).toBe('CASE_UNKNOWN')
    expect(await casesOf({ kinds: ['recertify'] })).toBe('CASE_UNKNOWN')
    const { rows } = await world.dba.query<{ at: string }>(
      `select convert_from(bytes, 'UTF8')::jsonb ->> 'at' as at from entries
        where stream = $1 and type = 'CaseClosed'`,
      [rotated],
    )
    const closedAt = rows[0]?.at ?? ''
    const later = new Date(Date.parse(closedAt) + 1).toISOString()
    expect(await casesOf({ from: closedAt })).toBe(2)
    expect(await casesOf({ from: later })).toBe(1)
    expect(await casesOf({ until: '2020-01-01T00:00:00.000Z' })).toBe('CASE_UNKNOWN')
  })
})

describe('a collection that was worked on', () => {
  it('is refused when a case is dropped, though counts, table and README were made to fit', () => {
    expect(verdictOn(without(collection, open)).problems).toMatchObject([
      { code: 'ENTRY_MISSING', where: EXPORT_ENTRY },
    ])
  })

  it('is refused when a case stands in it twice, or under the name of another', () => {
    const files = filesOf(collection)
    const other = `${open.slice(0, -26)}01KB0000000000000000000000`
    for (const [name, bytes] of files)
      if (name.startsWith(caseFolder(open)))
        files.set(name.replace(caseFolder(open), caseFolder(other)), bytes)
    expect(verdictOn(reseal(files)).problems).toMatchObject([
      { code: 'WRONG_CASE', where: `${caseFolder(other)}${MANIFEST}` },
    ])
  })

  it('is refused when an entry, a shared file, or the table is altered', () => {
    const files = filesOf(collection)
    const authority = [...files.keys()].find((name) => name.startsWith('authority/')) ?? ''
    for (const name of [`${caseFolder(rotated)}entries/0002.json`, authority, 'population.csv']) {
      const altered = new Map(files).set(name, flip(files.get(name) ?? new Uint8Array()))
      expect(verdictOn(writeArchive(altered)).verdict).toBe('NOT VERIFIED')
      const verdict = verdictOn(reseal(altered))
      expect(verdict.verdict).toBe('NOT VERIFIED')
      expect(verdict.problems.length).toBeGreaterThan(0)
    }
  })

  it('is refused under another query, requester, count, or without the record of its export', () => {
    const files = filesOf(collection)
    const { counts } = manifestOf(files)
    const changes: readonly Partial<CollectionManifest>[] = [
      { query: { ...EVERYTHING, identity: 'nhi_reports' } },
      { query: { ...EVERYTHING, partner: 'com_acme' } },
      { requester: 'per_ana' },
      { counts: { ...counts, cases: 3 } },
      { generatedAt: '2026-01-01T00:00:00.000Z' },
    ]
    for (const change of changes)
      expect(verdictOn(reseal(files, change)).verdict).toBe('NOT VERIFIED')
    const bare = new Map(files)
    bare.delete(EXPORT_ENTRY)
    expect(verdictOn(reseal(bare)).problems).toMatchObject([{ where: EXPORT_ENTRY }])
  })

  it('is refused when its record was made up beside the log', () => {
    const files = filesOf(collection)
    const { entry } = must(readEntry(files.get(EXPORT_ENTRY) ?? new Uint8Array()))
    const made = without(collection, open)
    const opened = openCollection(made)
    if (!('cases' in opened)) throw new Error('not readable')
    const heads = [...opened.cases.values()].flatMap((packet) => {
      const { told } = verifyOpened({ trust: world.authority.trust, verify: nodeVerify }, packet)
      return told === null ? [] : [headOf(told.caseId, told.recorded)]
    })
    const [forged] = chain({
      ...{ stream: 'ops', seq: entry.seq - 1, head: entry.prev, at: entry.at, salt: someSalt },
      bodies: [Object.assign({}, entry.body, { cases: 1, population: populationDigest(heads) })],
    })
    const bytes = reseal(new Map(opened.files).set(EXPORT_ENTRY, forged?.bytes ?? new Uint8Array()))
    expect(verdictOn(bytes).problems).toMatchObject([
      { code: 'PROOF_INVALID', where: EXPORT_ENTRY },
    ])
  })

  it('is refused as a hostile archive: a name outside, twice in another case, bytes behind', () => {
    const files = filesOf(collection)
    const more = new Uint8Array([1])
    for (const name of ['../evil', 'cases/x/y', 'cases/../manifest.json', 'POPULATION.csv']) {
      const verdict = verdictOn(writeArchive(new Map(files).set(name, more)))
      expect(verdict.problems).toMatchObject([{ code: 'PACKET_INVALID' }])
    }
    const behind = Buffer.concat([collection, more])
    expect(verdictOn(behind).problems).toMatchObject([{ code: 'PACKET_INVALID' }])
    const stray = new Map(files).set(`documents/${'0'.repeat(64)}`, more)
    expect(verdictOn(reseal(stray)).problems).toMatchObject([{ code: 'PACKET_INVALID' }])
    expect(foldersOf(files).size).toBe(2)
  })
})

describe('a cell of population.csv', () => {
  it('is never a formula', () => {
    const hostile = ['=1+1', '+1', '-1', '@sum', ' =1', '\t=1', '\r=1', '\uff1d1', '|cmd', '%0A=1']
    for (const text of hostile) expect(cell(text)).toMatch(/^"'/)
    expect(cell('a "quoted", one')).toBe('"a ""quoted"", one"')
    expect(cell('nhi_billing')).toBe('"nhi_billing"')
  })
})

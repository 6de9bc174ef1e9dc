/** The log over HTTP, to anybody: what is served is what was signed, discloses nothing, and never changes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../src/ledger/checkpoint.js'
import { recordOf } from '../../src/ledger/entry.js'
import { leafHash, rootOf } from '../../src/ledger/tree.js'
import { append, lockEnd } from '../../src/store/case/apply.js'
import { transaction } from '../../src/store/db.js'
import { awaitProofs } from '../../src/store/log/proof.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { type ApiRig, anApi } from './rig.js'

let rig: ApiRig
let caseId: string
beforeAll(async () => {
  rig = await anApi()
  caseId = await caseworkIn(rig.world).open('billing', { kind: 'rotate' })
  await write(300)
})
afterAll(() => rig?.stop())

const add = (count: number) =>
  transaction(rig.world.db('cs_api'), async (tx) => {
    const bodies = Array.from({ length: count }, () => ({ type: 'FindingRecorded' }))
    return append(tx, { locked: must(await lockEnd(tx, 'findings:notes')), bodies })
  })

/** Afterwards they are under a signed head. */
async function write(count: number): Promise<void> {
  const added = await add(count)
  const { db, log, published } = rig.world.connector
  const hashes = added.map(({ hash }) => hash)
  must(await awaitProofs(db, { hashes, log, published, withinMs: 20_000, said: 'not yet' }))
}

async function get(path: string) {
  const response = await fetch(`${rig.url}/log/${path}`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, headers: response.headers, bytes }
}

async function head() {
  const { bytes, headers } = await get('checkpoint')
  const note = Buffer.from(bytes).toString('utf8')
  return { ...must(openCheckpoint({ note, ...rig.world.connector.log })).checkpoint, headers }
}

function recordsIn(bundle: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = []
  for (let at = 0; at < bundle.length; ) {
    const length = new DataView(bundle.buffer, bundle.byteOffset).getUint16(at)
    records.push(bundle.slice(at + 2, at + 2 + length))
    at += 2 + length
  }
  return records
}

describe('the served log', () => {
  it('is whole: the records in its bundles are the leaves of the tree that was signed', async () => {
    const { size, root } = await head()
    const bundles = [await get('tile/entries/000'), await get(`tile/entries/001.p/${size - 256}`)]
    const records = bundles.flatMap(({ bytes }) => recordsIn(bytes))
    expect(records.length).toBe(size)
    expect(rootOf(records.map(leafHash))).toEqual(root)
    const { rows } = await rig.world.dba.query<{ hash: `sha256:${string}` }>(
      'select hash from leaves order by index limit $1',
      [size],
    )
    expect(records).toEqual(rows.map(({ hash }) => recordOf(hash)))
  })

  it('has the tiles of the signed tree, each hash of a level the root of a full tile below', async () => {
    const full = await get('tile/0/000')
    expect(full.bytes.length).toBe(8192)
    const hashes = Array.from({ length: 256 }, (_, i) => full.bytes.slice(i * 32, i * 32 + 32))
    const above = await get('tile/1/000.p/1')
    expect(above.bytes).toEqual(rootOf(hashes))
    const narrower = await get('tile/0/000.p/7')
    expect(narrower.bytes).toEqual(full.bytes.slice(0, 7 * 32))
  })

  it('may be kept for ever, but for its head', async () => {
    for (const path of ['tile/0/000', 'tile/entries/000', 'tile/0/001.p/1']) {
      const { headers } = await get(path)
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(headers.get('content-type')).toBe('application/octet-stream')
    }
    const { headers } = await head()
    expect(headers.get('cache-control')).toBe('public, max-age=1')
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
  })

  it.each([
    'tile/0/002',
    'tile/0/001',
    'tile/0/001.p/255',
    'tile/0/001.p/0',
    'tile/0/000.p/256',
    'tile/0/1',
    'tile/00/000',
    'tile/1/000',
    'tile/2/000.p/1',
    'tile/64/000',
    'tile/entries/001',
    'tile/entries/000.p/256',
    'tile/entries/x000/000',
    'tile/entries/%30%30%30',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/data/000',
    'nothing',
  ])('does not have %s, and nothing keeps that answer', async (path) => {
    const { status, headers } = await get(path)
    expect(status).toBe(404)
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it('has nothing that is not under its signed head', async () => {
    const { size } = await head()
    await rig.world.stopSigner()
    const [late] = await add(1)
    const added = await rig.world.dba.query('insert into leaves values ($1, $2)', [
      size,
      late?.hash,
    ])
    expect(added.rowCount).toBe(1)
    expect((await get(`tile/entries/001.p/${size - 255}`)).status).toBe(404)
    expect((await get(`tile/0/001.p/${size - 255}`)).status).toBe(404)
    expect((await get(`tile/entries/001.p/${size - 256}`)).status).toBe(200)
  })

  it('gives the same entry another record each time, so that a guess at its content finds nothing', async () => {
    const { rows } = await rig.world.dba.query<{ bytes: Buffer }>(
      "select bytes from entries where stream = 'findings:notes' or stream = $1",
      [caseId],
    )
    const salts = rows.map(({ bytes }) => (JSON.parse(bytes.toString()) as { salt: string }).salt)
    expect(new Set(salts).size).toBe(rows.length)
    expect(salts.every((salt) => Buffer.from(salt, 'base64url').length === 16)).toBe(true)
  })
})

/** The witness as a process answers over HTTP: yes to a log that only grew, and to nothing else, ever after. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeVerify } from '../../src/keys/verify.js'
import { formatAddCheckpoint } from '../../src/ledger/add-checkpoint.js'
import { signCheckpoint } from '../../src/ledger/checkpoint.js'
import { cosignatureVerifier, cosignedAt } from '../../src/ledger/cosignature.js'
import { openNote } from '../../src/ledger/note.js'
import { consistencyProof } from '../../src/ledger/proof.js'
import { newTiles, tileHashReader, tilesIn } from '../../src/ledger/tile.js'
import { tilePath } from '../../src/ledger/tile-path.js'
import { emptyRoot, type Hash, leafHash, rootOf } from '../../src/ledger/tree.js'
import { serveWitness, type WitnessServer } from '../../src/witness/server.js'
import { openWitness, WitnessStateFault } from '../../src/witness/witness.js'
import { aKey, must } from '../support/authority.js'

const ORIGIN = 'log.bank.test'
const NAME = 'auditor.test/w1'
const log = aKey('key_log').signer
const other = aKey('key_other').signer
const own = aKey('key_witness').signer
const logKey = { name: ORIGIN, publicKey: log.publicKey }
const verifier = cosignatureVerifier({ name: NAME, publicKey: own.publicKey, verify: nodeVerify })

const leaves = (count: number, what = 'entry'): Hash[] =>
  Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`${what} ${index}`)))
/** Shares its first leaves with the log, and then differs. */
const fork = (count: number): Hash[] => [...leaves(5), ...leaves(count - 5, 'another')]

function proofOf(hashes: readonly Hash[], oldSize: number): Hash[] {
  const tiles = newTiles({ oldSize: 0, leafHashes: hashes, readTile: tilesIn(new Map()) })
  const readTile = tilesIn(new Map(tiles.map(({ tile, data }) => [tilePath(tile), data])))
  const hashReader = tileHashReader({ size: hashes.length, readTile })
  return consistencyProof({ oldSize, newSize: hashes.length, hashReader })
}

interface Asking {
  readonly old: number
  readonly hashes: readonly Hash[]
  readonly origin?: string
  readonly key?: typeof log
  readonly proof?: readonly Hash[]
  readonly root?: Hash
}

const noteOf = ({ hashes, origin = ORIGIN, key = log, root }: Omit<Asking, 'old'>) =>
  signCheckpoint({
    checkpoint: { origin, size: hashes.length, root: root ?? rootOf(hashes), extensions: [] },
    ...{ publicKey: key.publicKey, sign: key.sign },
  })

let dir: string
let seconds: number
let server: WitnessServer
const start = async (of = logKey): Promise<WitnessServer> =>
  serveWitness({
    witness: await openWitness({
      ...{ logKey: of, name: NAME, signer: own, stateDir: join(dir, 'state') },
      now: () => seconds,
    }),
    ...{ host: '127.0.0.1', port: 0, onAnswer: () => undefined },
  })
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-witness-'))
  seconds = 1_800_000_000
  server = await start()
})
afterEach(async () => {
  await server.close()
  await rm(dir, { recursive: true, force: true })
})

async function post(body: string | Uint8Array) {
  const response = await fetch(`${server.url}/add-checkpoint`, {
    method: 'POST',
    body: typeof body === 'string' ? body : Buffer.from(body),
  })
  const type = response.headers.get('content-type')
  return { status: response.status, text: await response.text(), type }
}

async function add(asking: Asking) {
  const { old, hashes } = asking
  const proof = asking.proof ?? (old > hashes.length ? [] : proofOf(hashes, old))
  const checkpoint = await noteOf(asking)
  return { checkpoint, ...(await post(formatAddCheckpoint({ oldSize: old, proof, checkpoint }))) }
}

/** Afterwards the witness's key signed this checkpoint, at this time. */
function expectCosigned(answer: Awaited<ReturnType<typeof add>>, at: number): void {
  expect(answer.status).toBe(200)
  const note = answer.checkpoint + answer.text
  must(openNote({ note, verifiers: [verifier] }))
  expect(cosignedAt(note, verifier)).toBe(at)
}

describe('a witness cosigns', () => {
  it('a first checkpoint, larger ones that extend it, and the same one again at another time', async () => {
    expectCosigned(await add({ old: 0, hashes: leaves(3) }), seconds)
    expectCosigned(await add({ old: 3, hashes: leaves(300) }), seconds)
    seconds += 60
    expectCosigned(await add({ old: 300, hashes: leaves(300) }), seconds)
    expectCosigned(await add({ old: 300, hashes: leaves(700) }), seconds)
  })

  it('after a restart what extends the one before it, and nothing else', async () => {
    await add({ old: 0, hashes: leaves(7) })
    await server.close()
    server = await start()
    expect(await add({ old: 0, hashes: fork(9) })).toMatchObject({ status: 409, text: '7\n' })
    expectCosigned(await add({ old: 7, hashes: leaves(9) }), seconds)
  })

  it('one of two checkpoints that are sent at the same moment on the same tree', async () => {
    await add({ old: 0, hashes: leaves(5) })
    const answers = await Promise.all([
      add({ old: 5, hashes: leaves(8) }),
      add({ old: 5, hashes: fork(8) }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  })

  it('and shows it, under the signatures of the log and its own and of nobody else', async () => {
    const { checkpoint } = await add({ old: 0, hashes: leaves(2) })
    const stranger = await noteOf({ hashes: leaves(4), key: other })
    const both =
      (await noteOf({ hashes: leaves(4) })) + stranger.slice(stranger.indexOf('\n\n') + 2)
    const proof = proofOf(leaves(4), 2)
    expect((await post(formatAddCheckpoint({ oldSize: 2, proof, checkpoint: both }))).status).toBe(
      200,
    )
    const [name = ''] = await readdir(join(dir, 'state'))
    const path = `${server.url}/${name.replace('.json', '')}/checkpoint`
    const served = await (await fetch(path)).text()
    expect(served.split('\n')[1]).toBe('4')
    expect(served.match(/^\u2014 /gm)?.length).toBe(2)
    expect(checkpoint.split('\n')[1]).toBe('2')
    must(openNote({ note: served, verifiers: [verifier] }))
    expect((await fetch(`${server.url}/${'0'.repeat(64)}/checkpoint`)).status).toBe(404)
  })
})

describe('a witness that cosigned five entries refuses', () => {
  beforeEach(async () => {
    await add({ old: 0, hashes: leaves(5) })
  })
  /** Whatever was refused, what it cosigned stands. */
  afterEach(async () => {
    expectCosigned(await add({ old: 5, hashes: leaves(6) }), seconds)
  })

  it('a fork, of the same size or larger', async () => {
    const another = [...leaves(4), leafHash(Buffer.from('x'))]
    expect(await add({ old: 5, hashes: another })).toMatchObject({ status: 422 })
    const larger = [...another, ...leaves(2, 'y')]
    expect(await add({ old: 5, hashes: larger })).toMatchObject({ status: 422 })
  })

  it('a rollback, and says how far it was', async () => {
    for (const old of [0, 3])
      expect(await add({ old, hashes: leaves(3) })).toMatchObject({
        ...{ status: 409, text: '5\n', type: 'text/x.tlog.size' },
      })
    expect(await add({ old: 5, hashes: leaves(3) })).toMatchObject({ status: 400 })
  })

  it('another log, or this one under another key', async () => {
    const elsewhere = await add({ old: 5, hashes: leaves(6), origin: 'log.other.test' })
    expect(elsewhere).toMatchObject({ status: 404 })
    expect(await add({ old: 5, hashes: leaves(6), key: other })).toMatchObject({ status: 403 })
  })

  it('a bad proof: none, too long, of another place, or of something where nothing needs proof', async () => {
    const good = proofOf(leaves(6), 5)
    const bad = [[], [...good, ...good], proofOf(leaves(7), 5), good.toReversed()]
    for (const proof of bad)
      expect(await add({ old: 5, hashes: leaves(6), proof })).toMatchObject({ status: 422 })
    expect(await add({ old: 5, hashes: leaves(5), proof: good })).toMatchObject({ status: 422 })
  })

  it.each([
    ['nothing', ''],
    ['a size with a zero in front', 'old 05\n\nx\n1\n'],
    ['a line that is no hash', 'old 5\nAAAA\n\nx\n1\n'],
    ['what is no note', 'old 5\n\nlog.bank.test\n6\n'],
    ['what is far too large', `old 5\n\n${'x'.repeat(70_000)}\n`],
  ])('%s', async (_, body) => {
    expect((await post(body)).status).toBe(400)
  })

  it('bytes that are no text, and every other method and path', async () => {
    expect((await post(Uint8Array.of(0x6f, 0xff))).status).toBe(400)
    expect((await fetch(`${server.url}/add-checkpoint`)).status).toBe(405)
    expect((await fetch(`${server.url}/`)).status).toBe(404)
  })
})

describe('a witness that never cosigned', () => {
  it('refuses a first checkpoint with a proof, and an empty tree with a root of something', async () => {
    const proof = leaves(1)
    expect(await add({ old: 0, hashes: leaves(2), proof })).toMatchObject({ status: 422 })
    const note = await noteOf({ hashes: [] })
    const text = note.slice(0, note.indexOf('\n\n') + 1)
    const forged = text.replace(
      Buffer.from(emptyRoot()).toString('base64'),
      'A'.repeat(43).concat('='),
    )
    const signature = Buffer.from(log.sign(Buffer.from(forged)))
    const line = note.slice(note.indexOf('\n\n') + 2)
    const head = Buffer.from(line.trim().split(' ')[2] ?? '', 'base64').subarray(0, 4)
    const signed = Buffer.concat([head, signature]).toString('base64')
    const checkpoint = `${forged}\n\u2014 ${ORIGIN} ${signed}\n`
    expect((await post(`old 0\n\n${checkpoint}`)).status).toBe(422)
  })

  it('remembers what it cosigned when the log has another key, which the officers gave it', async () => {
    await add({ old: 0, hashes: leaves(5) })
    await server.close()
    server = await start({ name: ORIGIN, publicKey: other.publicKey })
    expect((await add({ old: 0, hashes: leaves(8), key: other })).status).toBe(409)
    expect((await add({ old: 5, hashes: leaves(8), key: log })).status).toBe(403)
    expect((await add({ old: 5, hashes: leaves(8), key: other })).status).toBe(200)
  })

  it('does not start on a memory that is not its own', async () => {
    await add({ old: 0, hashes: leaves(5) })
    await server.close()
    const [name = ''] = await readdir(join(dir, 'state'))
    const file = join(dir, 'state', name)
    const kept = await readFile(file, 'utf8')
    await writeFile(file, kept.replace('\\n5\\n', '\\n4\\n'))
    await expect(start()).rejects.toThrow(WitnessStateFault)
    await writeFile(file, '')
    await expect(start()).rejects.toThrow(WitnessStateFault)
    await writeFile(file, kept)
    server = await start()
  })
})

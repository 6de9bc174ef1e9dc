/** The connector's memory: what was seen of a stream or of the authority is not forgotten, and never half written. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fc, test } from '@fast-check/vitest'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Digest, digest } from '../../src/domain/bytes/digest.js'
import { MemoryFault, openMemory, type Seen } from '../../src/store/log/memory.js'

let dir = ''
let file = ''
let count = 0
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-memory-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))
const another = () => {
  count += 1
  file = join(dir, `seen-${count}.json`)
}
beforeEach(another)

const STREAM = 'mandate:01KB0000000000000000000001'
/** A stream of so many links; from `turn` on it is another one than that of the same length. */
const links = (length: number, turn = length): readonly Seen[] =>
  Array.from({ length }, (_, index) => ({
    seq: index + 1,
    hash: digest([index, index >= turn ? turn : 'as it was']),
  }))
const see = async (seen: readonly Seen[], stream = STREAM) =>
  (await openMemory(file)).stream(stream, seen)

describe('a stream', () => {
  it('that grew is believed, also by the process that is started next', async () => {
    for (const length of [0, 1, 1, 4]) expect(await see(links(length))).toBeNull()
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      streams: { [STREAM]: { seq: 4 } },
    })
  })

  test.prop([fc.nat(8), fc.nat(8), fc.nat(8)])(
    'is refused from then on exactly when it no longer holds what was seen of it',
    async (before, after, turn) => {
      another()
      expect(await see(links(before))).toBeNull()
      const kept = before === 0 || (after >= before && turn >= before)
      const answer = await see(links(after, turn))
      expect(answer?.refused ?? 'believed').toBe(kept ? 'believed' : 'EVIDENCE_TAMPERED')
      expect(await see(links(8), 'fence:partner:com_acme')).toBeNull()
    },
  )

  it('is durable before it is believed: what cannot be written is not believed, and is tried again', async () => {
    file = join(dir, 'missing', 'seen.json')
    const memory = await openMemory(file)
    await expect(memory.stream(STREAM, links(1))).rejects.toThrow('ENOENT')
    await expect(memory.stream(STREAM, links(1))).rejects.toThrow('ENOENT')
    await expect(memory.stream(STREAM, [])).resolves.toMatchObject({ refused: 'EVIDENCE_TAMPERED' })
  })

  it('and others seen at the same time are all remembered', async () => {
    const memory = await openMemory(file)
    const streams = Array.from({ length: 20 }, (_, index) => `fence:identity:nhi_${index}`)
    await Promise.all(streams.map((stream, index) => memory.stream(stream, links(index + 1))))
    const again = await openMemory(file)
    for (const [index, stream] of streams.entries())
      expect(await again.stream(stream, links(index))).toMatchObject({
        refused: 'EVIDENCE_TAMPERED',
      })
  })
})

describe('the authority', () => {
  const bundle = (version: number, hash: Digest = digest(version)) => ({ version, hash })
  it('never goes back, nor becomes another one of the same version', async () => {
    const believe = async (...of: Parameters<typeof bundle>) =>
      (await (await openMemory(file)).authority(bundle(...of)))?.refused ?? 'believed'
    expect(await believe(3)).toBe('believed')
    expect(await believe(3)).toBe('believed')
    expect(await believe(2)).toBe('AUTHORITY_ROLLBACK')
    expect(await believe(3, digest('another'))).toBe('AUTHORITY_ROLLBACK')
    expect(await believe(4)).toBe('believed')
    expect(await believe(3)).toBe('AUTHORITY_ROLLBACK')
  })
})

describe('a file that is not what was written', () => {
  it.each(['{}', '{"v":2}', '[]', '{"v":1,"authority":null,"streams":{"x":{"seq":0}}}'])(
    'stops the process instead of being forgotten: %s',
    async (text) => {
      await writeFile(file, text)
      await expect(openMemory(file)).rejects.toThrow(MemoryFault)
    },
  )
})

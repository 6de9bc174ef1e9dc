import { fc, it as property } from '@fast-check/vitest'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { nodeVerify } from '../../src/keys/verify.js'
import { readArchive, writeArchive } from '../../src/packet/archive.js'
import { PACKET_NAME } from '../../src/packet/files.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { anAuthority, must } from '../support/authority.js'

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text))
const GOOD = new Map([
  ['README.txt', bytesOf('read me')],
  ['checkpoint', bytesOf('a head')],
  ['entries/0001.json', bytesOf('{}')],
])
const good = writeArchive(GOOD)
const read = (bytes: Uint8Array) => readArchive({ bytes, allowed: PACKET_NAME })
const INVALID = { refused: 'PACKET_INVALID' }

const zip = (names: readonly string[], options: Parameters<typeof zipSync>[1] = {}): Uint8Array =>
  zipSync(Object.fromEntries(names.map((name) => [name, bytesOf('x')])), {
    ...{ level: 0, mtime: new Date(1980, 0, 1) },
    ...options,
  })

/** Every occurrence of a text replaced by another of the same length. */
function renamed(bytes: Uint8Array, [from, to]: readonly [string, string]): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1')
  return new Uint8Array(Buffer.from(text.replaceAll(from, to), 'latin1'))
}

/** Little-endian bytes at a place, counted from the end when negative. */
function patched(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = bytes.slice()
  copy.set(values, at < 0 ? copy.length + at : at)
  return copy
}

const central = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 22 + 16, true)

describe('the archive of a packet', () => {
  it('is read back as it was written, whatever the order of the files', () => {
    expect(must(read(good))).toEqual(GOOD)
    const turned = new Map([...GOOD].reverse())
    expect(Buffer.from(writeArchive(turned)).equals(good)).toBe(true)
  })

  it.each([
    '../README.txt',
    'entries/../../etc/passwd',
    '/etc/passwd',
    'C:/README.txt',
    'C:README.txt',
    'entries\\0001.json',
    'entries//0001.json',
    './README.txt',
    'entries/0001.json/',
    'README.txt\0.json',
    'readme.txt',
    'entries/0001.JSON',
    'policy/pack.yaml',
    `policy/${'a'.repeat(64)}/../pack.yaml`,
    'fences/identity/../0001.json',
    '',
  ])('has no place for a file called %j', (name) => {
    expect(read(zip(['checkpoint', name]))).toMatchObject(INVALID)
  })

  it('has no name twice', () => {
    const twice = renamed(zip(['entries/0001.json', 'entries/0002.json']), ['0002', '0001'])
    expect(read(twice)).toMatchObject({ ...INVALID, detail: 'a name appears twice' })
  })

  it('has no name twice in another case', () => {
    const bytes = renamed(zip(['abc', 'abd']), ['abd', 'ABC'])
    const allowed = /^[a-zA-Z]+$/
    expect(readArchive({ bytes, allowed })).toMatchObject({ detail: 'a name appears twice' })
  })

  it('has one name for each file: the local header says what the directory says', () => {
    const bytes = good.slice()
    bytes.set(bytesOf('README.TXT'), 30)
    expect(read(bytes)).toMatchObject({ ...INVALID, where: 'README.txt' })
  })

  it('is not compressed, so a bomb cannot be written down', () => {
    const zeros = zipSync({ checkpoint: new Uint8Array(10_000_000) }, { level: 9 })
    expect(zeros.length).toBeLessThan(20_000)
    expect(read(zeros)).toMatchObject({ ...INVALID, where: 'checkpoint' })
  })

  it('does not believe a size that the bytes do not have', () => {
    const at = central(good)
    const huge = patched(
      patched(good, at + 20, 0xff, 0xff, 0xff, 0x7f),
      at + 24,
      0xff,
      0xff,
      0xff,
      0x7f,
    )
    expect(read(huge)).toMatchObject(INVALID)
  })

  it('has no links, attributes, comments or extra fields', () => {
    const link = { os: 3, attrs: 0o120777 << 16 }
    expect(read(zip(['checkpoint'], link))).toMatchObject(INVALID)
    expect(read(zip(['checkpoint'], { comment: 'hello' }))).toMatchObject(INVALID)
    expect(read(zip(['checkpoint'], { extra: { 21589: bytesOf('x') } }))).toMatchObject(INVALID)
  })

  it('is not encrypted, split or zip64', () => {
    const at = central(good)
    expect(read(patched(good, at + 8, 1))).toMatchObject(INVALID)
    expect(read(patched(good, -22 + 4, 1))).toMatchObject(INVALID)
    expect(read(patched(good, -22 + 10, 0xff, 0xff))).toMatchObject(INVALID)
    expect(read(patched(good, -22 + 16, 0xff, 0xff, 0xff, 0xff))).toMatchObject(INVALID)
  })

  it('has nothing before, between, behind or on top of its files', () => {
    const more = bytesOf('more')
    expect(read(Buffer.concat([more, good]))).toMatchObject(INVALID)
    expect(read(Buffer.concat([good, more]))).toMatchObject(INVALID)
    expect(read(Buffer.concat([good, good]))).toMatchObject(INVALID)
    const second = central(good) + 46 + 'README.txt'.length
    expect(read(patched(good, second + 42, 0, 0, 0, 0))).toMatchObject(INVALID)
    const end = good.length - 22
    const between = Buffer.concat([good.subarray(0, end), more, good.subarray(end)])
    expect(read(between)).toMatchObject(INVALID)
  })

  it('is nothing at all when it is empty or cut off', () => {
    for (let length = 0; length < good.length; length += 1)
      expect(read(good.subarray(0, length))).toMatchObject(INVALID)
  })

  it('is refused after any change of one bit, or read as files that differ', () => {
    for (let bit = 0; bit < good.length * 8; bit += 1) {
      const files = read(patched(good, bit >> 3, (good[bit >> 3] ?? 0) ^ (1 << (bit & 7))))
      expect(files, `bit ${bit}`).toMatchObject(INVALID)
    }
  })

  property.prop([fc.uint8Array({ maxLength: 400 })])(
    'gives any bytes a verdict, and never an exception',
    (noise) => {
      const { trust } = authority
      for (const bytes of [noise, Buffer.concat([good.subarray(0, 60), noise, good.subarray(60)])])
        expect(verifyPacket({ bytes, trust, verify: nodeVerify }).verdict).toBe('NOT VERIFIED')
    },
  )
})

const authority = anAuthority()

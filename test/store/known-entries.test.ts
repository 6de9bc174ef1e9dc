import { describe, expect, it } from 'vitest'
import { canonicalBytes } from '../../src/domain/bytes/digest.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { entryHash, type StoredEntry } from '../../src/ledger/entry.js'
import { eventOf, knownEntries } from '../../src/store/case/known-entries.js'
import { must } from '../support/authority.js'
import { someSalt } from '../support/salt.js'

const bytesOf = (code: string, seq = 1): Buffer =>
  Buffer.from(
    canonicalBytes({
      v: 1,
      stream: 'case',
      seq,
      prev: null,
      at: '2026-06-01T12:00:00.000Z',
      salt: someSalt(),
      body: { type: 'FindingRecorded', code, where: '/x', detail: 'seen' },
    }),
  )
const at = (seq = 1) => ({ stream: 'case', seq })

describe('an entry that is known', () => {
  it('is the same entry and event for the same bytes, in another buffer too', () => {
    const known = knownEntries(1_000_000)
    const first = must(known.read(bytesOf('FENCED'), at()))
    const again = must(known.read(bytesOf('FENCED'), at()))
    expect(again).toBe(first)
    expect(eventOf(again)).toBe(eventOf(first))
  })

  it('does not stand for bytes of which one is changed: they are hashed and parsed anew', () => {
    const known = knownEntries(1_000_000)
    const genuine = bytesOf('FENCED')
    const before = must(known.read(genuine, at()))
    const edited = Buffer.from(genuine.toString().replace('"seen"', '"sean"'))
    const after = must(known.read(edited, at()))
    expect(after.hash).toBe(entryHash(edited))
    expect(after.hash).not.toBe(before.hash)
    expect(must(eventOf(after))).toMatchObject({ detail: 'sean' })
    expect(must(known.read(genuine, at())).hash).toBe(before.hash)
  })

  it('is not what every single changed bit of it reads as', () => {
    const known = knownEntries(1_000_000)
    const genuine = bytesOf('FENCED')
    const { hash } = must(known.read(genuine, at()))
    for (let bit = 0; bit < genuine.length * 8; bit += 1) {
      const edited = Buffer.from(genuine)
      edited.writeUInt8(edited.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      const read = known.read(edited, at())
      expect(isRefusal(read) || read.hash !== hash).toBe(true)
      must(known.read(genuine, at()))
    }
  })

  it('cannot be changed by whoever shares it', () => {
    const stored = must(knownEntries(1_000_000).read(bytesOf('FENCED'), at())) as {
      -readonly [Field in keyof StoredEntry]: StoredEntry[Field]
    }
    const event = must(eventOf(stored)) as { detail?: string }
    expect(() => {
      event.detail = 'another'
    }).toThrow(TypeError)
    expect(() => {
      stored.hash = 'sha256:00'
    }).toThrow(TypeError)
    expect(() => {
      stored.entry.body.detail = 'another'
    }).toThrow(TypeError)
  })

  it('is forgotten for newer ones, so that what is held stays bounded', () => {
    const size = bytesOf('FENCED').length
    const known = knownEntries(size * 3)
    const first = must(known.read(bytesOf('FENCED', 1), at(1)))
    for (const seq of [2, 3]) must(known.read(bytesOf('FENCED', seq), at(seq)))
    expect(must(known.read(bytesOf('FENCED', 1), at(1)))).toBe(first)
    const second = must(known.read(bytesOf('FENCED', 2), at(2)))
    for (const seq of [4, 5]) must(known.read(bytesOf('FENCED', seq), at(seq)))
    expect(must(known.read(bytesOf('FENCED', 2), at(2)))).toBe(second)
    expect(must(known.read(bytesOf('FENCED', 1), at(1)))).not.toBe(first)
  })
})

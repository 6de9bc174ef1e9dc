/** A packet that is too large to be sent, as parts: of any limit, in any order, and only all of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/domain/bytes/digest.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { readArchive, writeArchive } from '../../src/packet/archive.js'
import { jsonFile } from '../../src/packet/files.js'
import { joined, partsOf } from '../../src/packet/parts.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { aWorld, type World } from '../support/world.js'
import { flip } from './forge.js'
import { packetOf, verdictOn } from './story.js'

const LIMIT = 8000
const NOTHING = new Uint8Array()

let world: World
let packet: Uint8Array
let other: Uint8Array
beforeAll(async () => {
  world = await aWorld()
  packet = (await packetOf(world, await caseworkIn(world).open('billing', { kind: 'rotate' })))
    .bytes
  other = (await packetOf(world, await caseworkIn(world).open('ledger', { kind: 'rotate' }))).bytes
})
afterAll(() => world.stop())

const split = (bytes = packet, limit = LIMIT) => [...must(partsOf(bytes, { limit }))]
const said = (archives: readonly Uint8Array[]): string => {
  const whole = joined(archives)
  return isRefusal(whole) ? whole.detail : 'whole'
}

describe('the parts of a packet', () => {
  it('are the packet itself where it is within the limit', () => {
    expect(split(packet, packet.length)).toEqual([packet])
    expect(joined([packet])).toBe(packet)
  })

  it('are the same bytes each time, and none is above the limit unless it holds one file', () => {
    const parts = split()
    expect(parts.length).toBeGreaterThan(2)
    expect(parts.map((part) => Buffer.from(part).toString('hex'))).toEqual(
      split().map((part) => Buffer.from(part).toString('hex')),
    )
    for (const limit of [2000, LIMIT, 20_000, packet.length - 1]) {
      const sizes = split(packet, limit).map((part) => part.length)
      const largest = split(packet, 1000).map((part) => part.length)
      expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.max(limit, ...largest))
    }
  })

  it('are that very packet again, in any order, and it verifies', () => {
    for (const limit of [1000, LIMIT, packet.length - 1]) {
      const whole = must(joined(split(packet, limit).reverse()))
      expect(Buffer.from(whole).equals(packet)).toBe(true)
    }
    expect(verdictOn(world, must(joined(split()))).verdict).toBe('VERIFIED')
  })

  it('prove nothing alone, and the missing ones are named', () => {
    const parts = split()
    const [first, second, ...rest] = parts
    if (first === undefined || second === undefined) throw new Error('not split')
    expect(said([second])).toMatch(/^this is part 2 of \d+ alone, which proves nothing: parts 1, 3/)
    expect(said([first, ...rest])).toBe(`part 2 of ${parts.length} is missing`)
    expect(said(rest)).toMatch(/^parts 1, 2 of \d+ are missing$/)
    expect(verdictOn(world, first).verdict).toBe('NOT VERIFIED')
  })

  it('are refused doubled, mixed with those of another packet, or with what is no part', () => {
    const parts = split()
    const [first = packet] = parts
    expect(said([...parts, first])).toBe('a part is given twice')
    const mixed = [...parts.slice(1), ...split(other).slice(0, 1)]
    expect(said(mixed)).toBe('the parts are of different packets')
    expect(said([...parts, other])).toMatch(/not all parts of one packet/)
    expect(said([packet, other])).toMatch(/not all parts of one packet/)
    expect(said([])).toBe('there is no archive')
  })

  it('are refused when a byte of one is changed, and a file cannot be in two', () => {
    const parts = split()
    for (const [index, part] of parts.entries()) {
      const whole = joined(parts.with(index, flip(part)))
      const verdict = isRefusal(whole) ? 'NOT VERIFIED' : verdictOn(world, whole).verdict
      expect(verdict, `part ${index + 1}`).toBe('NOT VERIFIED')
    }
    const [first = packet, second = packet, ...rest] = parts
    const filesIn = (bytes: Uint8Array) => [...must(readArchive({ bytes, allowed: /./ }))]
    const own = filesIn(second).filter(([name]) => name !== 'part.json')
    const doubled = writeArchive(new Map([...own, ...filesIn(first)]))
    expect(said([doubled, second, ...rest])).toBe('a file is in two parts')
  })
  it('are refused when they are more files together than an archive may have', () => {
    const partNumber = (number: number) => {
      const names = Array.from(
        { length: 25_001 },
        (_, at) => `entries/${number}0${10_000 + at}.json`,
      )
      const part = { v: 1, type: 'countersign-part', number, of: 2, manifest: digestOf(NOTHING) }
      const files = names.map((name): [string, Uint8Array] => [name, NOTHING])
      return writeArchive(new Map([...files, ['part.json', jsonFile(part)]]))
    }
    expect(joined([partNumber(1), partNumber(2)])).toMatchObject({ refused: 'TOO_LARGE' })
  })
})

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { canonicalBytes } from '../../src/domain/bytes/digest.js'
import { parseAs } from '../../src/domain/shapes/parse.js'
import { readEntry } from '../../src/ledger/entry.js'

describe('parseAs', () => {
  const Shape = z.strictObject({
    list: z.array(z.strictObject({ 'a/b~c': z.int() })),
    gate: z.union([z.strictObject({ x: z.int() }), z.strictObject({ y: z.int() })]).optional(),
  })
  const parse = parseAs(Shape)

  it('names the place by JSON pointer and repeats no value', () => {
    const refused = parse({ list: [{ 'a/b~c': 1 }, { 'a/b~c': 'hunter2' }] })
    expect(refused).toMatchObject({ refused: 'MALFORMED', where: '/list/1/a~1b~0c' })
    expect(JSON.stringify(refused)).not.toContain('hunter2')
  })

  it('does not repeat the name of a field that nobody defined', () => {
    const refused = parse({ list: [{ 'a/b~c': 1, hunter2: 1 }] })
    expect(refused).toMatchObject({ refused: 'UNKNOWN_FIELD', where: '/list/0' })
    expect(JSON.stringify(refused)).not.toContain('hunter2')
  })

  it('says of a version that is not known yet that it is newer, whatever else it has', () => {
    const Versioned = parseAs(z.strictObject({ a: z.int(), v: z.literal(1) }))
    const newer = { refused: 'NEWER_VERSION', where: '/v' }
    expect(Versioned({ v: 2, a: 'text', more: 1 })).toMatchObject(newer)
    const entry = { v: 2, stream: 'ops', body: { type: 'Unheard' } }
    expect(readEntry(canonicalBytes(entry))).toMatchObject(newer)
    const other = { refused: 'MALFORMED', where: '/v' }
    for (const v of [0, '2', null]) expect(Versioned({ v, a: 1 })).toMatchObject(other)
  })

  it('sees a field too many inside a union', () => {
    expect(parse({ list: [], gate: { x: 1, z: 1 } })).toMatchObject({
      refused: 'UNKNOWN_FIELD',
      where: '/gate',
    })
    expect(parse({ list: [], gate: { x: 'no' } })).toMatchObject({ refused: 'MALFORMED' })
  })
})

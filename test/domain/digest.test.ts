/** Canonical bytes (RFC 8785): what is read is byte for byte what was signed, or it is refused. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import {
  canonical,
  canonicalBytes,
  digest,
  digestOf,
  MAX_DOCUMENT_BYTES,
  parseCanonical,
} from '../../src/domain/bytes/digest.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { Plan } from '../../src/domain/shapes/plan.js'
import { aRotation, told } from '../support/given.js'
import { planned } from '../support/moves.js'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const read = (text: string) => {
  const answer = parseCanonical(bytesOf(text))
  return isRefusal(answer) ? `${answer.refused} ${answer.where}` : answer.value
}

/** Documents of the kind that is signed: text, safe integers, booleans, null, lists and records. */
const document = fc.letrec((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    fc.string({ unit: 'grapheme' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('node'), { maxKeys: 4 }),
  ),
})).node

describe('a document', () => {
  test.prop([fc.string()])('that is accepted is canonical, whatever text it is', (text) => {
    const answer = parseCanonical(bytesOf(text))
    if (!isRefusal(answer)) expect(canonical(answer.value)).toBe(text)
  })

  test.prop([fc.json()])('that is accepted is canonical, whatever JSON it is', (text) => {
    const answer = parseCanonical(bytesOf(text))
    if (!isRefusal(answer)) expect(canonicalBytes(answer.value)).toEqual(bytesOf(text))
  })

  test.prop([document])('in canonical form is read back as it was', (value) => {
    const bytes = canonicalBytes(value)
    const answer = parseCanonical(bytes)
    if (isRefusal(answer)) expect(answer.where).toMatch(/^\//)
    else expect(canonicalBytes(answer.value)).toEqual(bytes)
  })

  const key = fc.constantFrom('a', 'b', 'é', '10', '9', '-1', '1.0', '')
  const { text } = fc.letrec<{ text: string }>((tie) => ({
    text: fc.oneof(
      fc.constantFrom('1', '-0', '"\\u0061"', '"a"', 'null', '[]', ' 2'),
      fc
        .array(fc.tuple(key, tie('text')), { maxLength: 3 })
        .map((pairs) => `{${pairs.map(([name, value]) => `"${name}":${value}`).join()}}`),
    ),
  }))
  test.prop([text], { numRuns: 2000 })(
    'is read exactly when it is canonical, whether its keys are words or numbers',
    (written) => {
      const known = canonical(JSON.parse(written)) === written
      expect(isRefusal(parseCanonical(bytesOf(written)))).toBe(!known)
    },
  )

  const refused = [
    ['a key twice', '{"a":1,"a":1}', 'NOT_CANONICAL /'],
    ['keys out of order', '{"b":1,"a":1}', 'NOT_CANONICAL /'],
    ['white space', '{"a": 1}', 'NOT_CANONICAL /'],
    ['a trailing line', '{"a":1}\n', 'NOT_CANONICAL /'],
    ['a byte-order mark', '\uFEFF{"a":1}', 'MALFORMED /'],
    ['two documents', '{}{}', 'MALFORMED /'],
    ['nothing', '', 'MALFORMED /'],
    ['a fraction', '{"a":0.5}', 'NOT_CANONICAL /a'],
    ['a number above 2^53', '{"a":9007199254740993}', 'NOT_CANONICAL /a'],
    ['a number that overflows', '{"a":[1e400]}', 'NOT_CANONICAL /a/0'],
    ['an exponent', '{"a":1e2}', 'NOT_CANONICAL /'],
    ['minus zero', '{"a":-0}', 'NOT_CANONICAL /'],
    ['an escape that needs none', '{"a":"\\u0061"}', 'NOT_CANONICAL /'],
    ['half a surrogate pair', '{"a":"\\ud800"}', 'NOT_CANONICAL /a'],
    ['half a surrogate pair in a key', '{"\\ud800":1}', 'NOT_CANONICAL /?'],
    ['a key that a parser would lose', '{"__proto__":1}', 'NOT_CANONICAL /?'],
  ] as const
  it.each(refused)('with %s is refused', (_what, text, answer) => {
    expect(read(text)).toBe(answer)
  })

  it('that is not UTF-8 is refused', () => {
    expect(parseCanonical(Uint8Array.of(0x22, 0xff, 0x22))).toMatchObject({ refused: 'MALFORMED' })
    expect(parseCanonical(Uint8Array.of(0x22, 0xc0, 0xaf, 0x22))).toMatchObject({
      refused: 'MALFORMED',
    })
  })

  it('is at most 64 KiB', () => {
    const text = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`
    expect(isRefusal(parseCanonical(bytesOf(text(MAX_DOCUMENT_BYTES))))).toBe(false)
    expect(read(text(MAX_DOCUMENT_BYTES + 1))).toBe('TOO_LARGE /')
  })

  it('is nested at most sixteen deep, and a refusal of it repeats no text of the sender', () => {
    expect(Array.isArray(read(`${'['.repeat(17)}${']'.repeat(17)}`))).toBe(true)
    expect(read(`${'['.repeat(18)}${']'.repeat(18)}`)).toMatch(/^NOT_CANONICAL/)
    expect(read(`{"<script>":0.5}`)).toBe('NOT_CANONICAL /?')
  })

  it('keeps two spellings of one letter apart', () => {
    expect(digest('\u00e9')).not.toBe(digest('e\u0301'))
  })

  it('without a canonical form is an error, never a digest', () => {
    expect(() => canonical(undefined)).toThrow(TypeError)
  })
})

describe('the hash of a plan', () => {
  const { plan, planHash } = told(aRotation(), planned).state
  const bytes = canonicalBytes(plan)

  it('is the digest of its canonical bytes', () => {
    expect(planHash).toBe(digestOf(bytes))
    expect(planHash).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  test.prop([fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })])(
    'changes with every byte: what is still a plan has another hash',
    (index, flip) => {
      const bent = bytes.map((byte, at) => (at === index ? byte ^ flip : byte))
      expect(digestOf(bent)).not.toBe(planHash)
      const answer = parseCanonical(bent)
      if (isRefusal(answer)) return
      const read = Plan.safeParse(answer.value)
      if (read.success) expect(digest(read.data)).not.toBe(planHash)
    },
  )
})

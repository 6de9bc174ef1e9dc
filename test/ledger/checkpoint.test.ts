import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Checkpoint,
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from '../../src/ledger/checkpoint.js'
import { signNote } from '../../src/ledger/note.js'
import { emptyRoot, rootOf } from '../../src/ledger/tree.js'
import { accepted, keyOf, leaves } from './support.js'

const log = keyOf('ledger.example/a', 1)
const witness = keyOf('witness.example/w', 2)
const head: Checkpoint = { origin: log.name, size: 5, root: rootOf(leaves(5)), extensions: [] }
const TEXT = formatCheckpoint(head)
const SIGNED = await signCheckpoint({ checkpoint: head, ...log })
const ours = { origin: log.name, verifier: log.verifier }
const cosigned = SIGNED + (await signNote({ text: TEXT, ...witness })).slice(TEXT.length + 1)

describe('the text of a checkpoint', () => {
  test('is the one of the specification', () => {
    const text =
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
    const checkpoint = accepted(parseCheckpoint(text))
    expect(checkpoint).toMatchObject({
      origin: 'example.com/behind-the-sofa',
      size: 20852163,
      extensions: [],
    })
    expect(formatCheckpoint(checkpoint)).toBe(text)
  })

  test('reads back as the checkpoint it was made of', () => {
    const aLine = fc.string({ unit: 'grapheme', minLength: 1 })
    const aCheckpoint: fc.Arbitrary<Checkpoint> = fc.record({
      origin: aLine,
      size: fc.maxSafeNat().map((size) => Math.max(1, size)),
      root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      extensions: fc.array(aLine),
    })
    fc.assert(
      fc.property(aCheckpoint, (checkpoint) => {
        expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint)
      }),
    )
    const empty = { ...head, size: 0, root: emptyRoot() }
    expect(parseCheckpoint(formatCheckpoint(empty))).toEqual(empty)
  })

  const [origin, size, root] = TEXT.split('\n')
  test.each([
    ['nothing', ''],
    ['two lines', `${origin}\n${size}\n`],
    ['no last newline', `${origin}\n${size}\n${root}`],
    ['an empty origin', `\n${size}\n${root}\n`],
    ['an empty extension', `${TEXT}\n`],
    ['an empty extension before another', `${TEXT}\nx\n`],
    ['a leading zero', `${origin}\n05\n${root}\n`],
    ['a zero twice', `${origin}\n00\n${root}\n`],
    ['a sign', `${origin}\n+5\n${root}\n`],
    ['a negative size', `${origin}\n-5\n${root}\n`],
    ['a fraction', `${origin}\n5.0\n${root}\n`],
    ['an exponent', `${origin}\n5e3\n${root}\n`],
    ['hexadecimal', `${origin}\n0x5\n${root}\n`],
    ['a space', `${origin}\n 5\n${root}\n`],
    ['digits that are not ASCII', `${origin}\n\u0665\n${root}\n`],
    ['a size of 2^53', `${origin}\n9007199254740992\n${root}\n`],
    ['a size of 2^64', `${origin}\n18446744073709551616\n${root}\n`],
    ['a short root', `${origin}\n${size}\nAAAA\n`],
    ['a long root', `${origin}\n${size}\n${'A'.repeat(44)}\n`],
    ['a root without padding', `${origin}\n${size}\n${root?.slice(0, -1)}\n`],
    ['a root with stray bits', `${origin}\n${size}\n${'A'.repeat(42)}B=\n`],
    ['another root than that of nothing for size 0', `${origin}\n0\n${root}\n`],
    ['a carriage return', TEXT.replaceAll('\n', '\r\n')],
    ['a lone surrogate', `${TEXT}\ud800\n`],
  ])('with %s is refused', (_what, text) => {
    expect(parseCheckpoint(text)).toMatchObject({ refused: 'MALFORMED' })
  })

  test.each([
    ['a negative size', { ...head, size: -1 }],
    ['a size beyond safe integers', { ...head, size: 2 ** 53 }],
    ['a short root', { ...head, root: new Uint8Array(31) }],
    ['a wrong empty root', { ...head, size: 0 }],
    ['an origin of two lines', { ...head, origin: 'a\n9' }],
    ['an empty origin', { ...head, origin: '' }],
    ['an empty extension', { ...head, extensions: [''] }],
    ['an extension of two lines', { ...head, extensions: ['a\nb'] }],
  ])('with %s cannot be written', (_what, checkpoint) => {
    expect(() => formatCheckpoint(checkpoint)).toThrow(TypeError)
  })
})

describe('opening a checkpoint', () => {
  test('gives the head that the log signed', () => {
    expect(openCheckpoint({ note: SIGNED, ...ours })).toEqual({
      checkpoint: head,
      signers: [{ name: log.name, keyHash: log.verifier.keyHash }],
    })
  })

  test('names the witnesses that signed too', () => {
    const opened = openCheckpoint({ note: cosigned, ...ours, witnesses: [witness.verifier] })
    expect(accepted(opened).signers.map((signer) => signer.name)).toEqual([log.name, witness.name])
    expect(accepted(openCheckpoint({ note: cosigned, ...ours })).signers).toHaveLength(1)
  })

  test('refuses one that only a witness signed', async () => {
    const note = await signNote({ text: TEXT, ...witness })
    expect(openCheckpoint({ note, ...ours, witnesses: [witness.verifier] })).toMatchObject({
      refused: 'KEY_UNKNOWN',
    })
  })

  test('refuses one for another origin, even signed by the right key', async () => {
    const text = formatCheckpoint({ ...head, origin: 'ledger.example/b' })
    const note = await signNote({ text, ...log })
    expect(openCheckpoint({ note, ...ours })).toMatchObject({ refused: 'PROOF_INVALID' })
  })

  test('refuses one by another key of the same name', async () => {
    const note = await signCheckpoint({ checkpoint: head, ...keyOf(log.name, 7) })
    expect(openCheckpoint({ note, ...ours })).toMatchObject({ refused: 'KEY_UNKNOWN' })
  })

  test('refuses a signed note that is no checkpoint', async () => {
    const note = await signNote({ text: 'hello\n', ...log })
    expect(openCheckpoint({ note, ...ours })).toMatchObject({ refused: 'MALFORMED' })
  })

  test('refuses a size or a root that was changed after signing', () => {
    expect(openCheckpoint({ note: SIGNED.replace('\n5\n', '\n6\n'), ...ours })).toMatchObject({
      refused: 'SIGNATURE_INVALID',
    })
    const note = withOtherRoot()
    expect(openCheckpoint({ note, ...ours })).toMatchObject({ refused: 'SIGNATURE_INVALID' })
  })

  test('of an origin that is no key name cannot be signed', async () => {
    const checkpoint = { ...head, origin: 'a log with spaces' }
    await expect(signCheckpoint({ checkpoint, ...log })).rejects.toThrow(TypeError)
  })
})

function withOtherRoot(): string {
  const other = formatCheckpoint({ ...head, root: rootOf(leaves(6)) })
  return SIGNED.replace(TEXT, other)
}

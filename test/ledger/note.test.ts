import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromBase64, toBase64 } from '../../src/domain/bytes/base64.js'
import {
  formatNote,
  MAX_NOTE_CHARACTERS,
  type Note,
  openNote,
  parseNote,
  signNote,
} from '../../src/ledger/note.js'
import { ed25519Verifier, formatVkey, keyHashOf, parseVkey } from '../../src/ledger/note-key.js'
import { accepted, flipBit, keyOf, verifyEd25519 } from './support.js'

const log = keyOf('log.example/a', 1)
const witness = keyOf('witness.example/w', 2)
const stranger = keyOf('stranger.example/s', 3)
const TEXT = 'Ognuno sta solo\n\ned è subito sera.\n'
const SIGNED = await signNote({ text: TEXT, ...log })
const LINE = SIGNED.slice(TEXT.length + 1)

const both = async (first: typeof log, second: typeof log): Promise<string> =>
  (await signNote({ text: TEXT, ...first })) +
  (await signNote({ text: TEXT, ...second })).slice(TEXT.length + 1)

describe('the example of the specification', () => {
  const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
  const note =
    'This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'

  test('verifies with its verifier key', () => {
    const key = accepted(parseVkey(vkey))
    expect(formatVkey(key)).toBe(vkey)
    const verifier = ed25519Verifier({ ...key, verify: verifyEd25519 })
    expect(openNote({ note, verifiers: [verifier] })).toEqual({
      text: 'This is an example message.\n',
      signers: [{ name: 'example.com/foo', keyHash: 0x530d903a }],
    })
  })
})

describe('opening a note', () => {
  test('says which of the known keys signed, each once, in the order of the note', async () => {
    const verifiers = [witness.verifier, stranger.verifier, log.verifier]
    const opened = accepted(openNote({ note: await both(log, witness), verifiers }))
    expect(opened.signers.map((signer) => signer.name)).toEqual([log.name, witness.name])
    expect(opened.text).toBe(TEXT)
    const twice = accepted(openNote({ note: SIGNED + LINE, verifiers }))
    expect(twice.signers).toHaveLength(1)
  })

  test('ignores signatures of unknown keys, even under a known name or a known key hash', async () => {
    const sameName = keyOf(log.name, 9)
    const note = await both(sameName, log)
    const { signatures } = accepted(parseNote(SIGNED))
    const sameHash = formatNote({
      text: TEXT,
      signatures: signatures.flatMap((signature) => [
        { ...signature, name: 'other.example' },
        signature,
      ]),
    })
    for (const mixed of [note, sameHash]) {
      const opened = accepted(openNote({ note: mixed, verifiers: [log.verifier] }))
      expect(opened.signers).toEqual([{ name: log.name, keyHash: log.verifier.keyHash }])
    }
  })

  test('refuses a note that no known key signed', () => {
    expect(openNote({ note: SIGNED, verifiers: [] })).toMatchObject({ refused: 'KEY_UNKNOWN' })
    expect(openNote({ note: SIGNED, verifiers: [stranger.verifier] })).toMatchObject({
      refused: 'KEY_UNKNOWN',
    })
  })

  test('refuses a whole note for one bad signature of a known key, wherever it stands', async () => {
    const { text, signatures } = accepted(parseNote(await both(log, witness)))
    const spoilt = signatures.map((each) => ({ ...each, signature: flipBit(each.signature, 5) }))
    const [badLog, badWitness] = spoilt
    const [goodLog, goodWitness] = signatures
    if (!badLog || !badWitness || !goodLog || !goodWitness) throw new Error('two signatures')
    for (const lines of [
      [badLog, goodWitness],
      [goodLog, badWitness],
      [goodLog, badLog],
    ]) {
      const note = formatNote({ text, signatures: lines })
      const verifiers = [log.verifier, witness.verifier]
      expect(openNote({ note, verifiers })).toMatchObject({ refused: 'SIGNATURE_INVALID' })
    }
  })

  test('refuses a signature of any other length than 64 bytes', () => {
    const { text, signatures } = accepted(parseNote(SIGNED))
    const [signature] = signatures
    if (signature === undefined) throw new Error('one signature')
    for (const length of [1, 63, 65, 128]) {
      const bytes = new Uint8Array(length)
      bytes.set(signature.signature.slice(0, length))
      const note = formatNote({ text, signatures: [{ ...signature, signature: bytes }] })
      expect(openNote({ note, verifiers: [log.verifier] })).toMatchObject({
        refused: 'SIGNATURE_INVALID',
      })
    }
  })

  test('never shows the primitive a signature of another length', () => {
    const seen: number[] = []
    const verify = ({ signature }: { signature: Uint8Array }) => seen.push(signature.length) > 0
    const verifier = ed25519Verifier({ ...log, verify })
    const answers = [0, 63, 64, 65].map((n) =>
      verifier.verify(new Uint8Array(9), new Uint8Array(n)),
    )
    expect(answers).toEqual([false, false, true, false])
    expect(seen).toEqual([64])
  })

  test('refuses the note after any change of one character', () => {
    const aChange = fc.tuple(fc.nat(SIGNED.length - 1), fc.string({ unit: 'binary', maxLength: 1 }))
    fc.assert(
      fc.property(aChange, ([at, char]) => {
        fc.pre(char !== SIGNED.charAt(at))
        const note = SIGNED.slice(0, at) + char + SIGNED.slice(at + 1)
        expect(openNote({ note, verifiers: [log.verifier] })).toHaveProperty('refused')
      }),
      { numRuns: 1000 },
    )
  })

  test('with two verifiers of one name and key hash is a bug', () => {
    const verifiers = [log.verifier, { ...log.verifier, verify: () => true }]
    expect(() => openNote({ note: SIGNED, verifiers })).toThrow(TypeError)
  })
})

describe('the form of a note', () => {
  const signature = LINE.slice(LINE.lastIndexOf(' ') + 1, -1)

  test.each([
    ['nothing', ''],
    ['no signature', `${TEXT}`],
    ['no signature after the empty line', `${TEXT}\n`],
    ['no empty line', `line\n${LINE}`],
    ['no last newline', SIGNED.slice(0, -1)],
    ['text after the signatures', `${SIGNED}more\n`],
    ['an empty line after the signatures', `${SIGNED}\n`],
    ['a hyphen for the em dash', SIGNED.replace('\u2014', '-')],
    ['an en dash for the em dash', SIGNED.replace('\u2014', '\u2013')],
    ['two spaces after the dash', SIGNED.replace('\u2014 ', '\u2014  ')],
    ['no space after the name', SIGNED.replace(`${log.name} `, log.name)],
    ['a tab', SIGNED.replace('solo', 'so\tlo')],
    ['a carriage return', SIGNED.replaceAll('\n', '\r\n')],
    ['a NUL', SIGNED.replace('solo', 'so\0lo')],
    ['a lone surrogate', SIGNED.replace('solo', 'so\ud800lo')],
    ['no name', `${TEXT}\n\u2014  ${signature}\n`],
    ['a plus in a name', `${TEXT}\n\u2014 a+b ${signature}\n`],
    ['a no-break space in a name', `${TEXT}\n\u2014 a\u00a0b ${signature}\n`],
    ['an ideographic space in a name', `${TEXT}\n\u2014 a\u3000b ${signature}\n`],
    ['a next-line in a name', `${TEXT}\n\u2014 a\u0085b ${signature}\n`],
    ['no signature bytes', `${TEXT}\n\u2014 a AAAAAA==\n`],
    ['an empty signature', `${TEXT}\n\u2014 a \n`],
    ['a third word', `${TEXT}\n\u2014 a ${signature} ${signature}\n`],
    ['base64 without padding', SIGNED.replace('=\n', '\n')],
    ['base64url', `${TEXT}\n\u2014 a ____AAAA\n`],
    ['base64 with stray bits', `${TEXT}\n\u2014 a AAAAAAB=\n`],
  ])('%s is refused', (_what, note) => {
    expect(parseNote(note)).toMatchObject({ refused: 'MALFORMED' })
    expect(openNote({ note, verifiers: [log.verifier] })).toMatchObject({ refused: 'MALFORMED' })
  })

  test('more than a hundred signatures, or more than a megabyte, is refused; sixteen are not', () => {
    expect(parseNote(SIGNED + LINE.repeat(100))).toMatchObject({ refused: 'TOO_LARGE' })
    expect(parseNote(`${'x'.repeat(MAX_NOTE_CHARACTERS)}\n\n${LINE}`)).toMatchObject({
      refused: 'TOO_LARGE',
    })
    expect(accepted(parseNote(SIGNED + LINE.repeat(15))).signatures).toHaveLength(16)
  })

  test('splits the text from the signatures at the last empty line, and keeps a byte-order mark', () => {
    expect(accepted(parseNote(SIGNED)).text).toBe(TEXT)
    expect(accepted(parseNote(`\n\n${LINE}`)).text).toBe('\n')
    expect(accepted(parseNote(`\ufeffa\n\n${LINE}`)).text).toBe('\ufeffa\n')
  })

  test('reads back as the note it was made of', () => {
    const aName = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((name) => !/[\p{White_Space}+]/u.test(name))
    const aSignature = fc.record({
      name: aName,
      keyHash: fc.integer({ min: 0, max: 0xffffffff }),
      signature: fc.uint8Array({ minLength: 1, maxLength: 100 }),
    })
    const aNote: fc.Arbitrary<Note> = fc.record({
      text: fc.array(fc.string({ unit: 'grapheme' })).map((lines) => `${lines.join('\n')}\n`),
      signatures: fc.array(aSignature, { minLength: 1, maxLength: 16 }),
    })
    fc.assert(
      fc.property(aNote, (note) => {
        expect(parseNote(formatNote(note))).toEqual(note)
      }),
    )
  })

  test('that is accepted is always written the same way', () => {
    const aWord = fc.constantFrom(
      '\n',
      '\n\n',
      '\u2014 ',
      'a',
      ' ',
      LINE,
      TEXT,
      '+',
      '\ufeff',
      'AAAAAAA=',
    )
    fc.assert(
      fc.property(fc.array(aWord, { maxLength: 12 }), (words) => {
        const parsed = parseNote(words.join(''))
        if (!('refused' in parsed)) expect(formatNote(parsed)).toBe(words.join(''))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('signing a note', () => {
  test('takes a remote signer', async () => {
    const sign = (message: Uint8Array) => Promise.resolve(log.sign(message))
    expect(await signNote({ text: TEXT, ...log, sign })).toBe(SIGNED)
  })

  test.each([
    ['a text without a last newline', { text: 'x', ...log }],
    ['a text with a control character', { text: 'x\r\n', ...log }],
    ['a text with a lone surrogate', { text: '\udc00\n', ...log }],
    ['a name with a space', { text: TEXT, ...log, name: 'a b' }],
    ['a name with a plus', { text: TEXT, ...log, name: 'a+b' }],
    ['a name with a lone surrogate', { text: TEXT, ...log, name: 'a\ud800b' }],
    ['a name with a newline', { text: TEXT, ...log, name: 'a\nb' }],
    ['a key of another length', { text: TEXT, ...log, publicKey: new Uint8Array(31) }],
  ])('%s is a bug', async (_what, input) => {
    await expect(signNote(input)).rejects.toThrow(TypeError)
  })

  test('what does not fit a note is a bug', () => {
    const { signatures } = accepted(parseNote(SIGNED))
    expect(() => formatNote({ text: TEXT, signatures: [] })).toThrow(TypeError)
    expect(() => formatNote({ text: TEXT, signatures: Array(101).fill(signatures[0]) })).toThrow(
      TypeError,
    )
  })
})

describe('a verifier key', () => {
  test('reads back as the key it was made of', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (publicKey) => {
        const key = { name: 'ledger.example/x', publicKey }
        expect(parseVkey(formatVkey(key))).toEqual({ ...key, keyHash: keyHashOf(key) })
      }),
    )
  })

  test('with any change of one character is refused', () => {
    const vkey = formatVkey(log)
    fc.assert(
      fc.property(fc.nat(vkey.length - 1), fc.string({ maxLength: 1 }), (at, char) => {
        fc.pre(char !== vkey.charAt(at))
        expect(parseVkey(vkey.slice(0, at) + char + vkey.slice(at + 1))).toHaveProperty('refused')
      }),
      { numRuns: 500 },
    )
  })

  test('of another kind than Ed25519 is refused', () => {
    const typed = Uint8Array.from([4, ...log.publicKey])
    expect(parseVkey(`${log.name}+00000000+${toBase64(typed)}`)).toMatchObject({
      refused: 'KEY_WEAK',
    })
    expect(parseVkey('')).toMatchObject({ refused: 'MALFORMED' })
    expect(parseVkey(formatVkey(log).toUpperCase())).toHaveProperty('refused')
  })
})

describe('base64', () => {
  test('is that of the platform, and only its canonical form reads back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64')
        expect(toBase64(bytes)).toBe(text)
        expect(fromBase64(text)).toEqual(bytes)
      }),
    )
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('A', 'B', 'w', '/', '+', '=', '-', '\n') }),
        (text) => {
          const bytes = fromBase64(text)
          if (bytes !== null) expect(Buffer.from(bytes).toString('base64')).toBe(text)
          else expect(Buffer.from(text, 'base64').toString('base64')).not.toBe(text)
        },
      ),
      { numRuns: 1000 },
    )
  })
})

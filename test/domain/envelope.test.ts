import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../../src/domain/bytes/base64.js'
import { canonical, canonicalBytes, parseCanonical } from '../../src/domain/bytes/digest.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { Fence, PAYLOAD_TYPES, type PayloadKind } from '../../src/domain/shapes/envelope.js'
import { parseAs } from '../../src/domain/shapes/parse.js'
import {
  decodePayload,
  envelopeDigest,
  openEnvelope,
  pae,
  readKeyIds,
  verifySignature,
} from '../../src/domain/signed/envelope.js'
import { addSignature, generateEd25519, signEnvelope, signerFromPem } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { createPasskey, signWithPasskey } from '../support/authenticator.js'
import { fence, key, sealed, signer, verified, withSig } from '../support/sealed.js'
import { L, little } from '../support/signatures.js'

const KINDS = Object.keys(PAYLOAD_TYPES) as PayloadKind[]
const hex = (value: string): Uint8Array => Buffer.from(value, 'hex')
const text = (value: string): Uint8Array => Buffer.from(value)
const bytesOf = (value: string): Uint8Array => fromBase64(value) ?? new Uint8Array()

const opened = (payload: Uint8Array) =>
  openEnvelope({
    envelope: { ...sealed, payload: toBase64(payload) },
    kind: 'fence',
    parse: parseAs(Fence),
  })

describe('the pre-authentication encoding', () => {
  it('is that of the DSSE v1 protocol', () => {
    const encoded = pae('http://example.com/HelloWorld', text('hello world'))
    expect(Buffer.from(encoded).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    )
  })

  it('counts bytes, not characters', () => {
    expect(Buffer.from(pae('é', text('ü€'))).toString()).toBe('DSSEv1 2 é 5 ü€')
  })

  test.prop([fc.string(), fc.uint8Array(), fc.string(), fc.uint8Array()])(
    'is equal only for equal types and payloads',
    (typeA, bodyA, typeB, bodyB) => {
      fc.pre(typeA.isWellFormed() && typeB.isWellFormed())
      const same = typeA === typeB && Buffer.compare(bodyA, bodyB) === 0
      expect(Buffer.compare(pae(typeA, bodyA), pae(typeB, bodyB)) === 0).toBe(same)
    },
  )
})

describe('an Ed25519 signature', () => {
  it('is accepted over the exact bytes and the exact type', () => {
    expect(verified(sealed)).toBe(true)
  })

  it('is refused over any other payload or type', () => {
    const payload = toBase64(canonicalBytes({ ...fence, speed: 'cut' }))
    expect(verified({ ...sealed, payload })).toMatchObject({ refused: 'SIGNATURE_INVALID' })
    const payloadType = PAYLOAD_TYPES.decision
    expect(verified({ ...sealed, payloadType })).toMatchObject({ refused: 'SIGNATURE_INVALID' })
  })

  it('is refused for the key of another id, and for a signature that is not there', () => {
    expect(verified(sealed, { ...key, keyId: 'key_other' })).toMatchObject({
      refused: 'KEY_UNKNOWN',
      where: '/signatures/0/keyid',
    })
    const missing = { envelope: sealed, index: 1, key, verify: nodeVerify }
    expect(verifySignature(missing)).toMatchObject({ refused: 'MALFORMED', where: '/signatures/1' })
  })

  it('is refused with S + L, which is the same signature in another spelling', () => {
    const genuine = Buffer.from(bytesOf(sealed.signatures[0]?.sig ?? ''))
    const s = BigInt(`0x${Buffer.from(genuine.subarray(32)).reverse().toString('hex')}`)
    const bent = Buffer.concat([genuine.subarray(0, 32), little(s + L)])
    expect(verified(withSig(toBase64(bent)))).toMatchObject({ refused: 'SIGNATURE_INVALID' })
  })

  it.each([0, 1, 63, 65, 128])('is refused with %i bytes', (length) => {
    const bent = Buffer.concat([bytesOf(sealed.signatures[0]?.sig ?? ''), Buffer.alloc(64)])
    expect(verified(withSig(toBase64(bent.subarray(0, length))))).toMatchObject({
      refused: 'SIGNATURE_INVALID',
    })
  })

  it('is refused with any one bit changed', () => {
    const genuine = bytesOf(sealed.signatures[0]?.sig ?? '')
    for (let bit = 0; bit < 512; bit += 1) {
      const bent = genuine.slice()
      bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(verified(withSig(toBase64(bent)))).toMatchObject({ refused: 'SIGNATURE_INVALID' })
    }
  })

  it('is as long as its type may be: a section lists, everything else is about one matter', () => {
    const long = (kind: 'section' | 'fence') =>
      decodePayload({
        ...{ payloadType: PAYLOAD_TYPES[kind], payload: 'A'.repeat(100_000) },
        signatures: sealed.signatures,
      })
    expect(isRefusal(long('section'))).toBe(false)
    expect(long('fence')).toMatchObject({ refused: 'TOO_LARGE' })
  })

  it('is refused when its base64 has stray bits, line breaks or no padding', () => {
    const sig = sealed.signatures[0]?.sig ?? ''
    const stray = sig.replace(/.==$/, (tail) => `${tail === 'A==' ? 'B' : 'z'}==`)
    for (const bent of [stray, `${sig}\n`, sig.replaceAll('=', ''), ` ${sig}`, `${sig}====`])
      expect(verified(withSig(bent))).toMatchObject({ refused: 'MALFORMED' })
  })

  it('carries no assertion with it: what is not signed is not accepted beside it', () => {
    const webauthn = { authenticatorData: 'AAAA', clientDataJSON: 'AAAA' }
    const [signature] = sealed.signatures
    const envelope = { ...sealed, signatures: [{ keyid: '', sig: '', ...signature, webauthn }] }
    expect(verified(envelope)).toMatchObject({ refused: 'MALFORMED' })
  })
})

describe.each(['es256', 'ed25519'] as const)('an envelope signed with a passkey (%s)', (alg) => {
  const passkey = createPasskey(alg)
  const { publicKey, relyingParty } = passkey
  const passkeyKey = {
    ...{ keyId: 'key_passkey', alg, publicKey, relyingParty },
    assurance: 'passkey',
  } as const
  const envelope = signWithPasskey({ kind: 'fence', payload: fence, keyId: 'key_passkey', passkey })

  it('is accepted for its own bytes', () => {
    expect(verified(envelope, passkeyKey)).toBe(true)
  })

  it('is refused around other bytes, because the challenge is their hash', () => {
    const payload = toBase64(canonicalBytes({ ...fence, speed: 'cut' }))
    expect(verified({ ...envelope, payload }, passkeyKey)).toMatchObject({
      refused: 'ASSERTION_INVALID',
      where: '/signatures/0/webauthn/clientDataJSON/challenge',
    })
  })

  it('is refused as another type', () => {
    const payloadType = PAYLOAD_TYPES.mandate
    expect(verified({ ...envelope, payloadType }, passkeyKey)).toMatchObject({
      refused: 'ASSERTION_INVALID',
    })
  })

  it('is refused without its assertion, and as a plain key', () => {
    const signatures = envelope.signatures.map(({ keyid, sig }) => ({ keyid, sig }))
    expect(verified({ ...envelope, signatures }, passkeyKey)).toMatchObject({
      refused: 'ASSERTION_INVALID',
    })
    const plain = { ...passkeyKey, relyingParty: null, assurance: 'key' } as const
    expect(verified(envelope, plain)).toMatchObject({ refused: 'MALFORMED' })
  })

  it('is refused when the bundle names no relying party: nothing then proves user verification', () => {
    const unbound = { ...passkeyKey, relyingParty: null }
    expect(verified(envelope, unbound)).toMatchObject({ refused: 'ASSERTION_INVALID' })
  })

  it('is refused when made on an origin that only another key allows', () => {
    const origins = ['https://other.example']
    const elsewhere = { ...passkeyKey, relyingParty: { ...relyingParty, origins } }
    expect(verified(envelope, elsewhere)).toMatchObject({ refused: 'ASSERTION_INVALID' })
  })
})

describe('slots', () => {
  it.each(KINDS)('refuse a genuine %s in every slot of another kind', (kind) => {
    const envelope = signEnvelope({ kind, payload: fence, keyId: key.keyId, signer })
    expect(verified(envelope)).toBe(true)
    const parse = (value: unknown) => ({ value })
    for (const slot of KINDS) {
      const result = openEnvelope({ envelope, kind: slot, parse })
      expect(isRefusal(result) ? result.refused : 'opened').toBe(
        slot === kind ? 'opened' : 'WRONG_TYPE',
      )
      const relabelled = { ...envelope, payloadType: PAYLOAD_TYPES[slot] }
      expect(verified(relabelled) === true).toBe(slot === kind)
    }
  })

  it('refuse a type that only looks alike', () => {
    const genuine = PAYLOAD_TYPES.fence
    for (const payloadType of [genuine.toUpperCase(), `${genuine} `, `${genuine};v=1`, ''])
      expect(
        openEnvelope({
          envelope: { ...sealed, payloadType },
          kind: 'fence',
          parse: parseAs(Fence),
        }),
      ).toMatchObject({ refused: 'WRONG_TYPE' })
  })
})

const line = canonical(fence)
const bend = (from: string, to: string): Uint8Array => text(line.replace(from, to))

describe('a payload', () => {
  it('is read as exactly what was signed', () => {
    expect(opened(text(line))).toEqual({
      payload: fence,
      payloadBytes: new Uint8Array(text(line)),
    })
  })

  it.each<[name: string, code: string, bytes: Uint8Array]>([
    ['a key twice', 'NOT_CANONICAL', bend('{', '{"speed":"cut",')],
    ['a key twice, equal values', 'NOT_CANONICAL', bend('"v":1', '"v":1,"v":1')],
    ['a key twice, once escaped', 'NOT_CANONICAL', bend('"v":1', '"v":1,"\\u0076":1')],
    ['keys in another order', 'NOT_CANONICAL', text(JSON.stringify(fence))],
    ['white space', 'NOT_CANONICAL', bend(':', ': ')],
    ['a newline at the end', 'NOT_CANONICAL', text(`${line}\n`)],
    ['an escape that needs none', 'NOT_CANONICAL', bend('stop', '\\u0073top')],
    ['1.0 for 1', 'NOT_CANONICAL', bend('"v":1', '"v":1.0')],
    ['1e0 for 1', 'NOT_CANONICAL', bend('"v":1', '"v":1e0')],
    ['-0', 'NOT_CANONICAL', bend('"v":1', '"v":-0')],
    ['1e400', 'NOT_CANONICAL', bend('"v":1', '"v":1e400')],
    ['2^53 + 1', 'NOT_CANONICAL', bend('"v":1', '"v":9007199254740993')],
    ['2^53', 'NOT_CANONICAL', bend('"v":1', '"v":9007199254740992')],
    ['a fraction', 'NOT_CANONICAL', bend('"v":1', '"v":1.5')],
    ['a lone surrogate', 'NOT_CANONICAL', bend('stop', '\\ud800')],
    ['a lone surrogate in a key', 'NOT_CANONICAL', bend('"v"', '"\\udc00"')],
    ['a lone surrogate in raw bytes', 'MALFORMED', Buffer.concat([hex('22eda08022')])],
    ['an overlong slash', 'MALFORMED', hex('22c0af22')],
    ['a byte-order mark', 'MALFORMED', text(`\uFEFF${line}`)],
    ['UTF-16', 'MALFORMED', Buffer.from(line, 'utf16le')],
    ['bytes after it', 'MALFORMED', text(`${line}{}`)],
    ['a zero byte after it', 'MALFORMED', text(`${line}\0`)],
    ['a comment', 'MALFORMED', text(`${line}//`)],
    ['NaN', 'MALFORMED', bend('"v":1', '"v":NaN')],
    ['nothing', 'MALFORMED', text('')],
    ['deep nesting', 'NOT_CANONICAL', text(`${'['.repeat(18)}${']'.repeat(18)}`)],
    ['very deep nesting', 'NOT_CANONICAL', text(`${'['.repeat(32000)}${']'.repeat(32000)}`)],
    ['64 KiB and a byte', 'TOO_LARGE', text(`"${'x'.repeat(64 * 1024 - 1)}"`)],
    ['__proto__', 'NOT_CANONICAL', text(`{"__proto__":{"speed":"cut"},${line.slice(1)}`)],
    [
      '__proto__ for a field',
      'NOT_CANONICAL',
      text(`{"__proto__":{"v":1},${line.slice(1).replace(',"v":1', '')}`),
    ],
    ['an unknown field', 'UNKNOWN_FIELD', text(canonical({ ...fence, z: 1 }))],
    ['an unknown field inside', 'UNKNOWN_FIELD', bend('"partner"', '"partner","z":1')],
    ['a field missing', 'MALFORMED', bend(',"v":1', '')],
    ['a later version', 'NEWER_VERSION', bend('"v":1', '"v":2')],
    ['the type of another payload', 'MALFORMED', bend('"type":"fence"', '"type":"claim"')],
    ['null', 'MALFORMED', text('null')],
    ['a list', 'MALFORMED', text(`[${line}]`)],
  ])('is refused with %s', (_name, code, bytes) => {
    expect(opened(bytes)).toMatchObject({ refused: code })
  })

  it('is refused when its base64 has another spelling, or is too long to decode', () => {
    const { payload } = sealed
    for (const bent of [`${payload}\n`, `${payload}====`, `=${payload}`, 'AB==', 'A', '-_-_'])
      expect(decodePayload({ ...sealed, payload: bent })).toMatchObject({ refused: 'MALFORMED' })
    const long = { ...sealed, payload: 'A'.repeat(100_000) }
    expect(decodePayload(long)).toMatchObject({ refused: 'TOO_LARGE' })
  })

  test.prop([fc.array(fc.constantFrom('AQ==', 'Ag==', 'AQ=', '*', ''), { minLength: 2 })])(
    'is decoded from its own text, whatever was decoded before',
    (payloads) => {
      for (const payload of payloads) {
        const bytes = fromBase64(payload)
        const decoded = decodePayload({ ...sealed, payload })
        if (bytes === null) expect(decoded).toMatchObject({ refused: 'MALFORMED' })
        else expect(decoded).toEqual(bytes)
      }
    },
  )

  test.prop([fc.oneof(fc.json(), fc.json().map(canonicalOf), fc.string())])(
    'that is accepted is the canonical form of what was read',
    (document) => {
      const parsed = parseCanonical(text(document))
      if (!isRefusal(parsed)) expect(canonical(parsed.value)).toBe(document)
    },
  )

  test.prop([fc.uint8Array({ maxLength: 200 })])('of any bytes gets an answer', (bytes) => {
    expect(isRefusal(opened(bytes))).toBe(true)
  })
})

function canonicalOf(document: string): string {
  return canonical(JSON.parse(document))
}

describe('signing', () => {
  it('adds signatures for a threshold, each of which verifies', () => {
    const other = generateEd25519()
    const second = { keyId: 'key_second', alg: 'ed25519', publicKey: other.publicKey } as const
    const both = addSignature({
      ...{ envelope: sealed, keyId: second.keyId },
      signer: signerFromPem(other.privateKeyPem),
    })
    expect(readKeyIds(both)).toEqual(['key_owner', 'key_second'])
    for (const [index, by] of [key, second].entries())
      expect(verifySignature({ envelope: both, index, key: by, verify: nodeVerify })).toBe(true)
    expect(() => addSignature({ envelope: both, keyId: 'key_second', signer })).toThrow(TypeError)
  })

  it('throws rather than sign what no reader would accept', () => {
    for (const payload of [{ v: 1.5 }, { v: 'x'.repeat(70_000) }, undefined])
      expect(() => signEnvelope({ kind: 'fence', payload, keyId: key.keyId, signer })).toThrow(
        TypeError,
      )
  })

  it('gives an envelope with another signature another digest', () => {
    expect(envelopeDigest(sealed)).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(envelopeDigest(withSig('AAAA'))).not.toBe(envelopeDigest(sealed))
    expect(envelopeDigest({ ...sealed })).toBe(envelopeDigest(sealed))
  })
})

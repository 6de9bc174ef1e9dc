import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64, toBase64Url } from '../../src/domain/bytes/base64.js'
import { checkAssertion } from '../../src/domain/signed/webauthn.js'
import { nodeVerify } from '../../src/keys/verify.js'
import {
  AT,
  BE,
  type Bend,
  BS,
  createPasskey,
  ED,
  type Passkey,
  type PasskeySignature,
  UP,
  UV,
} from '../support/authenticator.js'
import { derOf, es256Numbers, ORDER } from '../support/signatures.js'

const challenge = createHash('sha256').update('the bytes an owner signs').digest()
const bytesOf = (text: string): Uint8Array => fromBase64(text) ?? new Uint8Array()

function check(passkey: Passkey, signed: PasskeySignature) {
  return checkAssertion({
    assertion: signed.webauthn,
    relyingParty: passkey.relyingParty,
    challenge,
    key: { alg: passkey.alg, publicKey: bytesOf(passkey.publicKey) },
    signature: bytesOf(signed.sig),
    verify: nodeVerify,
  })
}

const text = (value: string): Uint8Array => Buffer.from(value)
const said = { type: 'webauthn.get', challenge: toBase64Url(challenge) }
const origin = 'https://console.example'
const json = (value: unknown): Uint8Array => text(JSON.stringify(value))
const clientData = { ...said, origin, crossOrigin: false }

/** Signed by the genuine passkey; only the named field is wrong. */
const BENT: readonly [name: string, where: string, bend: Bend][] = [
  ['an attestation', 'clientDataJSON/type', { clientData: { type: 'webauthn.create' } }],
  ['a payment', 'clientDataJSON/type', { clientData: { type: 'payment.get' } }],
  ['no type', 'clientDataJSON/type', { clientData: { type: undefined } }],
  ['no challenge', 'clientDataJSON/challenge', { clientData: { challenge: undefined } }],
  ['an empty challenge', 'clientDataJSON/challenge', { clientData: { challenge: '' } }],
  [
    'the challenge of other bytes',
    'clientDataJSON/challenge',
    { clientData: { challenge: toBase64Url(Buffer.alloc(32, 7)) } },
  ],
  [
    'the challenge in padded base64',
    'clientDataJSON/challenge',
    { clientData: { challenge: toBase64(challenge) } },
  ],
  [
    'the challenge cut short',
    'clientDataJSON/challenge',
    { clientData: { challenge: said.challenge.slice(0, -2) } },
  ],
  [
    'a challenge that is a list',
    'clientDataJSON/challenge',
    { clientData: { challenge: [said.challenge] } },
  ],
  ['no origin', 'clientDataJSON/origin', { clientData: { origin: undefined } }],
  ['a foreign origin', 'clientDataJSON/origin', { clientData: { origin: 'https://evil.example' } }],
  [
    'an origin over http',
    'clientDataJSON/origin',
    { clientData: { origin: 'http://console.example' } },
  ],
  ['another port', 'clientDataJSON/origin', { clientData: { origin: `${origin}:8443` } }],
  ['a subdomain', 'clientDataJSON/origin', { clientData: { origin: 'https://x.console.example' } }],
  ['a longer host', 'clientDataJSON/origin', { clientData: { origin: `${origin}.evil.example` } }],
  ['an origin with a slash', 'clientDataJSON/origin', { clientData: { origin: `${origin}/` } }],
  [
    'an origin in capitals',
    'clientDataJSON/origin',
    { clientData: { origin: origin.toUpperCase() } },
  ],
  [
    'a frame of another origin',
    'clientDataJSON/crossOrigin',
    { clientData: { crossOrigin: true } },
  ],
  ['crossOrigin as text', 'clientDataJSON/crossOrigin', { clientData: { crossOrigin: 'false' } }],
  ['crossOrigin null', 'clientDataJSON/crossOrigin', { clientData: { crossOrigin: null } }],
  ['a top origin', 'clientDataJSON/topOrigin', { clientData: { topOrigin: origin } }],
  ['client data that is no JSON', 'clientDataJSON', { clientDataBytes: text('{"type":') }],
  ['client data that is a list', 'clientDataJSON', { clientDataBytes: json([clientData]) }],
  ['client data null', 'clientDataJSON', { clientDataBytes: text('null') }],
  [
    'client data with a byte-order mark',
    'clientDataJSON',
    { clientDataBytes: text(`\uFEFF${JSON.stringify(clientData)}`) },
  ],
  [
    'client data that is not UTF-8',
    'clientDataJSON',
    { clientDataBytes: Buffer.from([0x7b, 0xff, 0x7d]) },
  ],
  ['client data of 5 kB', 'clientDataJSON', { clientData: { pad: 'x'.repeat(5000) } }],
  ['another relying party', 'authenticatorData/rpIdHash', { rpId: 'evil.example' }],
  ['the parent domain', 'authenticatorData/rpIdHash', { rpId: 'example' }],
  ['no user present', 'authenticatorData/flags', { flags: UV }],
  ['no user verified', 'authenticatorData/flags', { flags: UP }],
  ['no flags', 'authenticatorData/flags', { flags: 0 }],
  ['backed up but not eligible', 'authenticatorData/flags', { flags: UP | UV | BS }],
  [
    'attested credential data',
    'authenticatorData/flags',
    { flags: UP | UV | AT, tail: Buffer.alloc(60) },
  ],
  ['extensions announced, none there', 'authenticatorData/extensions', { flags: UP | UV | ED }],
  [
    'extensions that are no map',
    'authenticatorData/extensions',
    { flags: UP | UV | ED, tail: Buffer.of(0x80) },
  ],
  [
    'extensions cut short',
    'authenticatorData/extensions',
    { flags: UP | UV | ED, tail: Buffer.of(0xa1, 0x61) },
  ],
  [
    'bytes after the extensions',
    'authenticatorData/extensions',
    { flags: UP | UV | ED, tail: Buffer.of(0xa0, 0x00) },
  ],
  ['bytes nobody announced', 'authenticatorData/extensions', { tail: Buffer.of(0xa0) }],
  ['authenticator data of 36 bytes', 'authenticatorData', { authenticatorData: Buffer.alloc(36) }],
  ['no authenticator data', 'authenticatorData', { authenticatorData: Buffer.alloc(0) }],
]

/** `{"x": [1, h'00', "a", true, -1.5 (float16), 0 (tagged)]}` */
const EXTENSIONS = Buffer.from('a16178860141006161f5f9be00c000', 'hex')

const FINE: readonly [name: string, bend: Bend][] = [
  ['a passkey bound to its device', {}],
  ['a synced passkey', { flags: UP | UV | BE | BS }],
  ['a passkey that may be synced', { flags: UP | UV | BE }],
  ['no crossOrigin', { clientData: { crossOrigin: undefined } }],
  ['a field of a newer client', { clientData: { other_keys_can_be_added_here: 'x' } }],
  ['a counter', { counter: 0xffffffff }],
  ['reserved flag bits', { flags: UP | UV | 0x22 }],
  ['unsolicited extensions', { flags: UP | UV | ED, tail: EXTENSIONS }],
]

describe.each(['es256', 'ed25519'] as const)('an assertion by a passkey (%s)', (alg) => {
  const passkey = createPasskey(alg)

  it.each(FINE)('is accepted: %s', (_name, bend) => {
    expect(check(passkey, passkey.assert(challenge, bend))).toBe(true)
  })

  it.each(BENT)('is refused, though genuinely signed: %s', (_name, where, bend) => {
    expect(check(passkey, passkey.assert(challenge, bend))).toMatchObject({
      refused: 'ASSERTION_INVALID',
      where: `/webauthn/${where}`,
    })
  })

  it('is refused when any one byte of what was signed is changed', () => {
    const signed = passkey.assert(challenge)
    const { authenticatorData, clientDataJSON } = signed.webauthn
    for (const field of ['authenticatorData', 'clientDataJSON'] as const) {
      const genuine = bytesOf({ authenticatorData, clientDataJSON }[field])
      for (const index of genuine.keys()) {
        const bent = genuine.slice()
        bent[index] = (bent[index] ?? 0) ^ 0x20
        const webauthn = { ...signed.webauthn, [field]: toBase64(bent) }
        expect(check(passkey, { ...signed, webauthn })).not.toBe(true)
      }
    }
  })

  it('is refused when any one byte of the signature is changed', () => {
    const signed = passkey.assert(challenge)
    const genuine = bytesOf(signed.sig)
    for (const index of genuine.keys()) {
      const bent = genuine.slice()
      bent[index] = (bent[index] ?? 0) ^ 0x01
      expect(check(passkey, { ...signed, sig: toBase64(bent) })).toMatchObject({
        refused: 'SIGNATURE_INVALID',
        where: '/sig',
      })
    }
  })

  it('is refused with an empty, cut or lengthened signature', () => {
    const signed = passkey.assert(challenge)
    const genuine = Buffer.from(bytesOf(signed.sig))
    const bent = [Buffer.alloc(0), genuine.subarray(0, -1), Buffer.concat([genuine, Buffer.of(0)])]
    for (const sig of bent)
      expect(check(passkey, { ...signed, sig: toBase64(sig) })).toMatchObject({
        refused: 'SIGNATURE_INVALID',
      })
  })

  it('is refused when another passkey made it', () => {
    const other = createPasskey(alg)
    const signed = other.assert(challenge)
    expect(check(passkey, signed)).toMatchObject({ refused: 'SIGNATURE_INVALID' })
  })

  it.each(['authenticatorData', 'clientDataJSON'] as const)(
    'is refused when %s is base64url, unpadded or has stray bits',
    (field) => {
      const signed = passkey.assert(challenge)
      for (const bent of ['-_8=', 'AAA', 'AB==', 'AAAA\n', 'A===']) {
        const webauthn = { ...signed.webauthn, [field]: bent }
        expect(check(passkey, { ...signed, webauthn })).toMatchObject({
          refused: 'MALFORMED',
          where: `/webauthn/${field}`,
        })
      }
    },
  )
})

describe('an ES256 assertion', () => {
  const passkey = createPasskey('es256')
  const signed = passkey.assert(challenge)
  const { r, s } = es256Numbers(bytesOf(signed.sig))
  const withSignature = (sig: Uint8Array) => check(passkey, { ...signed, sig: toBase64(sig) })

  it('is accepted with either S, because authenticators emit both', () => {
    expect(withSignature(derOf({ r, s }))).toBe(true)
    expect(withSignature(derOf({ r, s: ORDER - s }))).toBe(true)
  })

  it.each([
    ['r = 0', { r: 0n, s }],
    ['s = 0', { r, s: 0n }],
    ['r = s = 0', { r: 0n, s: 0n }],
    ['r = n', { r: ORDER, s }],
    ['s = n', { r, s: ORDER }],
    ['s + n, where that fits', { r, s: s + ORDER }],
    ['r and s swapped', { r: s, s: r }],
  ])('is refused with %s', (_name, numbers) => {
    expect(withSignature(derOf(numbers))).toMatchObject({ refused: 'SIGNATURE_INVALID' })
  })

  it('is refused in raw form, in BER, and with bytes after it', () => {
    const der = Buffer.from(derOf({ r, s }))
    const raw = Buffer.from(
      r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'),
      'hex',
    )
    const longLength = Buffer.concat([Buffer.of(0x30, 0x81, der.length - 2), der.subarray(2)])
    const first = der.subarray(2, 4 + (der[3] ?? 0))
    const padded = Buffer.concat([Buffer.of(0x02, first.length - 1, 0), first.subarray(2)])
    const rest = der.subarray(2 + first.length)
    const zeroPadded = Buffer.concat([
      Buffer.of(0x30, padded.length + rest.length),
      ...[padded, rest],
    ])
    const inside = Buffer.concat([Buffer.of(0x30, der.length), der.subarray(2), Buffer.of(5, 0)])
    for (const sig of [raw, longLength, zeroPadded, inside, Buffer.concat([der, Buffer.of(0)])])
      expect(withSignature(sig)).toMatchObject({ refused: 'SIGNATURE_INVALID' })
  })
})

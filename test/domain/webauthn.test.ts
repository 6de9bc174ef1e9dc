import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../../src/domain/bytes/base64.js'
import { checkAssertion } from '../../src/domain/signed/webauthn.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { BENT, challenge, FINE } from '../support/assertions.js'
import { createPasskey, type Passkey, type PasskeySignature } from '../support/authenticator.js'
import { derOf, es256Numbers, ORDER } from '../support/signatures.js'

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

import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { generateEd25519, signerFromKey, signerFromPem } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { derOf, es256Numbers, fromLittle, L, little, ORDER, P } from '../support/signatures.js'

const message = Buffer.from('exactly these bytes')
const raw = ({ r, s }: { r: bigint; s: bigint }) =>
  Buffer.from(r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'), 'hex')

describe('ES256', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { publicKey } = signerFromKey(privateKey)
  const { r, s } = es256Numbers(sign('sha256', message, privateKey))
  const verify = (signature: Uint8Array) =>
    nodeVerify({ alg: 'es256', publicKey, message, signature })

  it('accepts raw and DER, with either S, as OpenSSL and authenticators emit them', () => {
    for (const either of [s, ORDER - s]) {
      expect(verify(raw({ r, s: either }))).toBe(true)
      expect(verify(derOf({ r, s: either }))).toBe(true)
    }
  })

  it('accepts what a signer signs', () => {
    expect(verify(signerFromKey(privateKey).sign(message))).toBe(true)
  })

  it.each([
    ['0, 0', { r: 0n, s: 0n }],
    ['0, s', { r: 0n, s }],
    ['r, 0', { r, s: 0n }],
    ['n, s', { r: ORDER, s }],
    ['r, n', { r, s: ORDER }],
    ['2^256 - 1, s', { r: 2n ** 256n - 1n, s }],
  ])('refuses (%s)', (_name, numbers) => {
    expect(verify(raw(numbers))).toBe(false)
    expect(verify(derOf(numbers))).toBe(false)
  })

  it('refuses for another message and for another key', () => {
    const other = signerFromKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    const signature = raw({ r, s })
    const bent = Buffer.from('other bytes')
    expect(nodeVerify({ alg: 'es256', publicKey, message: bent, signature })).toBe(false)
    const foreign = { alg: 'es256', publicKey: other.publicKey, message, signature } as const
    expect(nodeVerify(foreign)).toBe(false)
  })
})

/** A signature whose R is the identity point, which the holder of the key can make; `R` is how it is spelled. */
function withIdentityR(pem: string, R: Uint8Array): Uint8Array {
  const seed = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' }).subarray(-32)
  const half = createHash('sha512').update(seed).digest().subarray(0, 32)
  half[0] = (half[0] ?? 0) & 248
  half[31] = ((half[31] ?? 0) & 63) | 64
  const { publicKey } = signerFromPem(pem)
  const hash = createHash('sha512').update(R).update(publicKey).update(message).digest()
  return Buffer.concat([R, little((fromLittle(hash) * fromLittle(half)) % L)])
}

describe('Ed25519', () => {
  const { privateKeyPem } = generateEd25519()
  const { publicKey } = signerFromPem(privateKeyPem)
  const verify = (signature: Uint8Array) =>
    nodeVerify({ alg: 'ed25519', publicKey, message, signature })

  it('refuses an R of small order, however it is spelled, though the equation holds', () => {
    const negativeZero = little(1n + 2n ** 255n)
    expect(verify(withIdentityR(privateKeyPem, little(1n)))).toBe(false)
    expect(verify(withIdentityR(privateKeyPem, little(P + 1n)))).toBe(false)
    expect(verify(withIdentityR(privateKeyPem, negativeZero))).toBe(false)
  })

  it('refuses S + L for every multiple that fits', () => {
    const genuine = Buffer.from(signerFromPem(privateKeyPem).sign(message))
    expect(verify(genuine)).toBe(true)
    const s = fromLittle(genuine.subarray(32))
    for (let bent = s + L; bent < 2n ** 256n; bent += L)
      expect(verify(Buffer.concat([genuine.subarray(0, 32), little(bent)]))).toBe(false)
  })
})

describe('nodeVerify', () => {
  it('accepts keys of either sign bit, and leaves their bytes as they were', () => {
    const seen = new Set<number>()
    for (let made = 0; seen.size < 2 && made < 200; made += 1) {
      const signer = signerFromPem(generateEd25519().privateKeyPem)
      const publicKey = Buffer.from(signer.publicKey)
      const before = publicKey.toString('hex')
      const signature = signer.sign(message)
      expect(nodeVerify({ alg: 'ed25519', publicKey, message, signature })).toBe(true)
      expect(publicKey.toString('hex')).toBe(before)
      seen.add((publicKey[31] ?? 0) >> 7)
    }
    expect(seen.size).toBe(2)
  })

  test.prop([
    fc.constantFrom('ed25519' as const, 'es256' as const),
    fc.oneof(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ minLength: 32, maxLength: 32 })),
    fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ minLength: 64, maxLength: 64 })),
  ])('answers no to bytes that are no key or no signature', (alg, publicKey, signature) => {
    expect(nodeVerify({ alg, publicKey, message, signature })).toBe(false)
  })

  it('still knows a key after more keys than it keeps', () => {
    const signers = Array.from({ length: 1100 }, () =>
      signerFromPem(generateEd25519().privateKeyPem),
    )
    const all = () =>
      signers.every((signer) =>
        nodeVerify({
          ...{ alg: 'ed25519', publicKey: signer.publicKey },
          ...{ message, signature: signer.sign(message) },
        }),
      )
    expect(all()).toBe(true)
    expect(all()).toBe(true)
  })
})

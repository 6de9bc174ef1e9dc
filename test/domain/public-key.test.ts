/** Keys with which a signature proves nothing are refused before it is looked at. */
import { createPublicKey, verify as opensslVerify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { toBase64 } from '../../src/domain/bytes/base64.js'
import { canonicalBytes } from '../../src/domain/bytes/digest.js'
import { pae, verifySignature } from '../../src/domain/signed/envelope.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { fence, key, sealed, verified, withSig } from '../support/sealed.js'
import { little, P } from '../support/signatures.js'

const hex = (value: string): Uint8Array => Buffer.from(value, 'hex')
const Y8 = '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'
const MINUS_Y8 = 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
const signBit = (y: Uint8Array): Uint8Array => {
  const bent = Uint8Array.from(y)
  bent[31] = (bent[31] ?? 0) | 0x80
  return bent
}
const CANONICAL = [little(0n), little(1n), little(P - 1n), hex(Y8), hex(MINUS_Y8)]
const NON_CANONICAL = Array.from({ length: 19 }, (_, above) => little(P + BigInt(above)))
const WEAK = [...CANONICAL, ...NON_CANONICAL].flatMap((y) => [y, signBit(y)])

/** Plain OpenSSL, without the checks of this product. */
function openssl(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const spki = Buffer.concat([hex('302a300506032b6570032100'), publicKey])
  const imported = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  return opensslVerify(null, message, imported, signature)
}

/** Newer releases refuse points of small order themselves; there is nothing to show there. */
const LENIENT = openssl(
  little(1n),
  Buffer.from('any message'),
  Buffer.concat([little(1n), little(0n)]),
)

describe('a weak Ed25519 key', () => {
  it.each(WEAK.map((bytes) => [Buffer.from(bytes).toString('hex'), bytes] as const))(
    'is refused before its signature is looked at: %s',
    (_name, bytes) => {
      const weak = { ...key, publicKey: toBase64(bytes) }
      const check = { envelope: sealed, index: 0, key: weak, verify: () => true }
      expect(verifySignature(check)).toMatchObject({ refused: 'KEY_WEAK' })
    },
  )

  it('would let an OpenSSL accept one signature for every message', () => {
    const forged = Buffer.concat([little(1n), little(0n)])
    const weak = { ...key, publicKey: toBase64(little(1n)) }
    for (const speed of ['stop', 'cut']) {
      const payload = canonicalBytes({ ...fence, speed })
      const envelope = { ...withSig(toBase64(forged)), payload: toBase64(payload) }
      const message = pae(sealed.payloadType, payload)
      expect(openssl(little(1n), message, forged)).toBe(LENIENT)
      expect(verified(envelope, weak)).toMatchObject({ refused: 'KEY_WEAK' })
      const direct = { alg: 'ed25519', publicKey: little(1n), message, signature: forged } as const
      expect(nodeVerify(direct)).toBe(false)
    }
  })

  it.runIf(LENIENT).each([
    ['order 2', little(P - 1n)],
    ['order 4', little(0n)],
    ['order 8', hex(Y8)],
    ['order 8, negative y', hex(MINUS_Y8)],
    ['order 1, not canonical', little(P + 1n)],
  ])('is forged for some message by anybody, and refused: %s', (_name, publicKey) => {
    const forged = Buffer.concat([little(1n), little(0n)])
    const messages = Array.from({ length: 400 }, (_, n) => canonicalBytes({ ...fence, n }))
    const payload = messages.find((bytes) =>
      openssl(publicKey, pae(sealed.payloadType, bytes), forged),
    )
    if (payload === undefined) throw new Error('no message that OpenSSL accepts was found')
    const envelope = { ...withSig(toBase64(forged)), payload: toBase64(payload) }
    const weak = { ...key, publicKey: toBase64(publicKey) }
    expect(verified(envelope, weak)).toMatchObject({ refused: 'KEY_WEAK' })
  })

  it.each([0, 31, 33, 64])('is refused with %i bytes', (length) => {
    const weak = { ...key, publicKey: toBase64(Buffer.alloc(length, 5)) }
    expect(verified(sealed, weak)).toMatchObject({ refused: 'KEY_WEAK' })
  })

  it('is one in another spelling: a key counts once, so only canonical base64 is a key', () => {
    const last = key.publicKey.at(-2) ?? ''
    const stray = `${key.publicKey.slice(0, -2)}${String.fromCharCode(last.charCodeAt(0) + 1)}=`
    expect(verified(sealed, { ...key, publicKey: stray })).toMatchObject({ refused: 'KEY_WEAK' })
  })
})

describe('an ES256 key', () => {
  it.each([
    ['compressed', Buffer.concat([Buffer.of(2), Buffer.alloc(32, 1)])],
    ['hybrid', Buffer.concat([Buffer.of(6), Buffer.alloc(64, 1)])],
    ['the point at infinity', Buffer.of(0)],
    ['a byte short', Buffer.concat([Buffer.of(4), Buffer.alloc(63, 1)])],
    ['empty', Buffer.alloc(0)],
  ])('is refused when %s', (_name, bytes) => {
    const weak = { ...key, alg: 'es256', publicKey: toBase64(bytes) } as const
    expect(verified(sealed, weak)).toMatchObject({ refused: 'KEY_WEAK' })
  })

  it('is refused when the point is not on the curve', () => {
    const off = toBase64(Buffer.concat([Buffer.of(4), Buffer.alloc(64, 1)]))
    const sig = toBase64(Buffer.alloc(64, 1))
    const weak = { ...key, alg: 'es256', publicKey: off } as const
    expect(verified(withSig(sig), weak)).toMatchObject({ refused: 'SIGNATURE_INVALID' })
  })
})

import { describe, expect, it } from 'vitest'
import type { Verify } from '../../src/domain/signed/envelope.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { verifyOnce } from '../../src/packet/verify/verify-once.js'
import { aKey } from '../support/authority.js'

const { signer } = aKey('key_ana')
const other = aKey('key_ben').signer
const message = new TextEncoder().encode('what was signed')
const signed = {
  alg: 'ed25519',
  publicKey: signer.publicKey,
  message,
  signature: signer.sign(message),
} as const
const flipped = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte))

describe('a signature that one verification meets again', () => {
  it('is asked of the primitive once for the very same bytes, in other buffers too', () => {
    let asked = 0
    const counting: Verify = (of) => {
      asked += 1
      return nodeVerify(of)
    }
    const verify = verifyOnce(counting)
    expect(verify(signed)).toBe(true)
    expect(verify({ ...signed, message: message.slice() })).toBe(true)
    expect(asked).toBe(1)
  })

  it('says nothing about another message, key or signature', () => {
    const verify = verifyOnce(nodeVerify)
    expect(verify(signed)).toBe(true)
    expect(verify({ ...signed, message: flipped(message) })).toBe(false)
    expect(verify({ ...signed, publicKey: other.publicKey })).toBe(false)
    expect(verify({ ...signed, signature: flipped(signed.signature) })).toBe(false)
    expect(verify(signed)).toBe(true)
  })
})

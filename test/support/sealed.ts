/** One real envelope: a fence, signed with a plain Ed25519 key. */

import type { Envelope } from '../../src/domain/shapes/envelope.js'
import { type VerificationKey, verifySignature } from '../../src/domain/signed/envelope.js'
import { generateEd25519, signEnvelope, signerFromPem } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'

const generated = generateEd25519()
export const signer = signerFromPem(generated.privateKeyPem)
export const key = { keyId: 'key_owner', alg: 'ed25519', publicKey: generated.publicKey } as const

export const fence = {
  type: 'fence',
  v: 1,
  fenceId: '01JD0000000000000000000000',
  enterprise: 'ent_acme',
  scope: { kind: 'partner', id: 'com_msp' },
  speed: 'stop',
  reasonDigest: null,
  personId: 'per_ada',
  notBefore: '2026-11-23T22:31:00.000Z',
  notAfter: '2026-11-24T22:31:00.000Z',
}
export const sealed = signEnvelope({ kind: 'fence', payload: fence, keyId: key.keyId, signer })

export const verified = (envelope: Envelope, by: VerificationKey = key) =>
  verifySignature({ envelope, index: 0, key: by, verify: nodeVerify })
export const withSig = (sig: string): Envelope => ({
  ...sealed,
  signatures: [{ keyid: key.keyId, sig }],
})

/** signerOf: whose signature is it? What one person alone sends (a decision, a fence, a revocation) begins with this. */
import { type Authority, inForce } from './authority.js'
import { type Verify, verifySignature } from './envelope.js'
import { isRefusal, type Refusal, refuse } from './refusal.js'
import type { Person, PersonKey } from './shapes/authority.js'
import type { Envelope } from './shapes/envelope.js'

export interface Signer {
  readonly person: Person
  readonly key: PersonKey
}

export interface Signed {
  readonly envelope: Envelope
  readonly authority: Authority
  readonly verify: Verify
  /** ISO time at which the key has to be in force. */
  readonly at: string
}

/**
 * UNTRUSTED: the envelope. Afterwards its exact bytes were signed once, with a key that the authority bundle
 * gives to one person, in force at that time.
 */
export function signerOf({ envelope, authority, verify, at }: Signed): Signer | Refusal {
  const [signature, ...others] = envelope.signatures
  if (signature === undefined || others.length > 0)
    return refuse('MALFORMED', '/signatures', 'it has exactly one signature')
  const signer = authority.personKeys.get(signature.keyid)
  if (signer === undefined) return refuse('KEY_UNKNOWN', '/signatures/0/keyid')
  const { key } = signer
  if (!inForce(key, at)) return refuse('KEY_REVOKED', '/signatures/0/keyid')
  const verified = verifySignature({ envelope, index: 0, key, verify })
  return isRefusal(verified) ? verified : signer
}

/** signerOf: whose signature is it? What one person alone sends (a decision, a fence, a revocation) begins with this. */

import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { Company, Person, PersonKey } from '../shapes/authority.js'
import type { Envelope } from '../shapes/envelope.js'
import { type Verify, verifySignature } from '../signed/envelope.js'
import { type Authority, inForce } from './authority.js'

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
export const signerOf = (signed: Signed): Signer | Refusal =>
  signedOnce(signed, (keyId) => signed.authority.personKeys.get(keyId))

/** What a partner signs for itself, with a claim key. */
export interface CompanySigner {
  readonly company: Company
  readonly key: Company['claimKeys'][number]
}

/** UNTRUSTED: the envelope. The same for a partner: one of its claim keys signed these bytes. */
export const companySignerOf = (signed: Signed): CompanySigner | Refusal =>
  signedOnce(signed, (keyId) => claimKeyOf(signed.authority, keyId))

/** Whether the envelope says that a partner's claim key signed it. A key that is named as a person's stands in nobody's way. */
export function holdsClaimKey({ envelope, authority }: Omit<Signed, 'verify' | 'at'>): boolean {
  const keyId = envelope.signatures[0]?.keyid ?? ''
  return !authority.personKeys.has(keyId) && claimKeyOf(authority, keyId) !== undefined
}

function claimKeyOf(authority: Authority, keyId: string): CompanySigner | undefined {
  for (const company of authority.companies.values()) {
    const key = company.claimKeys.find((item) => item.keyId === keyId)
    if (company.kind === 'partner' && key !== undefined) return { company, key }
  }
  return undefined
}

function signedOnce<Found extends Pick<Signer, 'key'> | CompanySigner>(
  { envelope, verify, at }: Signed,
  find: (keyId: string) => Found | undefined,
): Found | Refusal {
  const [signature, ...others] = envelope.signatures
  if (signature === undefined || others.length > 0)
    return refuse('MALFORMED', '/signatures', 'it has exactly one signature')
  const signer = find(signature.keyid)
  if (signer === undefined) return refuse('KEY_UNKNOWN', '/signatures/0/keyid')
  const { key } = signer
  if (!inForce(key, at)) return refuse('KEY_REVOKED', '/signatures/0/keyid')
  const verified = verifySignature({ envelope, index: 0, key, verify })
  return isRefusal(verified) ? verified : signer
}

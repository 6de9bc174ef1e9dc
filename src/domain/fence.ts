/**
 * judgeFence: may this envelope raise a fence? Any owner of something in scope, or a duty person, at
 * once; the signature is for now and cannot be replayed later. Asked at the door and again by the verifier.
 */
import { type Authority, inForce } from './authority.js'
import { openEnvelope, type Verify, verifySignature } from './envelope.js'
import { isRefusal, type Refusal, refuse } from './refusal.js'
import { type Envelope, Fence } from './shapes/envelope.js'
import { parseAs } from './shapes/parse.js'

export interface JudgingFence {
  readonly envelope: Envelope
  readonly authority: Authority
  readonly verify: Verify
  /** ISO time at which it was raised. */
  readonly at: string
}

/** UNTRUSTED: the envelope. Afterwards an active owner or duty person of the enterprise signed this fence for this time. */
export function judgeFence({ envelope, authority, verify, at }: JudgingFence): Fence | Refusal {
  const holder = authority.personKeys.get(envelope.signatures[0]?.keyid ?? '')
  if (holder === undefined) return refuse('KEY_UNKNOWN', '/signatures/0/keyid')
  const { key, person } = holder
  if (!inForce(key, at)) return refuse('KEY_REVOKED', '/signatures/0/keyid')
  const verified = verifySignature({ envelope, index: 0, key, verify })
  if (verified !== true) return verified
  const opened = openEnvelope({ envelope, kind: 'fence', parse: parseAs(Fence) })
  if (isRefusal(opened)) return opened
  const fence = opened.payload
  if (fence.enterprise !== authority.enterprise) return refuse('WRONG_ENTERPRISE', '/enterprise')
  if (fence.personId !== person.personId) return refuse('PERSON_UNKNOWN', '/personId')
  if (person.status !== 'active') return refuse('PERSON_DISABLED', '/personId')
  if (authority.companies.get(person.companyId)?.kind !== 'enterprise')
    return refuse('NOT_ALLOWED', '/personId')
  if (at < fence.notBefore) return refuse('TOO_EARLY', '/notBefore')
  if (at >= fence.notAfter) return refuse('EXPIRED', '/notAfter')
  const mayFence = person.duties.includes('duty-person') || ownsInScope(authority, fence)
  return mayFence ? fence : refuse('NOT_ALLOWED', '/personId')
}

const ownsInScope = (authority: Authority, { personId, scope }: Fence): boolean =>
  [...authority.identities.values()].some(
    (identity) =>
      identity.ownerId === personId &&
      ((scope.kind === 'identity' && identity.identityId === scope.id) ||
        (scope.kind === 'system' && identity.systemId === scope.id) ||
        (scope.kind === 'partner' && identity.custodian === scope.id)),
  )

/**
 * A *principal* is who asks, as the authority bundle says: a person of the enterprise, a partner's machine, or
 * a person of a partner. The token names an account; only the signed bundle says whose it is. A *signer* is
 * the person whose key signed an envelope, which needs no issuer.
 */
import type { Role } from '../contract/routes.js'
import { type Authority, inForce } from '../domain/authority/authority.js'
import { companySignerOf, holdsClaimKey } from '../domain/authority/signer.js'
import { withDuty } from '../domain/policy/policy.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import type { Person } from '../domain/shapes/authority.js'
import type { Envelope } from '../domain/shapes/envelope.js'
import { type Verify, verifySignature } from '../domain/signed/envelope.js'
import type { TokenSubject } from './token.js'

export interface Principal {
  readonly kind: 'partner' | 'enterprise'
  readonly companyId: string
  readonly personId: string | null
}

interface Account {
  readonly issuer: string
  readonly subject: string
}

/** NOT_ALLOWED for an account that is nobody's, somebody disabled's, or more than one's. */
export function principalOf(authority: Authority, subject: TokenSubject): Principal | Refusal {
  const owns = (account: Account): boolean =>
    account.issuer === subject.issuer && account.subject === subject.subject
  const persons = [...authority.persons.values()].filter((person) => person.accounts.some(owns))
  // A machine's token names the same client twice; a person's sign-in through that client is not the machine.
  const machine = subject.subject === subject.clientId
  const companies = [...authority.companies.values()].filter(
    ({ clients }) => machine && clients.some(owns),
  )
  const [person] = persons
  const [company] = companies
  if (persons.length + companies.length !== 1)
    return refuse('NOT_ALLOWED', '/Authorization', 'the account belongs to nobody here')
  if (person !== undefined) return personPrincipal(authority, person)
  if (company === undefined || company.kind !== 'partner')
    return refuse('NOT_ALLOWED', '/Authorization', 'not a client of a partner')
  return { kind: 'partner', companyId: company.companyId, personId: null }
}

function personPrincipal(authority: Authority, person: Person): Principal | Refusal {
  const company = authority.companies.get(person.companyId)
  if (person.status !== 'active') return refuse('PERSON_DISABLED', '/Authorization')
  if (company === undefined) return refuse('NOT_ALLOWED', '/Authorization')
  return { kind: company.kind, companyId: company.companyId, personId: person.personId }
}

/** In which roles this principal may use a route. An auditor is one within the span of the audit, and never more. */
export function rolesOf(
  authority: Authority,
  { kind, personId, at }: Principal & { readonly at: string },
): readonly Role[] {
  if (kind === 'partner') return [personId === null ? 'partner' : 'partner-person']
  const audit = personId === null ? undefined : authority.persons.get(personId)?.audit
  if (audit !== undefined) return audit.from <= at && at < audit.until ? ['auditor'] : []
  return personId !== null && operatorsOf(authority).includes(personId)
    ? ['enterprise', 'operator']
    : ['enterprise']
}

/** Persons of the enterprise with the duty of an operator; where nobody has it, its officers and duty persons. */
function operatorsOf(authority: Authority): readonly string[] {
  const named = withDuty(authority, 'operator')
  if (named.length > 0) return named
  return [...withDuty(authority, 'officer'), ...withDuty(authority, 'duty-person')]
}

/**
 * UNTRUSTED: the envelope. Whose key signed exactly these bytes, or null. It says who sends, and authorises
 * nothing: whether the payload counts is judged by whoever admits it.
 */
export function signerOf(input: {
  readonly authority: Authority
  readonly envelope: Envelope
  readonly verify: Verify
  readonly at: string
}): Principal | null {
  const { authority, envelope, verify, at } = input
  if (holdsClaimKey(input)) {
    const signer = companySignerOf(input)
    return isRefusal(signer)
      ? null
      : { kind: 'partner', companyId: signer.company.companyId, personId: null }
  }
  const holder = authority.personKeys.get(envelope.signatures[0]?.keyid ?? '')
  if (holder === undefined || !inForce(holder.key, at)) return null
  if (verifySignature({ envelope, index: 0, key: holder.key, verify }) !== true) return null
  const principal = personPrincipal(authority, holder.person)
  return 'refused' in principal ? null : principal
}

/** Names the tenant in idempotency keys: a partner is one, whichever of its machines asks. */
export const tenantOf = (principal: Principal): string =>
  principal.kind === 'partner' ? principal.companyId : (principal.personId ?? principal.companyId)

/**
 * Why an identity is over, if it is: its registered business need has ended, or every contract under which its
 * custodian kept it, and no other partner's contract names it. Nobody has to ask; the access goes.
 */
import { type Authority, within } from '../authority/authority.js'
import { contractsWith } from '../authority/matter.js'
import type { Identity } from '../shapes/authority.js'

export interface End {
  readonly of: 'need' | 'contract'
  readonly at: string
}

export function endOf(
  authority: Authority,
  { identity, at }: { readonly identity: Identity; readonly at: string },
): End | null {
  const { until } = identity.need
  return at >= until ? { of: 'need', at: until } : endOfContracts(authority, { identity, at })
}

/** A custodian who never had a contract had none that could end. */
function endOfContracts(
  authority: Authority,
  { identity, at }: { readonly identity: Identity; readonly at: string },
): End | null {
  const ends = contractsWith(authority, identity.custodian ?? '').map(({ notAfter }) => notAfter)
  const last = ends.toSorted().at(-1)
  if (last === undefined || at < last || isCovered(authority, { identity, at })) return null
  return { of: 'contract', at: last }
}

/** A clause in force, of an acknowledged contract in force, that names the identity itself. */
const isCovered = (
  authority: Authority,
  { identity, at }: { readonly identity: Identity; readonly at: string },
): boolean =>
  authority.contracts.some(
    (contract) =>
      within(contract, at) &&
      authority.acknowledged.has(contract.contractId) &&
      contract.clauses.some(
        (clause) => within(clause, at) && clause.identities?.includes(identity.identityId),
      ),
  )

/**
 * The *matter* of a case: what its scope holds, as the authority knows it today. Policy rules, mandates and
 * approvers follow from it, never from what was asked.
 */

import { type Refusal, refuse } from '../refusal.js'
import type { Asked } from '../shapes/asked.js'
import type { Contract, Identity, Person } from '../shapes/authority.js'
import type { CaseScope } from '../shapes/basic.js'
import type { Authority } from './authority.js'

export interface Matter {
  readonly scope: CaseScope
  /** Null when the case is about more than one. */
  readonly identity: Identity | null
  /** Every identity in the scope. */
  readonly identities: readonly Identity[]
  readonly tier: Identity['tier']
  readonly systemId: string | null
  readonly objectiveId: string | null
  /** The one person who answers for it. */
  readonly ownerId: string
}

export const identityScope = (id: string): CaseScope => ({ kind: 'identity', id })

/** Refuses IDENTITY_UNKNOWN for what is not registered, NO_OWNER when nobody answers for it. */
export function matterOf(authority: Authority, scope: CaseScope): Matter | Refusal {
  if (scope.kind === 'identity') return ofIdentity(authority, scope)
  if (!isKnown(authority, scope))
    return refuse('IDENTITY_UNKNOWN', '/scope/id', `no ${scope.kind} of this id is registered`)
  const identities = [...authority.identities.values()].filter(
    ({ custodian }) => scope.kind === 'enterprise' || custodian === scope.id,
  )
  const ownerId = answersFor(authority, scope)
  if (ownerId === undefined)
    return refuse('NO_OWNER', '/scope/id', `nobody answers for this ${scope.kind}`)
  return {
    ...{ scope, identity: null, identities, ownerId, systemId: null },
    ...inCommon(identities),
  }
}

function ofIdentity(authority: Authority, scope: CaseScope): Matter | Refusal {
  const identity = authority.identities.get(scope.id)
  if (identity === undefined) return refuse('IDENTITY_UNKNOWN', '/identityId')
  const { tier, systemId, objectiveId, ownerId } = identity
  return { scope, identity, identities: [identity], tier, systemId, objectiveId, ownerId }
}

/** A page is about the identities on it that are still in the scope; other kinds about all that the scope holds. */
export function narrowed(matter: Matter, asked: Asked): Matter {
  if (asked.kind !== 'recertify') return matter
  const identities = matter.identities.filter(({ identityId }) =>
    asked.identities.includes(identityId),
  )
  return { ...matter, ...inCommon(identities), identities, ownerId: asked.ownerId }
}

/** What identities have in common: the strictest tier, and their objective if it is one. */
function inCommon(identities: readonly Identity[]): Pick<Matter, 'tier' | 'objectiveId'> {
  const [only, ...others] = new Set(identities.map(({ objectiveId }) => objectiveId))
  return {
    tier: identities.map(({ tier }) => tier).sort()[0] ?? 'tier0',
    objectiveId: others.length > 0 ? null : (only ?? null),
  }
}

const isKnown = (authority: Authority, { kind, id }: CaseScope): boolean =>
  kind === 'partner' ? authority.companies.get(id)?.kind === 'partner' : id === authority.enterprise

/** A partner has the owner of its newest contract; the enterprise the first of its officers. */
function answersFor(authority: Authority, { kind, id }: CaseScope): string | undefined {
  if (kind === 'partner') return newest(contractsWith(authority, id))?.ownerId
  return [...authority.persons.values()]
    .filter((person) => person.duties.includes('officer') && isLive(authority, person))
    .map(({ personId }) => personId)
    .sort()[0]
}

export const contractsWith = (authority: Authority, companyId: string): readonly Contract[] =>
  authority.contracts.filter((contract) => contract.companyId === companyId)

const newest = (contracts: readonly Contract[]): Contract | undefined =>
  contracts.toSorted((left, right) => (left.notAfter < right.notAfter ? 1 : -1))[0]

const isLive = (authority: Authority, person: Person): boolean =>
  person.status === 'active' && authority.companies.get(person.companyId)?.kind === 'enterprise'

/** The person, if active and of a company of the enterprise; a partner's person owns and approves nothing. */
export function livePerson(authority: Authority, personId: string): Person | null {
  const person = authority.persons.get(personId)
  return person !== undefined && isLive(authority, person) ? person : null
}

/** The company in whose name the enterprise does its own work when nobody of it asked: the first, by id. */
export const enterpriseCompany = (authority: Authority): string =>
  [...authority.companies.values()]
    .filter(({ kind }) => kind === 'enterprise')
    .map(({ companyId }) => companyId)
    .sort()[0] ?? ''

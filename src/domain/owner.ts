/**
 * admitRequest: may this be asked for at all? An admitted request has exactly one live internal *owner*,
 * a control *objective* with a live internal owner for its outcome, and a *contract* in force whose
 * partner acknowledged the reserved matters, with a *clause* that covers it. For a partner an identity of
 * somebody else's does not exist.
 */
import { type Authority, within } from './authority.js'
import { isRefusal, type Refusal, refuse } from './refusal.js'
import type { Clause, Contract, Identity, Objective, Person } from './shapes/authority.js'
import type { CaseKind, Outcome } from './shapes/basic.js'
import type { CaseOpened } from './shapes/event.js'

export interface CaseRequest {
  readonly kind: CaseKind
  readonly identityId: string
  readonly requester: {
    readonly kind: 'partner' | 'enterprise'
    readonly companyId: string
    readonly personId: string | null
  }
}

export interface Admission {
  readonly identity: Identity
  readonly ownerId: string
  readonly objectiveId: string
  /** Null for what the enterprise carries out itself. */
  readonly contract: CaseOpened['contract']
  readonly executorCompany: string
}

interface Asking {
  readonly authority: Authority
  readonly request: CaseRequest
  /** ISO time of the request. */
  readonly at: string
}

/** The control outcome that each kind of case serves. */
export const OUTCOME_OF: Readonly<Record<CaseKind, Outcome>> = {
  rotate: 'rotation',
  provision: 'provisioning',
  reinstate: 'provisioning',
  deprovision: 'deprovisioning',
  contain: 'incidents',
  lift: 'incidents',
}

/** The person, if active and of a company of the enterprise; a partner's person owns and approves nothing. */
export function livePerson(authority: Authority, personId: string): Person | null {
  const person = authority.persons.get(personId)
  if (person === undefined || person.status !== 'active') return null
  return authority.companies.get(person.companyId)?.kind === 'enterprise' ? person : null
}

/** What the enterprise carries out itself, against everybody's will if need be: no partner is needed for it, and no fence stops it. */
const isOwnWork = ({ kind, requester }: CaseRequest): boolean =>
  kind === 'contain' ||
  kind === 'lift' ||
  (kind === 'deprovision' && requester.kind === 'enterprise')

/** Refuses NOT_ALLOWED, IDENTITY_UNKNOWN, NEED_ENDED, NO_OWNER, NO_OBJECTIVE, CONTRACT_ENDED, NOT_ACKNOWLEDGED or NO_CLAUSE. */
export function admitRequest(asking: Asking): Admission | Refusal {
  const identity = whichIdentity(asking)
  if (isRefusal(identity)) return identity
  const { authority, request, at } = asking
  if (isOwnWork(request)) return admitOwnWork(asking, identity)
  if (at >= identity.need.until && request.kind !== 'deprovision')
    return refuse('NEED_ENDED', '/identity/need', `the need ended at ${identity.need.until}`)
  const owner = livePerson(authority, identity.ownerId)
  if (owner === null)
    return refuse(
      'NO_OWNER',
      '/identity/ownerId',
      'the owner is not an active person of the enterprise',
    )
  const objective = whichObjective(asking, identity)
  if (isRefusal(objective)) return objective
  const covered = whichClause(asking, identity)
  if (isRefusal(covered)) return covered
  const { contract, clause } = covered
  return {
    identity,
    ownerId: owner.personId,
    objectiveId: objective.objectiveId,
    contract: { contractId: contract.contractId, clauseId: clause.clauseId },
    executorCompany: contract.companyId,
  }
}

/** Taking access away needs no partner, no contract and no owner who is still there. */
function admitOwnWork({ request }: Asking, identity: Identity): Admission | Refusal {
  const { requester } = request
  if (requester.kind !== 'enterprise')
    return refuse('NOT_ALLOWED', '/requester/kind', 'only the enterprise itself asks for this')
  const { ownerId, objectiveId } = identity
  return { identity, ownerId, objectiveId, contract: null, executorCompany: requester.companyId }
}

/** UNTRUSTED: kind and company come from the door, the identity from whoever asks. */
function whichIdentity({ authority, request }: Asking): Identity | Refusal {
  const { requester, identityId } = request
  if (authority.companies.get(requester.companyId)?.kind !== requester.kind)
    return refuse('NOT_ALLOWED', '/requester/companyId')
  if (requester.personId !== null && !isEmployed({ authority, requester }))
    return refuse('NOT_ALLOWED', '/requester/personId')
  const identity = authority.identities.get(identityId)
  const foreign = requester.kind === 'partner' && identity?.custodian !== requester.companyId
  return identity === undefined || foreign ? refuse('IDENTITY_UNKNOWN', '/identityId') : identity
}

function isEmployed(input: { authority: Authority; requester: CaseRequest['requester'] }): boolean {
  const person = input.authority.persons.get(input.requester.personId ?? '')
  return person?.status === 'active' && person.companyId === input.requester.companyId
}

function whichObjective({ authority, request }: Asking, identity: Identity): Objective | Refusal {
  const objective = authority.objectives.get(identity.objectiveId)
  if (objective === undefined) return refuse('NO_OBJECTIVE', '/identity/objectiveId')
  const outcome = OUTCOME_OF[request.kind]
  return livePerson(authority, objective.owners[outcome]) === null
    ? refuse(
        'NO_OBJECTIVE',
        `/objective/owners/${outcome}`,
        `${outcome} has no live internal owner`,
      )
    : objective
}

interface Covered {
  readonly contract: Contract
  readonly clause: Clause
}

function whichClause(asking: Asking, identity: Identity): Covered | Refusal {
  const { authority, at } = asking
  const custodian = authority.companies.get(identity.custodian ?? '')
  if (custodian?.kind !== 'partner')
    return refuse('NO_CLAUSE', '/identity/custodian', 'no partner is custodian of this identity')
  const signed = authority.contracts.filter(({ companyId }) => companyId === custodian.companyId)
  const inForce = signed.filter((contract) => within(contract, at))
  if (inForce.length === 0)
    return refuse('CONTRACT_ENDED', '/contract', `${named(signed)} is not in force`)
  const contracts = inForce.filter(({ contractId }) => authority.acknowledged.has(contractId))
  if (contracts.length === 0)
    return refuse(
      'NOT_ACKNOWLEDGED',
      '/contract',
      `${named(inForce)} lacks the partner's signature`,
    )
  const compared = contracts.flatMap((contract) =>
    contract.clauses.map((clause) => ({
      contract,
      clause,
      misses: misses(asking, { identity, clause }),
    })),
  )
  const [nearest] = compared.toSorted((left, right) => left.misses.length - right.misses.length)
  if (nearest === undefined)
    return refuse('NO_CLAUSE', '/contract', `${named(contracts)} has no clause`)
  const { contract, clause } = nearest
  if (nearest.misses.length === 0) return { contract, clause }
  const what = nearest.misses.join(', ')
  const detail = `contract ${contract.reference}: the nearest clause ${clause.clauseId} does not match in ${what}`
  return refuse('NO_CLAUSE', `/contract/clauses/${clause.clauseId}`, detail)
}

const named = (contracts: readonly Contract[]): string =>
  contracts.length === 0
    ? 'no contract'
    : `contract ${contracts.map(({ reference }) => reference).join(', ')}`

/** In what the clause does not cover the request; nothing when it does. */
function misses(
  { request, at }: Asking,
  { identity, clause }: { identity: Identity; clause: Clause },
) {
  const checks = {
    kind: clause.kinds.includes(request.kind),
    system: clause.systems.includes(identity.systemId),
    identity: clause.identities === null || clause.identities.includes(identity.identityId),
    'who asks': clause.askedBy.includes(request.requester.kind),
    time: within(clause, at),
  }
  return Object.entries(checks).flatMap(([name, good]) => (good ? [] : [name]))
}

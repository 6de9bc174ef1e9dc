/**
 * admitRequest: may this be asked for at all? An admitted request has exactly one live internal *owner*,
 * a control *objective* with a live internal owner for its outcome, and a *contract* in force whose
 * partner acknowledged the reserved matters, with a *clause* that covers it. For a partner what is
 * somebody else's does not exist.
 */
import { type Authority, within } from '../authority/authority.js'
import {
  contractsWith,
  enterpriseCompany,
  livePerson,
  type Matter,
  matterOf,
} from '../authority/matter.js'
import { KINDS } from '../kinds.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { Clause, Contract, Identity, Objective } from '../shapes/authority.js'
import type { CaseKind, CaseScope } from '../shapes/basic.js'
import type { CaseOpened } from '../shapes/event.js'

export interface CaseRequest {
  readonly kind: CaseKind
  readonly scope: CaseScope
  readonly requester: {
    readonly kind: 'partner' | 'enterprise'
    readonly companyId: string
    readonly personId: string | null
  }
}

export interface Admission {
  readonly matter: Matter
  /** Null for what the enterprise carries out itself, and for what it demands. */
  readonly contract: CaseOpened['contract']
  readonly executorCompany: string
}

interface Asking {
  readonly authority: Authority
  readonly request: CaseRequest
  /** ISO time of the request. */
  readonly at: string
}

/** Under no clause of a contract. */
const isOwnWork = ({ kind, requester }: CaseRequest): boolean =>
  KINDS[kind].work === 'own' ||
  KINDS[kind].work === 'scope' ||
  (KINDS[kind].work === 'asker' && requester.kind === 'enterprise')

/** Refuses NOT_ALLOWED, IDENTITY_UNKNOWN, NEED_ENDED, NO_OWNER, NO_OBJECTIVE, CONTRACT_ENDED, NOT_ACKNOWLEDGED or NO_CLAUSE. */
export function admitRequest(asking: Asking): Admission | Refusal {
  const { authority, request, at } = asking
  const wrong = wrongAsker(request)
  if (wrong !== null) return wrong
  const matter = whichMatter(asking)
  if (isRefusal(matter)) return matter
  const { identity } = matter
  if (isOwnWork(request)) return admitOwnWork(asking, matter)
  if (identity === null) return refuse('NOT_ALLOWED', '/scope/kind')
  if (at >= identity.need.until && request.kind !== 'deprovision')
    return refuse('NEED_ENDED', '/identity/need', `the need ended at ${identity.need.until}`)
  if (livePerson(authority, identity.ownerId) === null)
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
    matter,
    contract: { contractId: contract.contractId, clauseId: clause.clauseId },
    executorCompany: contract.companyId,
  }
}

/** Null when somebody of this kind may ask for what no clause of a contract covers. */
function wrongAsker(request: CaseRequest): Refusal | null {
  const { askedBy } = KINDS[request.kind]
  return isOwnWork(request) && !askedBy.includes(request.requester.kind)
    ? refuse(
        'NOT_ALLOWED',
        '/requester/kind',
        `only the ${askedBy.join(' or the ')} itself asks for this`,
      )
    : null
}

/** What the enterprise does itself, or demands of a partner, needs no clause; taking access away not even an owner who is still there. */
function admitOwnWork({ authority, request }: Asking, matter: Matter): Admission | Refusal {
  const { requester, kind } = request
  if (kind === 'partner-review' && !mayReview(authority, request))
    return refuse(
      'NOT_ALLOWED',
      '/requester/personId',
      'only the owner of a contract asks for this',
    )
  const own = requester.kind === 'enterprise' ? requester.companyId : enterpriseCompany(authority)
  const executorCompany = KINDS[kind].work === 'scope' ? matter.scope.id : own
  return { matter, contract: null, executorCompany }
}

/** A person who owns a contract with the partner, or nobody: then the schedule. */
const mayReview = (authority: Authority, { requester, scope }: CaseRequest): boolean =>
  requester.personId === null ||
  contractsWith(authority, scope.id).some(({ ownerId }) => ownerId === requester.personId)

/** UNTRUSTED: kind and company come from the door, the scope from whoever asks. */
function whichMatter({ authority, request }: Asking): Matter | Refusal {
  const { requester, scope, kind } = request
  if (authority.companies.get(requester.companyId)?.kind !== requester.kind)
    return refuse('NOT_ALLOWED', '/requester/companyId')
  if (requester.personId !== null && !isEmployed({ authority, requester }))
    return refuse('NOT_ALLOWED', '/requester/personId')
  if (!KINDS[kind].scope.split(' or ').includes(scope.kind))
    return refuse(
      'NOT_ALLOWED',
      '/scope/kind',
      `a case of kind ${kind} is not about one ${scope.kind}`,
    )
  const matter = matterOf(authority, scope)
  return !isRefusal(matter) &&
    requester.kind === 'partner' &&
    !isTheirs(matter, requester.companyId)
    ? refuse('IDENTITY_UNKNOWN', '/identityId')
    : matter
}

/** What a partner knows of: what it is custodian of, and itself. */
const isTheirs = ({ scope, identity }: Matter, companyId: string): boolean =>
  identity === null ? scope.id === companyId : identity.custodian === companyId

function isEmployed(input: { authority: Authority; requester: CaseRequest['requester'] }): boolean {
  const person = input.authority.persons.get(input.requester.personId ?? '')
  return person?.status === 'active' && person.companyId === input.requester.companyId
}

function whichObjective({ authority, request }: Asking, identity: Identity): Objective | Refusal {
  const objective = authority.objectives.get(identity.objectiveId)
  if (objective === undefined) return refuse('NO_OBJECTIVE', '/identity/objectiveId')
  const { outcome } = KINDS[request.kind]
  return outcome !== null && livePerson(authority, objective.owners[outcome]) === null
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
  const signed = contractsWith(authority, custodian.companyId)
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

/**
 * Who is at the door. A valid token says which account; the authority bundle says whose it is. At the doors
 * for decisions and fences the signature inside says it too, and suffices, because the enterprise has to be
 * able to act while its issuer is down or its token has run out. Every attempt takes from a bucket first.
 */
import type { Request } from 'express'
import { ROUTES, type Role, type Route, type RouteName } from '../contract/routes.js'
import type { Authority } from '../domain/authority/authority.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { CaseId } from '../domain/shapes/basic.js'
import { Envelope } from '../domain/shapes/envelope.js'
import { parseAs } from '../domain/shapes/parse.js'
import { executorOf } from '../store/case/queries.js'
import type { ApiDeps } from './call.js'
import { LIMITS, type Take } from './limits.js'
import { type Principal, principalOf, rolesOf, signerOf } from './principal.js'
import { IssuerFault, type TokenSubject } from './token.js'

export interface Entered {
  readonly principal: Principal
  readonly authority: Authority
  readonly at: string
}

/** Too many requests; `waitS` is when to come back. */
export interface Busy {
  readonly waitS: number
}

export interface Entering {
  readonly deps: ApiDeps
  readonly take: Take
  readonly name: RouteName
  readonly request: Request
}

const SOVEREIGN: ReadonlySet<RouteName> = new Set(['decide', 'fence', 'review', 'inbox', 'packet'])

/** Under a bundle that ran out, too. */
const TAKES_AWAY: ReadonlySet<RouteName> = new Set(['fence', 'fencePreview'])

/** Throws IssuerFault when the token cannot be judged and no signature stands in for it. */
export async function enter(entering: Entering): Promise<Entered | Refusal | Busy> {
  const { deps, name } = entering
  const token = await tokenSubject(entering)
  const waitS = takeOne(entering, token)
  if (waitS > 0) return { waitS }
  const signature = ROUTES[name].asks === 'signature'
  if (!signature && isUnknown(token)) return unknown(token)
  const today = await deps.authority.today(
    deps.db,
    TAKES_AWAY.has(name) ? 'taking-away' : 'anything',
  )
  if (isRefusal(today)) return today
  const { authority, at } = today
  const principal = isUnknown(token)
    ? (signerIn(entering, { authority, at }) ?? unknown(token))
    : principalOf(authority, token)
  if (isRefusal(principal)) return principal
  const entered = { principal, authority, at }
  return (await wrongCase(entering, principal)) ?? wrongRole(name, entered) ?? entered
}

type Unknown = Refusal | IssuerFault
const isUnknown = (token: TokenSubject | Unknown): token is Unknown =>
  token instanceof IssuerFault || isRefusal(token)

function unknown(token: Unknown): Refusal {
  if (token instanceof IssuerFault) throw token
  return token
}

/** UNTRUSTED: the header. A fault of the issuer is a value here, because a signature may stand in. */
async function tokenSubject({ deps, request }: Entering): Promise<TokenSubject | Unknown> {
  const header = request.get('Authorization') ?? ''
  const token = /^Bearer +([!-~]+)$/i.exec(header)?.[1]
  if (token === undefined) return refuse('UNAUTHENTICATED', '/Authorization')
  return deps.checkToken(token).catch((error: unknown) => {
    if (error instanceof IssuerFault) return error
    throw error
  })
}

function takeOne({ take, name, request }: Entering, token: TokenSubject | Unknown): number {
  const sovereign = SOVEREIGN.has(name) ? 'sovereign' : 'account'
  if (!isUnknown(token)) {
    const caller = `${sovereign} ${token.issuer} ${token.subject}`
    return take({ caller, size: LIMITS[sovereign] })
  }
  const caller = `${sovereign} ${request.socket.remoteAddress ?? ''}`
  return take({ caller, size: LIMITS.anonymous })
}

/** UNTRUSTED: the body. Only its signature is looked at. */
function signerIn(
  { deps, request }: Entering,
  input: { readonly authority: Authority; readonly at: string },
): Principal | null {
  const body: unknown = request.body
  const carried =
    typeof body === 'object' && body !== null && 'envelope' in body ? body.envelope : null
  const envelope = parseAs(Envelope)(carried)
  return isRefusal(envelope) ? null : signerOf({ ...input, envelope, verify: deps.verify })
}

/** A case of somebody else is answered exactly like one that does not exist, before anything else is said. */
async function wrongCase({ deps, name, request }: Entering, principal: Principal) {
  if (ROUTES[name].scope !== 'case') return null
  const executor = await executorOf(deps.db, caseIdOf(request))
  const visible =
    executor !== null && (principal.kind === 'enterprise' || executor === principal.companyId)
  return visible ? null : refuse('CASE_UNKNOWN', '/caseId')
}

/** UNTRUSTED: of the path, or of the body where the path names no case. What is no case id is not repeated, in a log either. */
export function caseIdOf({ params, body }: Pick<Request, 'params' | 'body'>): string {
  const named: unknown = params.caseId ?? fieldOf(body, 'caseId')
  const caseId = CaseId.safeParse(named)
  return caseId.success ? caseId.data : ''
}

const fieldOf = (body: unknown, field: string): unknown =>
  typeof body === 'object' && body !== null ? Reflect.get(body, field) : undefined

function wrongRole(name: RouteName, { authority, principal, at }: Entered): Refusal | null {
  const route: Route = ROUTES[name]
  const roles = rolesOf(authority, { ...principal, at })
  if (route.who.some((role) => roles.includes(role))) return null
  return refuse('NOT_ALLOWED', '/Authorization', `this is for ${route.who.map(sayRole).join(', ')}`)
}

const ROLES: Readonly<Record<Role, string>> = {
  partner: 'a machine of the partner',
  'partner-person': 'a person of the partner',
  enterprise: 'a person of the enterprise',
  operator: 'an operator of the enterprise',
  auditor: 'an auditor while the audit lasts',
}
const sayRole = (role: Role): string => ROLES[role]

/**
 * judgeFence: may this envelope raise a fence? Any owner of something in scope, or a duty person, at
 * once; a partner may stop itself. The signature is for now and cannot be replayed later. Asked at the door and again by the verifier.
 */
import type { Authority } from '../authority/authority.js'
import { companySignerOf, holdsClaimKey, signerOf } from '../authority/signer.js'
import { isOpening } from '../case/case.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { Company, Identity, Person } from '../shapes/authority.js'
import { type Envelope, Fence, type FenceScope, type FenceSpeed } from '../shapes/envelope.js'
import type { CaseOpened } from '../shapes/event.js'
import type { FenceEvent, FenceLifted } from '../shapes/fence-event.js'
import { parseAs } from '../shapes/parse.js'
import { openEnvelope, type Verify } from '../signed/envelope.js'

export interface JudgingFence {
  readonly envelope: Envelope
  readonly authority: Authority
  readonly verify: Verify
  /** ISO time at which it was raised. */
  readonly at: string
}

/**
 * UNTRUSTED: the envelope. Afterwards an active owner or duty person of the enterprise signed this fence for this
 * time, or a partner's claim key a stop around that partner itself.
 */
export function judgeFence(judging: JudgingFence): Fence | Refusal {
  const { envelope, authority, at } = judging
  const signer = holdsClaimKey(judging) ? companySignerOf(judging) : signerOf(judging)
  if (isRefusal(signer)) return signer
  const opened = openEnvelope({ envelope, kind: 'fence', parse: parseAs(Fence) })
  if (isRefusal(opened)) return opened
  const fence = opened.payload
  const wrong =
    fence.enterprise === authority.enterprise
      ? 'person' in signer
        ? wrongPerson({ authority, fence, person: signer.person })
        : wrongSelfStop(fence, signer.company)
      : refuse('WRONG_ENTERPRISE', '/enterprise')
  if (wrong !== null) return wrong
  if (at < fence.notBefore) return refuse('TOO_EARLY', '/notBefore')
  return at < fence.notAfter ? fence : refuse('EXPIRED', '/notAfter')
}

function wrongPerson(input: {
  readonly authority: Authority
  readonly fence: Fence
  readonly person: Person
}): Refusal | null {
  const { authority, fence, person } = input
  if (fence.personId !== person.personId) return refuse('PERSON_UNKNOWN', '/personId')
  if (person.status !== 'active') return refuse('PERSON_DISABLED', '/personId')
  if (authority.companies.get(person.companyId)?.kind !== 'enterprise')
    return refuse('NOT_ALLOWED', '/personId')
  if (!isRegistered(authority, fence.scope))
    return refuse(
      'IDENTITY_UNKNOWN',
      '/scope/id',
      `no ${fence.scope.kind} of this id is registered`,
    )
  const mayFence = person.duties.includes('duty-person') || ownsInScope(authority, fence)
  return mayFence
    ? null
    : refuse(
        'NOT_ALLOWED',
        '/personId',
        'a duty person raises a fence, or an owner within its scope',
      )
}

/** A partner stops itself and nobody else, and takes no access away. */
const wrongSelfStop = (
  { personId, scope, speed }: Fence,
  { companyId }: Company,
): Refusal | null =>
  personId === null && speed === 'stop' && scope.kind === 'partner' && scope.id === companyId
    ? null
    : refuse('NOT_ALLOWED', '/scope', 'a partner stops itself and nothing else')

/** A fence around nothing would be a switch that does not work, found out when it is needed. */
export function isRegistered(authority: Authority, { kind, id }: FenceScope): boolean {
  if (kind === 'identity') return authority.identities.has(id)
  if (kind === 'partner') return authority.companies.get(id)?.kind === 'partner'
  return authority.systems.has(id)
}

const ownsInScope = (authority: Authority, { personId, scope }: Fence): boolean =>
  identitiesIn(authority, scope).some((identity) => identity.ownerId === personId)

interface Scoped {
  readonly identityId: string
  readonly partner: string | null
  readonly systemId: string | null
}

const scopesOf = ({ identityId, partner, systemId }: Scoped): readonly FenceScope[] => [
  { kind: 'identity', id: identityId },
  ...(partner === null ? [] : [{ kind: 'partner' as const, id: partner }]),
  ...(systemId === null ? [] : [{ kind: 'system' as const, id: systemId }]),
]

/** Every scope that an identity is in: its own, its custodian's, its system's. */
export const scopesAround = (identity: Identity): readonly FenceScope[] =>
  scopesOf({ ...identity, partner: identity.custodian })

/**
 * The scopes whose fences stop this case, or this step of it. Taking access away is what a fence is for: none stops
 * that. What gives access in an emergency is stopped by a fence around that very identity.
 */
export const fencesAround = (
  opened: CaseOpened,
  stepId: string | null = null,
): readonly FenceScope[] =>
  opened.contract === null
    ? stepId !== null && isOpening(opened, stepId)
      ? [{ kind: 'identity', id: opened.scope.id }]
      : []
    : scopesOf({
        identityId: opened.scope.id,
        partner: opened.executor,
        systemId: opened.systemId,
      })

/** The registered identities that a fence of this scope stands around, by id. */
export const identitiesIn = (authority: Authority, scope: FenceScope): readonly Identity[] =>
  [...authority.identities.values()]
    .filter(
      (identity) =>
        (scope.kind === 'identity' && identity.identityId === scope.id) ||
        (scope.kind === 'system' && identity.systemId === scope.id) ||
        (scope.kind === 'partner' && identity.custodian === scope.id),
    )
    .toSorted((left, right) => (left.identityId < right.identityId ? -1 : 1))

/** Whether this fence takes access away from the identity. */
export const cuts = (
  fence: Fence,
  of: { readonly authority: Authority; readonly identityId: string },
): boolean =>
  fence.speed === 'cut' &&
  identitiesIn(of.authority, fence.scope).some(({ identityId }) => identityId === of.identityId)

/** A fence as it bears on one identity: raised, and not lifted for it since. */
export interface Standing {
  readonly scope: FenceScope
  readonly fenceId: string
  readonly speed: FenceSpeed
}

/**
 * The fences of one stream that stand for this identity, in their order. A lifting counts only as far as
 * `believes` says that a connector signed it.
 */
export function standingIn(input: {
  readonly scope: FenceScope
  readonly events: readonly FenceEvent[]
  readonly identityId: string
  readonly believes: (lifted: FenceLifted) => boolean
}): readonly Standing[] {
  const { scope, events, identityId, believes } = input
  const lifted = new Set(
    events.flatMap((event) =>
      event.type === 'FenceLifted' && event.identityId === identityId && believes(event)
        ? [event.fenceId]
        : [],
    ),
  )
  return events.flatMap((event) =>
    event.type === 'Fenced' && !lifted.has(event.fenceId)
      ? [{ scope, fenceId: event.fenceId, speed: event.speed }]
      : [],
  )
}

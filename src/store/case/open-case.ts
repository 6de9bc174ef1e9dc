/**
 * Opening a case: contract clause, the identity's single owner, control objective and policy version
 * are resolved, every gate is checked to be signable, or the request is refused with the reason. One
 * case has an identity for itself at a time; the same idempotency key gets the same case.
 */

import { termsOf } from '../../domain/admission/opening.js'
import type { CaseRequest } from '../../domain/admission/owner.js'
import { judgedUnder, purposeOf } from '../../domain/authority/grace.js'
import { digest } from '../../domain/bytes/digest.js'
import { holdOf, KINDS } from '../../domain/kinds.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { fencesAround } from '../../domain/rights/fence.js'
import type { Asked } from '../../domain/shapes/asked.js'
import type { CaseOpened } from '../../domain/shapes/event.js'
import { reportedGone } from '../authority/ownership.js'
import type { packSource } from '../authority/packs.js'
import { now, type Tx, transaction } from '../db.js'
import { owesReview } from '../streams/emergency-uses.js'
import { ensureFences, standingAround } from '../streams/fences.js'
import { append, lockEnd, lockStream } from './apply.js'
import type { CaseDeps } from './cases.js'
import { listPage } from './page-items.js'

export interface OpenCaseDeps extends CaseDeps {
  readonly packs: ReturnType<typeof packSource>
  /** A new ULID. */
  readonly newId: () => string
}

export interface OpenCase {
  readonly request: Omit<CaseRequest, 'kind'> & {
    readonly asked: Asked
    readonly changeReference: string | null
    readonly change: CaseOpened['change']
  }
  /** Who asks, as the issuer names it, and the key that makes a retry safe. */
  readonly principal: string
  readonly idempotencyKey: string
}

export interface Opened {
  readonly caseId: string
  readonly made: 'now' | 'before'
}

/** UNTRUSTED: the request. A refused one is recorded in the requesting company's own stream. */
export async function openCase(deps: OpenCaseDeps, input: OpenCase): Promise<Opened | Refusal> {
  const opened = await openOnce(deps, input)
  if (isRefusal(opened)) await recordRefused(deps, { request: input.request, refusal: opened })
  return opened
}

async function recordRefused(
  deps: OpenCaseDeps,
  input: { readonly request: OpenCase['request']; readonly refusal: Refusal },
): Promise<void> {
  const { asked, requester } = input.request
  const { refused: code, where, detail } = input.refusal
  await transaction(deps.db, async (tx) => {
    const locked = await lockEnd(tx, `requests:${requester.companyId}`)
    const request = digest(input.request)
    const body = {
      type: 'RequestRefused',
      kind: asked.kind,
      requester: { ...requester },
      request,
      code,
      where,
      detail,
    }
    await append(tx, { locked, bodies: [body] })
  })
}

async function openOnce(deps: OpenCaseDeps, input: OpenCase): Promise<Opened | Refusal> {
  return transaction(deps.db, async (tx) => {
    const known = await sameRequest(tx, input)
    if (known !== null) return known
    const event = await resolveCase(deps, { ...input, tx })
    if (isRefusal(event)) return event
    const unreviewed = await owesReview(tx, { ...deps, event })
    if (unreviewed !== null) return unreviewed
    const unowned = await ownerGone(tx, event)
    if (unowned !== null) return unowned
    const taken = await reserve(tx, event)
    if (taken !== null) return taken
    const stands = await fencedOff(deps, { tx, event })
    if (stands !== null) return stands
    const locked = await lockStream(tx, { stream: event.caseId, make: true })
    if (isRefusal(locked)) return locked
    await ensureFences(tx, fencesAround(event, firstStepOf(event)))
    await insertCase(tx, event)
    if (event.asked.kind === 'recertify')
      await listPage(tx, { ...event.asked, caseId: event.caseId })
    await append(tx, { locked, bodies: [event] })
    await tx.query(
      'insert into requests (principal, key, digest, case_id) values ($1, $2, $3, $4)',
      [input.principal, input.idempotencyKey, digest(input.request), event.caseId],
    )
    await tx.query("insert into outbox (case_id, signal, payload) values ($1, 'changed', '{}')", [
      event.caseId,
    ])
    await tx.query("select pg_notify('outbox', '')")
    if (event.asked.kind === 'contain') await tx.query("select pg_notify('containment', '')")
    return { caseId: event.caseId, made: 'now' }
  })
}

async function sameRequest(tx: Tx, input: OpenCase): Promise<Opened | Refusal | null> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `request:${input.principal}:${input.idempotencyKey}`,
  ])
  const { rows } = await tx.query<{ digest: string; case_id: string }>(
    'select digest, case_id from requests where principal = $1 and key = $2',
    [input.principal, input.idempotencyKey],
  )
  const [row] = rows
  if (row === undefined) return null
  return row.digest === digest(input.request)
    ? { caseId: row.case_id, made: 'before' }
    : refuse('IDEMPOTENCY_MISMATCH', '/Idempotency-Key')
}

async function resolveCase(
  deps: OpenCaseDeps,
  input: OpenCase & { tx: Tx },
): Promise<CaseOpened | Refusal> {
  const { tx, request } = input
  const { asked, requester, change } = request
  const { kind } = asked
  const at = await now(tx)
  const purpose = purposeOf(request, null)
  const authority = await deps.authority.current(tx, { at, lock: 'share', purpose })
  if (isRefusal(authority)) return authority
  const loaded = await deps.packs(tx, { authority, at })
  if (isRefusal(loaded)) return loaded
  const { pack, hash: packHash } = loaded
  const asking = { asked, scope: request.scope, change, requester }
  const terms = termsOf({ authority, pack, packHash, at, request: asking })
  if (isRefusal(terms)) return terms
  return {
    type: 'CaseOpened',
    caseId: `${kind}:${terms.executor}:${terms.scope.id}:${deps.newId()}`,
    ...terms,
    asked,
    requester: { ...requester, changeReference: request.changeReference },
    change,
    authority: judgedUnder(authority, at),
  }
}

/** No owner, no work: whoever is reported gone still decides what is open, and a partner begins nothing new. */
async function ownerGone(tx: Tx, { contract, ownerId }: CaseOpened): Promise<Refusal | null> {
  if (contract === null) return null
  const gone = await reportedGone(tx)
  return gone.has(ownerId)
    ? refuse('NO_OWNER', '/identity/ownerId', 'the owner is reported gone')
    : null
}

/**
 * One open case that has the identity for itself, and one containment, which waits for nobody; the unique index
 * says the same to a race. What a containment did is reviewed before a fence is lifted.
 */
async function reserve(tx: Tx, { asked, scope }: CaseOpened): Promise<Refusal | null> {
  const hold = holdOf(asked.kind, scope)
  if (hold === null) return null
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`scope:${scope.id}`])
  const reviewed = asked.kind === 'lift' ? holdOf('contain', scope) : null
  const { rows } = await tx.query<{ case_id: string }>(
    "select case_id from cases where holds in ($1, $2) and phase = 'open' limit 1",
    [hold, reviewed],
  )
  const [open] = rows
  return open === undefined ? null : refuse('CASE_OPEN', '/scope/id', `${open.case_id} is open`)
}

/** The gate would refuse every step: whoever asks hears it at once. */
async function fencedOff(
  { authority, verify }: OpenCaseDeps,
  { tx, event }: { readonly tx: Tx; readonly event: CaseOpened },
): Promise<Refusal | null> {
  const scopes = fencesAround(event, firstStepOf(event))
  const identityId = event.scope.id
  const standing = await standingAround(tx, { authority, verify, scopes, identityId })
  if (isRefusal(standing)) return standing
  const [first] = standing
  return first === undefined
    ? null
    : refuse('FENCED', `/fences/${first.scope.kind}`, `fence ${first.fenceId} stands`)
}

const firstStepOf = ({ asked }: CaseOpened): string | null => KINDS[asked.kind].steps[0] ?? null

/** What the list row of a case says for as long as there is the case: what it was opened as. */
export const rowOf = (event: CaseOpened) => ({
  case_id: event.caseId,
  kind: event.asked.kind,
  scope_kind: event.scope.kind,
  scope_id: event.scope.id,
  holds: holdOf(event.asked.kind, event.scope),
  system_id: event.systemId,
  company_id: event.executor,
  owner_id: event.ownerId,
  objective_id: event.objectiveId,
  policy: policyName(event),
  tier: event.tier,
})

function insertCase(tx: Tx, event: CaseOpened) {
  const row = Object.entries(rowOf(event))
  const places = row.map((_, place) => `$${place + 1}`)
  return tx.query(
    `insert into cases (${row.map(([column]) => column).join(', ')}) values (${places.join(', ')})`,
    row.map(([, value]) => value),
  )
}

const policyName = (event: CaseOpened): string => {
  const [first] = Object.values(event.requirements)
  return first === undefined ? 'none' : `${first.pack.packId}@${first.pack.version}`
}

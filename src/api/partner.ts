/**
 * The partner's doors: ask for work, take offered tasks, claim what was done. The company is that of the
 * account, never of the body. What a claim says is recorded and believed by nobody.
 */
import {
  type AdmittedRequest,
  IdempotencyKey,
  OpenCaseRequest,
  StepPath,
} from '../contract/http.js'
import { ClaimRequest, LeaseRequest, type TasksAnswer } from '../contract/http-task.js'
import type { Authority } from '../domain/authority/authority.js'
import { identityScope } from '../domain/authority/matter.js'
import { fromBase64 } from '../domain/bytes/base64.js'
import { digest } from '../domain/bytes/digest.js'
import { type Recorded, stepOf } from '../domain/case/case.js'
import { fold } from '../domain/case/evolve.js'
import { namedBy } from '../domain/plans/authority.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import type { CaseScope } from '../domain/shapes/basic.js'
import type { EventOf } from '../domain/shapes/event.js'
import { parseAs } from '../domain/shapes/parse.js'
import { type ProposalDeps, proposed } from '../store/authority/proposals.js'
import { eventsSince } from '../store/case/apply.js'
import { submitClaim, submitLease } from '../store/case/cases.js'
import { type OpenCase, type Opened, openCase } from '../store/case/open-case.js'
import { casesWaitingOn, sealedFor } from '../store/case/queries.js'
import type { Handler, Reply } from './call.js'
import { tenantOf } from './principal.js'
import { leaseTimes } from './summary.js'

/** UNTRUSTED: body and Idempotency-Key. A partner and an enterprise person ask by the same door. */
export const open: Handler = async ({ deps, principal, authority, at, body, header }) => {
  const request = parseAs(OpenCaseRequest)(body)
  if (isRefusal(request)) return request
  const key = IdempotencyKey.safeParse(header('Idempotency-Key'))
  if (!key.success)
    return refuse('MALFORMED', '/Idempotency-Key', 'send 8 to 200 visible characters')
  const { kind, companyId, personId } = principal
  const { change, changeReference, ...about } = request
  const what = await whatIsAsked(deps, { about, authority, at })
  if (isRefusal(what)) return what
  const requester = { kind, companyId, personId }
  const opened = await openCase(deps, {
    request: { ...what, change, changeReference, requester },
    principal: tenantOf(principal),
    idempotencyKey: key.data,
  })
  return isRefusal(opened) ? opened : created(opened)
}

type Without<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never
type AskedAbout = Without<AdmittedRequest, 'change' | 'changeReference'>

/** What the case is about and what is asked, which for a change of the authority names whom the bundle concerns. */
async function whatIsAsked(
  deps: ProposalDeps,
  of: {
    readonly about: AskedAbout
    readonly authority: Authority
    readonly at: string
  },
): Promise<Pick<OpenCase['request'], 'asked' | 'scope'> | Refusal> {
  const { about, authority, at } = of
  const { enterprise } = authority
  if (about.kind === 'incident') {
    const { identityId, partnerId, ...asked } = about
    return { asked, scope: scopeNamed({ identityId, partnerId, enterprise }) }
  }
  if ('partnerId' in about) {
    const { partnerId: id, ...asked } = about
    return { asked, scope: { kind: 'partner', id } }
  }
  if ('identityId' in about) {
    const { identityId, ...asked } = about
    return { asked, scope: identityScope(identityId) }
  }
  const change = await proposed(deps, { hash: about.bundleHash, from: authority, at })
  if (isRefusal(change)) return change
  return {
    asked: { ...about, ...namedBy(change.found) },
    scope: { kind: 'enterprise', id: enterprise },
  }
}

function scopeNamed(named: {
  readonly identityId: string | undefined
  readonly partnerId: string | undefined
  readonly enterprise: string
}): CaseScope {
  const { identityId, partnerId, enterprise } = named
  if (identityId !== undefined) return identityScope(identityId)
  return partnerId === undefined
    ? { kind: 'enterprise', id: enterprise }
    : { kind: 'partner', id: partnerId }
}

function created({ caseId, made }: Opened): Reply {
  const link = `/v1/cases/${caseId}`
  return {
    status: made === 'now' ? 201 : 200,
    headers: { Location: link },
    body: { caseId, made, links: { case: link } },
  }
}

export const tasks: Handler = async ({ deps, principal }) => {
  const caseIds = await casesWaitingOn(deps.db, [`partner:${principal.companyId}`])
  const found = await Promise.all(caseIds.map((caseId) => tasksOf({ deps, caseId })))
  const answer: TasksAnswer = { tasks: found.flat() }
  return { body: answer }
}

async function tasksOf(input: {
  readonly deps: Parameters<Handler>[0]['deps']
  readonly caseId: string
}): Promise<TasksAnswer['tasks']> {
  const { caseId } = input
  const state = fold(caseId, await eventsSince(input.deps.db, { caseId, after: 0 }))
  const { opened } = state
  if (opened === null) return []
  return state.steps.flatMap(({ step, phase, task, grant }) => {
    const deliver = step.operations.find((operation) => operation.op === 'deliver')
    if (phase !== 'offered' || task === null || grant === null || step.executor !== 'partner')
      return []
    const { stepId, title } = step
    const { scope, systemId } = opened
    return [
      {
        ...{ caseId, stepId, title, scope, systemId, grantId: grant.grantId },
        ...{ credential: deliver?.credential ?? null, consumers: deliver?.to ?? [] },
        demand: opened.asked.kind === 'demand' ? opened.asked : null,
        expiresAt: task.until,
        lease: task.lease === null ? null : leaseTimes(task.lease),
        links: { lease: `/v1/cases/${caseId}/steps/${stepId}/lease` },
      },
    ]
  })
}

export const lease: Handler = async ({ deps, principal, params, body }) => {
  const path = parseAs(StepPath)(params)
  if (isRefusal(path)) return path
  const empty = parseAs(LeaseRequest)(body)
  if (isRefusal(empty)) return empty
  const leased = await submitLease(deps, { ...path, companyId: principal.companyId })
  if (isRefusal(leased)) return leased
  const recorded = await eventsSince(deps.db, { caseId: path.caseId, after: 0 })
  const offered = offerOf(recorded, leased.grantId)
  const deliver = stepOf(fold(path.caseId, recorded), path.stepId)?.step.operations.find(
    (operation) => operation.op === 'deliver',
  )
  if (offered === null) return refuse('NOT_DUE', `/tasks/${path.stepId}`)
  const sealed = await sealedFor(deps.db, leased.grantId)
  // Afterwards each delivery is the one that the connector attested for this grant.
  const foreign = sealed.find((item) => offered.sealed[item.consumerId] !== digest(item.jwe))
  if (foreign !== undefined)
    return refuse('EVIDENCE_TAMPERED', `/sealed/${foreign.consumerId}`, 'not what was sealed')
  return {
    body: {
      ...{ lease: leased.lease, expiresAt: leased.until, grantId: leased.grantId },
      ...{ permit: offered.permit, credential: deliver?.credential ?? null, sealed },
    },
  }
}

function offerOf(recorded: readonly Recorded[], grantId: string): EventOf<'TaskOffered'> | null {
  const found = recorded.findLast(
    ({ event }) => event.type === 'TaskOffered' && event.grantId === grantId,
  )
  return found?.event.type === 'TaskOffered' ? found.event : null
}

/** UNTRUSTED: the claim and its document. That the case is the caller's own was checked at the door. */
export const claim: Handler = async ({ deps, body }) => {
  const request = parseAs(ClaimRequest)(body)
  if (isRefusal(request)) return request
  const { caseId, envelope, document: text } = request
  const document = text === null ? null : fromBase64(text)
  if (text !== null && document === null)
    return refuse('MALFORMED', '/document', 'not base64 in its one spelling')
  const claimed = await submitClaim(deps, { caseId, envelope, document })
  return isRefusal(claimed) ? claimed : { body: { caseId, seq: claimed.seq } }
}

/**
 * Every "no" of the API as problem+json (RFC 9457): `type` is the refusal's code, `where` a JSON pointer into
 * what was sent, `nextActions` what the caller can do about it. One table maps codes to statuses. A fault
 * answers 500 or 503 and says nothing of its cause.
 */
import type { Response } from 'express'
import type { Problem } from '../contract/http.js'
import { REFUSALS, type Refusal, type RefusalCode } from '../domain/refusal.js'

/** 400 form, 401 and 403 who, 404 what is not there, 409 state of the case, 413 size, 422 content, 503 not now. */
export const STATUS: Readonly<Record<RefusalCode, number>> = {
  ...{ MALFORMED: 400, NOT_CANONICAL: 400, TOO_LARGE: 413, WRONG_TYPE: 422, UNKNOWN_FIELD: 400 },
  NEWER_VERSION: 400,
  ...{ SIGNATURE_INVALID: 422, KEY_UNKNOWN: 422, KEY_REVOKED: 422, KEY_WEAK: 422 },
  ...{ ASSURANCE_TOO_LOW: 422, ASSERTION_INVALID: 422 },
  ...{ WRONG_ENTERPRISE: 422, WRONG_CASE: 422, WRONG_STEP: 422, WRONG_PLAN: 409, WRONG_NONCE: 409 },
  ...{ PRESTATE_CHANGED: 409, REQUIREMENT_CHANGED: 409, GATE_NOT_OPEN: 409, AHEAD_FORBIDDEN: 422 },
  ...{
    CHOICE_INVALID: 422,
    CONDITION_UNMET: 422,
    TOO_EARLY: 422,
    EXPIRED: 422,
    TOO_LATE: 409,
    REPLAYED: 409,
  },
  ...{ PERSON_UNKNOWN: 422, PERSON_DISABLED: 403, NOT_AN_APPROVER: 403, REQUESTER_NEVER: 403 },
  ...{ EXECUTOR_COMPANY: 403, PERSON_COUNTED: 409, DELEGATION_INVALID: 403, QUORUM_MISSING: 409 },
  ...{ MANDATE_INVALID: 422, NOT_REDUCING: 422 },
  ...{ AUTHORITY_INVALID: 503, AUTHORITY_EXPIRED: 503, AUTHORITY_ROLLBACK: 503 },
  STORE_NOT_EMPTY: 409,
  ...{ POLICY_INVALID: 503, POLICY_UNSIGNED: 503, NO_RULE: 422, NO_APPROVER: 422, UNSIGNABLE: 422 },
  FORBIDDEN: 403,
  ...{ IDENTITY_UNKNOWN: 404, NO_OWNER: 422, NO_OBJECTIVE: 422, NO_CLAUSE: 403 },
  ...{ CONTRACT_ENDED: 403, NOT_ACKNOWLEDGED: 403, NEED_ENDED: 422, CASE_OPEN: 409 },
  ...{ CASE_UNKNOWN: 404, NOT_ALLOWED: 403, UNAUTHENTICATED: 401, IDEMPOTENCY_MISMATCH: 422 },
  ...{
    FENCED: 409,
    NOT_DUE: 409,
    PLAN_TAMPERED: 500,
    EVIDENCE_TAMPERED: 500,
    ALREADY_GRANTED: 409,
  },
  ...{ PROOF_MISSING: 503, TARGET_REJECTED: 409, TARGET_UNSUITABLE: 409, VERIFY_FAILED: 409 },
  ...{ DEATH_UNPROVED: 409, STILL_IN_USE: 409, CLAIM_CONTRADICTED: 409, LEASE_LOST: 409 },
  ...{
    SECRET_UNREADABLE: 500,
    CLAIM_INVALID: 422,
    NOTICE_UNDELIVERED: 500,
    PACKET_INVALID: 422,
    PROOF_INVALID: 500,
  },
  ...{ HELD: 409, PURGED: 410 },
  ...{ ENTRY_MISSING: 500, JUDGEMENT_DIFFERS: 500, OUTSIDE_WINDOW: 409 },
  ENTRIES_LOST: 409,
}

const REVIEW_AGAIN = 'Read the review of the step again and sign what it shows now.'
const NEXT: Partial<Record<RefusalCode, readonly string[]>> = {
  UNAUTHENTICATED: [
    'Get an access token from the issuer with private_key_jwt and send it as Bearer.',
  ],
  NOT_ALLOWED: ['Use an account that the authority bundle gives this right to.'],
  CASE_UNKNOWN: ['List your cases: GET /v1/cases.'],
  CASE_OPEN: ['Follow the open case of this identity, or wait until it is closed.'],
  IDEMPOTENCY_MISMATCH: ['Send the first request again unchanged, or use a new Idempotency-Key.'],
  WRONG_PLAN: [REVIEW_AGAIN],
  WRONG_NONCE: [REVIEW_AGAIN],
  PRESTATE_CHANGED: [REVIEW_AGAIN],
  REQUIREMENT_CHANGED: [REVIEW_AGAIN],
  GATE_NOT_OPEN: ['Wait until the gate opens, or sign ahead where the requirement allows it.'],
  EXPIRED: [REVIEW_AGAIN],
  LEASE_LOST: ['Lease the task again: POST /v1/cases/{caseId}/steps/{stepId}/lease.'],
  FENCED: ['Ask the owner. Lifting a fence is a case of its own.'],
  PROOF_MISSING: ['Try again in a few seconds.'],
  NO_CLAUSE: ['Ask the contract owner which clause covers this work.'],
  NEED_ENDED: ['Ask the owner to renew the business need of the identity.'],
  AUTHORITY_EXPIRED: ['The enterprise has to install a new authority bundle.'],
}

export interface ProblemOptions {
  readonly status?: number
  readonly retryAfterS?: number
}

export function sendRefusal(
  response: Response,
  refusal: Refusal,
  options: ProblemOptions = {},
): void {
  const { refused, where, detail } = refusal
  const next = NEXT[refused]
  send(
    response,
    {
      type: `urn:countersign:refusal:${refused}`,
      title: REFUSALS[refused],
      status: options.status ?? STATUS[refused],
      detail,
      where,
      ...(next === undefined ? {} : { nextActions: [...next] }),
    },
    options,
  )
}

/** Anything that is no refusal: `status` and its usual words, nothing of the cause. */
export const sendFault = (
  response: Response,
  input: { readonly status: 404 | 405 | 429 | 500 | 503; readonly retryAfterS?: number },
): void =>
  send(response, { type: 'about:blank', title: TITLES[input.status], status: input.status }, input)

const TITLES = {
  404: 'Not Found',
  405: 'Method Not Allowed',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const

function send(response: Response, problem: Problem, options: ProblemOptions): void {
  if (response.headersSent) return
  if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer')
  if (options.retryAfterS !== undefined) response.set('Retry-After', String(options.retryAfterS))
  const requestId: unknown = response.locals.requestId
  const body = typeof requestId === 'string' ? { ...problem, requestId } : problem
  response
    .status(problem.status)
    .set('Content-Type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify(body)))
}

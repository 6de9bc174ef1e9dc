/**
 * From a review to a signed decision. What is signed is what was shown: plan, step, pre-state and requirement
 * are hashed here again, from the review, and must be what the payload names. A review from an API that lies
 * about any of them is refused before the key is used.
 */
import { randomBytes } from 'node:crypto'
import type { DecideRequest, Review } from '../../contract/http.js'
import { reasonDigest, type SaltedReason } from '../../domain/bytes/commitment.js'
import { digest } from '../../domain/bytes/digest.js'
import { rootOver } from '../../domain/bytes/merkle.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Decision, Verdict } from '../../domain/shapes/envelope.js'
import type { Choice } from '../../domain/shapes/recertify.js'
import { type Signing, signEnvelope } from '../../keys/sign.js'

export interface Deciding {
  readonly review: Review
  readonly verdict: Verdict
  /** At the open gate, or ahead of it. */
  readonly form: 'gate' | 'ahead'
  /** Goes to the erasable side store; its salted digest is signed. */
  readonly reason: string | null
  /** Travel beside the envelope; their root is signed. */
  readonly choices: readonly Choice[] | null
}

export interface SignedDecision extends DecideRequest {
  readonly caseId: string
}

/** What the API's `decide` takes, signed with this key. */
export function signDecision(deciding: Deciding & Signing): SignedDecision | Refusal {
  const { keyId, signer } = deciding
  const salted = saltedOf(deciding.reason)
  const payload = decisionOf(deciding, salted)
  if (isRefusal(payload)) return payload
  const envelope = signEnvelope({ kind: 'decision', payload, keyId, signer })
  const { caseId } = payload
  const choices = deciding.choices === null ? null : [...deciding.choices]
  return salted === null
    ? { caseId, envelope, choices }
    : { caseId, envelope, choices, reason: { salt: salted.salt, text: salted.reason } }
}

const saltedOf = (reason: string | null): SaltedReason | null =>
  reason === null ? null : { salt: randomBytes(24).toString('base64url'), reason }

function decisionOf(deciding: Deciding, salted: SaltedReason | null): Decision | Refusal {
  const { review, form, verdict } = deciding
  const template = review.templates[form]
  if (template === null) return whyNot(deciding)
  const wrong = mismatch(review, template)
  if (wrong !== null)
    return refuse('WRONG_PLAN', wrong, 'the API offers to sign something else than it shows')
  const choice = deciding.choices === null ? null : rootOver(deciding.choices)
  return {
    ...{ ...template, verdict, choice },
    reasonDigest: salted === null ? null : reasonDigest(salted),
  }
}

function whyNot({ review, form }: Deciding): Refusal {
  const { cannot, stepId } = review
  if (cannot !== null) return refuse(cannot.code, '/stepId', cannot.detail)
  return form === 'gate'
    ? refuse(
        'GATE_NOT_OPEN',
        '/stepId',
        `the gate of ${stepId} is not open; --ahead signs it ahead`,
      )
    : refuse('AHEAD_FORBIDDEN', '/stepId', `the gate of ${stepId} is open: sign it without --ahead`)
}

/** Where the payload differs from what was shown; null when nowhere. */
function mismatch(review: Review, template: Decision): string | null {
  const { plan, step, requirement, preState } = review
  const planned = plan.steps.find((item) => item.stepId === review.stepId)
  const same = {
    '/caseId': template.caseId === review.caseId,
    '/enterprise': template.enterprise === review.enterprise,
    '/stepId': template.stepId === review.stepId && step.stepId === review.stepId,
    '/planHash': template.planHash === digest(plan) && review.planHash === template.planHash,
    '/step': planned !== undefined && digest(planned) === digest(step),
    '/requirementHash':
      template.requirementHash === digest(requirement) && requirement.stepId === review.stepId,
    '/gate':
      'opensWhen' in template.gate ||
      (preState !== null &&
        template.gate.preStateHash === digest(preState) &&
        template.gate.nonce === review.nonce),
  }
  return Object.entries(same).find(([, good]) => !good)?.[0] ?? null
}

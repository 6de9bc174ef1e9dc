/**
 * The owners' doors: see what awaits a signature, review it, decide. A decision proves itself by its
 * signature, so it is taken without a token too: the enterprise can act while its issuer is down. A reason in words is kept apart, where it can be erased.
 */
import { CasePath, DecideRequest, type InboxAnswer } from '../contract/http.js'
import { within } from '../domain/authority/authority.js'
import { reasonDigest } from '../domain/bytes/commitment.js'
import { currentStep } from '../domain/case/due.js'
import { fold } from '../domain/case/evolve.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import { Decision } from '../domain/shapes/envelope.js'
import { parseAs } from '../domain/shapes/parse.js'
import { openEnvelope } from '../domain/signed/envelope.js'
import { eventsSince } from '../store/case/apply.js'
import { submitDecision } from '../store/case/cases.js'
import { casesWaitingOn, keepReason } from '../store/case/queries.js'
import { keepUnlessErased } from '../store/evidence/erasure.js'
import { refusePurged } from '../store/evidence/retention.js'
import type { Call, Handler } from './call.js'
import { reviewOf } from './review.js'
import { awaitedOf, gateTimes } from './summary.js'

/** UNTRUSTED: the step. One that the plan does not have is answered with those that it has. */
export const review: Handler = async ({ deps, principal, authority, at, params }) => {
  const path = parseAs(CasePath)({ caseId: params.caseId })
  if (isRefusal(path)) return path
  const { stepId = '' } = params
  if (principal.personId === null) return refuse('NOT_ALLOWED', '/Authorization')
  const recorded = await eventsSince(deps.db, { caseId: path.caseId, after: 0 })
  const { personId } = principal
  const made = reviewOf({ ...path, stepId, recorded, authority, personId, at, newId: deps.newId })
  return isRefusal(made) ? made : { body: made }
}

/** UNTRUSTED: envelope and reason. Admitted or refused at once, with Temporal up or down. */
export const decide: Handler = async ({ deps, params, body }) => {
  const request = parseAs(DecideRequest)(body)
  if (isRefusal(request)) return request
  const kept = reasonOf(request)
  if (isRefusal(kept)) return kept
  const caseId = params.caseId ?? ''
  const { envelope, choices = null } = request
  const receipt = await submitDecision(deps, { caseId, envelope, choices, door: 'api' })
  if (isRefusal(receipt)) return receipt
  if (kept !== null) {
    const { personId } = kept
    // What was let go does not come back with a decision that is sent again.
    if ((await refusePurged(deps.db, caseId)) === null)
      await keepUnlessErased(deps.db, { personId, keep: (tx) => keepReason(tx, kept) })
  }
  return { body: receipt }
}

/** What is kept is what was signed: the words must have the digest that stands in the decision. */
function reasonOf({ envelope, reason }: DecideRequest) {
  if (reason === undefined) return null
  const opened = openEnvelope({ envelope, kind: 'decision', parse: parseAs(Decision) })
  if (isRefusal(opened)) return opened
  const salted = { salt: reason.salt, reason: reason.text }
  const digest = reasonDigest(salted)
  return opened.payload.reasonDigest === digest
    ? { ...salted, digest, personId: opened.payload.personId }
    : refuse('MALFORMED', '/reason', 'the decision does not sign the digest of this reason')
}

/** Open gates that await this person, or somebody who delegated to this person. */
export const inbox: Handler = async (call) => {
  const { deps, principal, authority, at } = call
  if (principal.personId === null) return refuse('NOT_ALLOWED', '/Authorization')
  const delegators = authority.delegations
    .filter((item) => item.to === principal.personId && within(item, at))
    .map((item) => item.from)
  const voters = [principal.personId, ...delegators]
  const caseIds = await casesWaitingOn(
    deps.db,
    voters.map((person) => `owner:${person}`),
  )
  const gates = await Promise.all(caseIds.map((caseId) => gateOf(call, { caseId, voters })))
  const answer: InboxAnswer = { gates: gates.flat() }
  return { body: answer }
}

async function gateOf(
  { deps, principal, authority, at }: Call,
  input: { readonly caseId: string; readonly voters: readonly string[] },
): Promise<InboxAnswer['gates']> {
  const { caseId, voters } = input
  const recorded = await eventsSince(deps.db, { caseId, after: 0 })
  const state = fold(caseId, recorded)
  const item = currentStep(state)
  const gate = item === null ? null : gateTimes(item)
  const { opened } = state
  const { personId } = principal
  if (item?.phase !== 'open' || gate === null || opened === null || personId === null) return []
  const { stepId } = item.step
  const reviewed = reviewOf({
    caseId,
    stepId,
    recorded,
    authority,
    personId,
    at,
    newId: deps.newId,
  })
  if (isRefusal(reviewed) || reviewed.templates.gate === null) return []
  const { onBehalfOf } = reviewed.templates.gate
  const votesFor = onBehalfOf ?? personId
  const persons = awaitedOf(item, at).flatMap((group) => group.persons)
  if (!voters.includes(votesFor) || !persons.includes(votesFor)) return []
  const { scope, systemId, tier, executor } = opened
  return [
    {
      ...{ caseId, stepId, title: item.step.title, scope, systemId, tier },
      ...{ partnerId: executor, votesFor, round: item.round, because: item.because, gate },
      links: { review: `/v1/cases/${caseId}/steps/${stepId}/review` },
    },
  ]
}

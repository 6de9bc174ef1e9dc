/**
 * The doors of decisions in advance: give a mandate that the policy's quorum has signed, see what is in
 * force, take one back. Whoever brings a mandate need not be one of its signers; the signatures count.
 */
import { type MandateList, MandateRequest } from '../contract/http-control.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { giveMandate, listMandates, revokeMandate } from '../store/streams/mandates.js'
import type { Handler } from './call.js'

/** UNTRUSTED: the envelope. */
export const give: Handler = async ({ deps, body }) => {
  const request = parseAs(MandateRequest)(body)
  if (isRefusal(request)) return request
  const given = await giveMandate(deps, request.envelope)
  if (isRefusal(given)) return atEnvelope(given)
  return { body: { mandateId: given.mandateId, signers: given.signers } }
}

/** UNTRUSTED: the envelope. Any one signer takes the mandate back, with the issuer up or down. */
export const revoke: Handler = async ({ deps, body }) => {
  const request = parseAs(MandateRequest)(body)
  if (isRefusal(request)) return request
  const revoked = await revokeMandate(deps, request.envelope)
  if (isRefusal(revoked)) return atEnvelope(revoked)
  return { body: { mandateId: revoked.mandateId, personId: revoked.personId } }
}

export const listInForce: Handler = async ({ deps, at }) => {
  const answer: MandateList = {
    mandates: (await listMandates(deps, at)).map((one) => ({ ...one, lately: [...one.lately] })),
  }
  return { body: answer }
}

const atEnvelope = (refusal: Refusal): Refusal => ({
  ...refusal,
  where: `/envelope${refusal.where}`,
})

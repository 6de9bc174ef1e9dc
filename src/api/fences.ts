/**
 * The doors of the kill switch: what a fence would stand around, and raising one. A fence proves itself by
 * its signature, so it is taken without a token too; it needs neither Temporal nor the log's signer.
 */
import { FencePath, type FencePreview, FenceRequest } from '../contract/http-control.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { identitiesIn, isRegistered } from '../domain/rights/fence.js'
import { parseAs } from '../domain/shapes/parse.js'
import { contain } from '../store/case/containment.js'
import { openCasesOf } from '../store/case/queries.js'
import { raiseFence } from '../store/streams/fences.js'
import type { Handler } from './call.js'

export const fencePreview: Handler = async ({ deps, authority, params }) => {
  const scope = parseAs(FencePath)(params)
  if (isRefusal(scope)) return scope
  if (!isRegistered(authority, scope))
    return refuse('IDENTITY_UNKNOWN', '/id', `no ${scope.kind} of this id is registered`)
  const identities = identitiesIn(authority, scope)
  const open = await openCasesOf(
    deps.db,
    identities.map(({ identityId }) => identityId),
  )
  const answer: FencePreview = {
    scope,
    identities: identities.map(({ identityId, systemId, tier, ownerId, consumers }) => ({
      ...{ identityId, systemId, tier, ownerId },
      consumers: consumers.map(({ consumerId }) => consumerId),
      openCases: open.filter((item) => item.identityId === identityId).map(({ caseId }) => caseId),
    })),
  }
  return { body: answer }
}

/** UNTRUSTED: the envelope. Acknowledged once no grant in its scope can be consumed; a cut then opens its containments. */
export const fence: Handler = async ({ deps, body }) => {
  const request = parseAs(FenceRequest)(body)
  if (isRefusal(request)) return request
  const { authority, verify } = deps
  const raised = await raiseFence(deps.db, { envelope: request.envelope, authority, verify })
  if (isRefusal(raised)) return { ...raised, where: `/envelope${raised.where}` }
  const { fenceId, scope, speed } = raised
  if (speed === 'stop') return { body: { fenceId, scope, speed, contained: [], residue: [] } }
  const containment = await contain(deps, raised)
  if (isRefusal(containment)) return containment
  const residue = containment.residue.map(({ identityId, refusal }) =>
    sayResidue(identityId, refusal),
  )
  return { body: { fenceId, scope, speed, contained: containment.contained, residue } }
}

const sayResidue = (identityId: string, { refused: code, detail }: Refusal) => ({
  identityId,
  code,
  detail,
})

/** What a connector writes about a task of the partner: that it was offered with its permit, that a claim was contradicted. */
import type { Authority } from '../../domain/authority/authority.js'
import { fromBase64 } from '../../domain/bytes/base64.js'
import { digest } from '../../domain/bytes/digest.js'
import { contradictClaim, holdsGrant } from '../../domain/decide/execution.js'
import { taskUntil } from '../../domain/decide/task.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { Permit } from '../../domain/shapes/envelope.js'
import type { EventOf } from '../../domain/shapes/event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { openEnvelope, verifySignature } from '../../domain/signed/envelope.js'
import { attest, differs, type Moment, type Reproduce, underAny } from './reproduce.js'

export const taskOffered: Reproduce<'TaskOffered'> = (moment) => {
  const { state, event, at } = moment
  const held = holdsGrant(state, event)
  if (isRefusal(held)) return held
  if (held.phase !== 'granted' || held.step.executor !== 'partner')
    return refuse('NOT_DUE', `/steps/${event.stepId}`, 'no task is due')
  const permit = underAny(moment, (authority) => openPermit({ moment, event, authority }))
  if (isRefusal(permit)) return permit
  const { opened, planHash, caseId } = state
  const until = opened === null ? '' : taskUntil({ opened, step: held, at })
  const { stepId, grantId } = event
  const companyId = opened?.executor ?? ''
  const { fencingToken } = held.grant ?? {}
  const due = {
    ...{ type: 'permit', v: 1, enterprise: opened?.enterprise, companyId, caseId, stepId },
    ...{ planHash, grantId, fencingToken, notAfter: until },
  }
  return digest(permit) === digest(due)
    ? [{ ...event, companyId, until }]
    : differs('/permit', 'the permit is for something else')
}

function openPermit(input: {
  readonly moment: Moment
  readonly event: EventOf<'TaskOffered'>
  readonly authority: Authority
}): Permit | Refusal {
  const { envelope, key } = {
    envelope: input.event.permit,
    key: input.authority.connectorKeys.get(input.event.permit.signatures[0]?.keyid ?? ''),
  }
  if (key === undefined || fromBase64(key.publicKey) === null)
    return refuse('KEY_UNKNOWN', '/permit/signatures/0/keyid')
  const { verify } = input.moment
  const verified = verifySignature({ envelope, index: 0, key, verify })
  if (verified !== true) return verified
  const opened = openEnvelope({ envelope, kind: 'permit', parse: parseAs(Permit) })
  return isRefusal(opened) ? opened : opened.payload
}

export const claimContradicted: Reproduce<'ClaimContradicted'> = ({ state, event }) => {
  const { stepId, grantId, claimId, observed } = event
  const held = holdsGrant(state, { stepId, grantId })
  return isRefusal(held) ? held : contradictClaim(state, { stepId, claimId, observed, attest })
}

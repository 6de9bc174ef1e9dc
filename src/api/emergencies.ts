/** Emergency access, through the enterprise's own doors: every use with what became of it, and the secret as it was sealed. */
import { CasePath } from '../contract/http.js'
import type { DeliveryAnswer, EmergenciesAnswer } from '../contract/http-control.js'
import { digest } from '../domain/bytes/digest.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { eventsSince } from '../store/case/apply.js'
import { sealedFor } from '../store/case/queries.js'
import { emergencyUses } from '../store/streams/emergency-uses.js'
import type { Handler } from './call.js'

export const emergencies: Handler = async ({ deps, authority }) => {
  const uses = await emergencyUses(deps.db, { authority, verify: deps.verify })
  if (isRefusal(uses)) return uses
  const answer: EmergenciesAnswer = {
    emergencies: uses.map(({ used, at, settled }) => ({
      ...{ caseId: used.caseId, identityId: used.identityId, at },
      ...{ askedBy: used.askedBy, approvedBy: used.approvedBy },
      reviewed: settled,
    })),
  }
  return { body: answer }
}

/** Anybody of the enterprise may carry it to its recipient, who alone can open it. */
export const delivery: Handler = async ({ deps, params }) => {
  const path = parseAs(CasePath)(params)
  if (isRefusal(path)) return path
  const recorded = await eventsSince(deps.db, { caseId: path.caseId, after: 0 })
  const sealed = recorded.findLast(
    ({ event }) =>
      event.type === 'OperationObserved' && event.op === 'seal' && event.outcome === 'done',
  )?.event
  if (sealed?.type !== 'OperationObserved')
    return refuse('NOT_DUE', '/caseId', 'nothing is sealed for anybody in this case')
  const { credential = '', recipient = '', jwe: stated } = sealed.observed
  const found = (await sealedFor(deps.db, sealed.grantId)).find(
    ({ consumerId }) => consumerId === recipient,
  )
  if (found === undefined || digest(found.jwe) !== stated)
    return refuse('EVIDENCE_TAMPERED', `/sealed/${recipient}`, 'not what was sealed')
  const answer: DeliveryAnswer = { credential, recipient, jwe: found.jwe }
  return { body: answer }
}

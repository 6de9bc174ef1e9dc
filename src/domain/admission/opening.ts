/**
 * What a case opens with: owner, objective, contract, executor, settings, evidence and requirements follow
 * from who asks for what, the authority and the policy pack of that moment. Asked when a case opens, again
 * in the execution gate, and by the verifier: a stored opening that does not follow was written by somebody else.
 */
import type { Authority } from '../authority/authority.js'
import { canonical } from '../bytes/digest.js'
import { isOnTarget, KINDS } from '../kinds.js'
import { admitEmergency } from '../policy/emergency.js'
import { frozen, preflight, settingsFor } from '../policy/policy.js'
import { requirementsOf } from '../policy/requirements.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { CaseOpened } from '../shapes/event.js'
import type { Pack } from '../shapes/policy.js'
import type { ResolvedRequirement } from '../shapes/requirement.js'
import { matterAsked } from './campaign.js'
import { admitReport } from './incident.js'
import { admitRequest, type CaseRequest } from './owner.js'

interface Opening {
  readonly authority: Authority
  /** The pack in force at `at`, as the authority names it. */
  readonly pack: Pack
  readonly packHash: ResolvedRequirement['pack']['hash']
  /** ISO time of the request. */
  readonly at: string
}

type Asking = Pick<CaseOpened, 'asked' | 'scope' | 'change'> & Pick<CaseRequest, 'requester'>

type Terms = Pick<
  CaseOpened,
  | 'enterprise'
  | 'scope'
  | 'systemId'
  | 'tier'
  | 'ownerId'
  | 'objectiveId'
  | 'contract'
  | 'executor'
  | 'settings'
  | 'evidence'
  | 'requirements'
>

/** Refuses what admitting a request, a freeze, resolving the requirements and their preflight refuse. */
export function termsOf(opening: Opening & { readonly request: Asking }): Terms | Refusal {
  const { authority, pack, packHash, at } = opening
  const { asked, change, requester, ...request } = opening.request
  const { kind } = asked
  const admitted = admitRequest({
    ...{ authority, request: { kind, scope: request.scope, requester }, at },
  })
  if (isRefusal(admitted)) return admitted
  const { contract, executorCompany } = admitted
  const unreportable = admitReport({ authority, matter: admitted.matter, asked, requester })
  if (unreportable !== null) return unreportable
  const emergency = { authority, matter: admitted.matter, asked, requester, change, pack, at }
  const unneeded = admitEmergency(emergency)
  if (unneeded !== null) return unneeded
  const matter = matterAsked({ matter: admitted.matter, asked, pack })
  if (isRefusal(matter)) return matter
  const { scope, tier, ownerId, objectiveId, systemId } = matter
  const ruled = { pack, kind, tier, systemId, change }
  const freeze = frozen({ ...ruled, at })
  if (freeze !== null) return freeze
  const requirements = requirementsOf({
    ...{ authority, pack, packHash, matter, asked, change, requester, executorCompany },
    askedAt: at,
  })
  if (isRefusal(requirements)) return requirements
  const { urgency } = KINDS[kind]
  const unsignable = urgency === 'at-once' ? null : preflight({ requirements, authority, at })
  if (unsignable !== null) return unsignable
  const said = settingsFor(ruled)
  if (isRefusal(said)) return said
  return {
    ...{ enterprise: authority.enterprise, scope, tier, ownerId, objectiveId, contract },
    ...{ systemId: isOnTarget(asked) ? systemId : null, executor: executorCompany },
    ...{ settings: said.settings, evidence: [...said.evidence], requirements: { ...requirements } },
  }
}

/** The opening as it has to be, for what it says was asked. A containment's fence is asked for elsewhere. */
export function openedAgain(
  opening: Opening & { readonly event: CaseOpened; readonly caseId: string },
): CaseOpened | Refusal {
  const { event, caseId } = opening
  const { changeReference: _, ...requester } = event.requester
  const { asked, scope, change } = event
  const terms = termsOf({ ...opening, request: { asked, scope, change, requester } })
  if (isRefusal(terms)) return terms
  return caseId.startsWith(`${asked.kind}:${terms.executor}:${scope.id}:`)
    ? { ...event, ...terms, caseId }
    : refuse('WRONG_CASE', '/caseId')
}

/** Null when the stored opening is the one that follows; EVIDENCE_TAMPERED otherwise. */
export function checkOpening(opening: Parameters<typeof openedAgain>[0]): Refusal | null {
  const again = openedAgain(opening)
  if (!isRefusal(again) && canonical(again) === canonical(opening.event)) return null
  const why = isRefusal(again) ? again.refused : 'it says something else'
  return refuse('EVIDENCE_TAMPERED', '/entries/1', `this case was never opened like that: ${why}`)
}

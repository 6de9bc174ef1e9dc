/** Who answers for what, with the newest evidence of it; and what somebody reports about persons. */
import { ReportRequest, type ResponsibilityAnswer } from '../contract/http-control.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import { kindsFor, ownershipGaps, responsibilities } from '../domain/review/responsibility.js'
import { parseAs } from '../domain/shapes/parse.js'
import { keepReports, lastClosed, reportedGone } from '../store/authority/ownership.js'
import { openSuccessions } from '../store/schedule/successions.js'
import type { Handler } from './call.js'
import { tenantOf } from './principal.js'

export const listResponsibilities: Handler = async ({ deps, authority }) => {
  const [closed, gone, open] = await Promise.all([
    lastClosed(deps.db),
    reportedGone(deps.db),
    openSuccessions(deps.db),
  ])
  const answer: ResponsibilityAnswer = {
    responsibilities: responsibilities(authority).map(({ partners, identities, ...one }) => ({
      ...one,
      partners: [...partners],
      identities: [...identities],
      evidence: closed
        .filter(
          ({ objectiveId, kind }) =>
            objectiveId === one.objectiveId && kindsFor(one.outcome).some((item) => item === kind),
        )
        .map(({ caseId, outcome }) => ({ caseId, outcome })),
    })),
    owed: ownershipGaps(authority, gone).map((gap) => ({
      ...gap,
      caseId:
        open.find(({ gone: who, owned }) => who === gap.ownerId && owned.includes(gap.of))
          ?.caseId ?? null,
    })),
  }
  return { body: answer }
}

/** UNTRUSTED: the body, from a directory's own list. It is kept as reported, and no decision rests on it. */
export const report: Handler = async ({ deps, principal, authority, at, body }) => {
  const request = parseAs(ReportRequest)(body)
  if (isRefusal(request)) return request
  const stranger = request.persons.find(({ personId }) => !authority.persons.has(personId))
  if (stranger !== undefined)
    return refuse('PERSON_UNKNOWN', '/persons', `${stranger.personId} is nobody here`)
  await keepReports(deps.db, { reports: request.persons, by: tenantOf(principal), at })
  return { body: { kept: request.persons.length } }
}

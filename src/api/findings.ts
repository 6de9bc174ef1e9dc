/** Findings against one partner: the enterprise reads all, a partner its own. */
import { type FindingsAnswer, PartnerPath } from '../contract/http-control.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { findingsAgainst } from '../store/streams/findings.js'
import type { Handler } from './call.js'

export const findings: Handler = async ({ deps, principal, authority, params }) => {
  const path = parseAs(PartnerPath)(params)
  if (isRefusal(path)) return path
  const { id } = path
  const foreign = principal.kind === 'partner' && principal.companyId !== id
  if (foreign || authority.companies.get(id)?.kind !== 'partner')
    return refuse('IDENTITY_UNKNOWN', '/id', 'no partner of this id is registered')
  const answer: FindingsAnswer = { findings: [...(await findingsAgainst(deps.db, id))] }
  return { body: answer }
}

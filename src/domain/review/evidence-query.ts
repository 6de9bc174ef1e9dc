/** Which cases a query for evidence asks for, as their own entries say. Exporter and verifier ask the same question. */

import { type Digest, digest } from '../bytes/digest.js'
import type { Recorded } from '../case/case.js'
import type { CaseOpened } from '../shapes/event.js'
import type { EvidenceQuery } from '../shapes/ops-event.js'

/** A case is a partner's when the partner carries it out, asked for it, or is what it is about. */
export const isOfPartner = ({ executor, requester, scope }: CaseOpened, partner: string): boolean =>
  executor === partner ||
  requester.companyId === partner ||
  (scope.kind === 'partner' && scope.id === partner)

export function isAskedFor(query: EvidenceQuery, recorded: readonly Recorded[]): boolean {
  const [first] = recorded
  if (first?.event.type !== 'CaseOpened') return false
  const { identity, partner, objective, kinds, from, until } = query
  const { event: opened, at } = first
  const { scope, asked, objectiveId } = opened
  const closed = recorded.find(({ event }) => event.type === 'CaseClosed')?.at
  return (
    (identity === null || (scope.kind === 'identity' && scope.id === identity)) &&
    (partner === null || isOfPartner(opened, partner)) &&
    (objective === null || objectiveId === objective) &&
    (kinds === null || kinds.includes(asked.kind)) &&
    (until === null || at < until) &&
    (from === null || closed === undefined || closed >= from)
  )
}

export interface CaseHead {
  readonly caseId: string
  readonly entries: number
  readonly head: Digest
}

/** Binds which cases there are and how far each had come. */
export const populationDigest = (heads: readonly CaseHead[]): Digest =>
  digest(heads.map(({ caseId, entries, head }) => ({ caseId, entries, head })))

/** Where a case of these entries stands. */
export const headOf = (caseId: string, recorded: readonly Recorded[]): CaseHead => ({
  caseId,
  entries: recorded.length,
  head: recorded.at(-1)?.hash ?? 'sha256:',
})

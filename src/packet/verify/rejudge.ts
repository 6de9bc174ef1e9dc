/**
 * rejudge: cases beside a packet's own, judged again by the same replay. What they rest on (fences, mandates,
 * demands, containments) stands beside them. The connector asks it of the store's entries when it draws a review,
 * the verifier of the packet's.
 */

import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Placed, Source } from '../../domain/review/target-changes.js'
import type { CaseOpened } from '../../domain/shapes/event.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { Believed } from '../bundles.js'
import { isCaseStream, sideEntryFile } from '../files.js'
import { readRecorded } from '../told.js'
import { attestationProblems, replay } from './replay.js'
import type { Rejudging } from './reproduce.js'
import { readContainments } from './verify-containments.js'
import { verifyDemands } from './verify-demands.js'
import { verifyFences } from './verify-fences.js'
import { verifyMandates } from './verify-mandates.js'
import type { Sides } from './verify-sides.js'
import { successorsIn } from './verify-successors.js'

/** `problems`: what of the evidence cannot be believed at all, so that nothing follows from it. */
export function rejudging(
  sides: Pick<Sides, 'entries'>,
  by: { readonly believed: Believed; readonly verify: Verify },
): Rejudging & { readonly problems: readonly Refusal[] } {
  const { sources, problems } = readSources(sides)
  const { fences, problems: fenceProblems } = verifyFences(by, sides)
  const { mandates, problems: mandateProblems } = verifyMandates(by, sides)
  const { findings } = verifyDemands(sides)
  const { containments } = readContainments(sides)
  // A partner carries out no drill, no review and no emergency.
  const none = { exercises: new Map(), reviewed: null, emergencies: [] }
  const successors = successorsIn(sides)
  const beside = { ...by, ...none, fences, mandates, findings, containments, successors }
  const asReplay = ({ caseId, recorded }: Source) => ({
    ...{ ...beside, caseId, recorded },
    indexes: recorded.map(({ index }) => index),
  })
  const unattested = sources.flatMap((source) =>
    attestationProblems(asReplay(source)).map((problem) => ({
      ...problem,
      where: `${source.caseId}/${problem.where}`,
    })),
  )
  return {
    sources,
    problems: [...problems, ...fenceProblems, ...mandateProblems, ...unattested],
    judge: (source) => replay(asReplay(source)).problem,
    respondWithinMs: (opened, at) => respondWithin(by.believed, { opened, at }),
  }
}

function readSources({ entries }: Pick<Sides, 'entries'>) {
  const sources: Source[] = []
  const problems: Refusal[] = []
  for (const [caseId, own] of entries) {
    if (!isCaseStream(caseId)) continue
    const recorded: Placed[] = []
    for (const { stored, index } of own) {
      const one = readRecorded(stored)
      if (isRefusal(one))
        problems.push(
          refuse('EVIDENCE_TAMPERED', sideEntryFile(caseId, stored.entry.seq), one.detail),
        )
      else recorded.push({ ...one, index })
    }
    sources.push({ caseId, recorded })
  }
  return { sources, problems }
}

/** What the clause gives, by the bundle under which the case was opened. */
function respondWithin(
  believed: Believed,
  { opened, at }: { readonly opened: CaseOpened; readonly at: string },
): number | null {
  const authority = believed.named(opened.authority, at)
  if (isRefusal(authority)) return null
  const { contractId, clauseId } = opened.contract ?? {}
  return (
    authority.contracts
      .find((contract) => contract.contractId === contractId)
      ?.clauses.find((clause) => clause.clauseId === clauseId)?.respondWithinMs ?? null
  )
}

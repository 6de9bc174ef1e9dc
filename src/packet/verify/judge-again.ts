/**
 * judgeAgain: one case, judged again from its first entry with what it rests on beside it. Asked of the entries of a
 * packet and of those of the store itself: where they stand in the log, and that they are whole, was checked before.
 */
import type { Recorded } from '../../domain/case/case.js'
import type { Refusal } from '../../domain/refusal.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { Files } from '../archive.js'
import type { Believed } from '../bundles.js'
import { rejudging } from './rejudge.js'
import { attestationProblems, replay } from './replay.js'
import { readContainments } from './verify-containments.js'
import { documentProblems, verifyDemands } from './verify-demands.js'
import { verifyEmergencies } from './verify-emergencies.js'
import { verifyExercises } from './verify-exercises.js'
import { verifyFences } from './verify-fences.js'
import { verifyMandates } from './verify-mandates.js'
import type { Sides } from './verify-sides.js'
import { successorsIn } from './verify-successors.js'

export interface CaseEvidence {
  readonly caseId: string
  readonly recorded: readonly Recorded[]
  /** Index in the log of each entry. */
  readonly indexes: readonly number[]
  readonly sides: Sides
  /** Among them the documents that were handed in. */
  readonly files: Files
  readonly believed: Believed
  readonly verify: Verify
}

/** Empty when every entry is what the core answers there; the first that is not ends the case, and is named by its file in a packet. */
export function judgeAgain(evidence: CaseEvidence): readonly Refusal[] {
  const { caseId, recorded, indexes, sides, files, believed, verify } = evidence
  const by = { believed, verify }
  const { fences, problems: fenceProblems } = verifyFences(by, sides)
  const { mandates, problems: mandateProblems } = verifyMandates(by, sides)
  const { findings, problems: demandProblems } = verifyDemands(sides)
  const { containments, problems: containmentProblems } = readContainments(sides)
  const { exercises, problems: exerciseProblems } = verifyExercises(sides, { ...by, caseId })
  const { emergencies, problems: emergencyProblems } = verifyEmergencies(by, sides)
  const reviewed = isReview(recorded) ? rejudging(sides, by) : null
  const again = {
    ...{ caseId, recorded, indexes, believed, verify },
    ...{ fences, mandates, findings, containments, exercises, reviewed, emergencies },
    successors: successorsIn(sides),
  }
  const { problem } = replay(again)
  return [
    ...sides.problems,
    ...fenceProblems,
    ...mandateProblems,
    ...demandProblems,
    ...emergencyProblems,
    ...documentProblems(files, recorded),
    ...containmentProblems,
    ...exerciseProblems,
    ...(reviewed?.problems ?? []),
    ...attestationProblems(again),
    ...(problem === null ? [] : [problem]),
  ]
}

const isReview = ([first]: readonly Recorded[]): boolean =>
  first?.event.type === 'CaseOpened' && first.event.asked.kind === 'partner-review'

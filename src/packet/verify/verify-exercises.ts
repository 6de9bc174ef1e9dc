/** The cases in a drill's packet in which the rights were exercised: proved, read strictly, and attested as their own packets say. */
import type { Recorded } from '../../domain/case/case.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { Believed } from '../bundles.js'
import { sideEntryFile } from '../files.js'
import { readRecorded } from '../told.js'
import { isAttestedThen } from './attested.js'
import type { Sides } from './verify-sides.js'

/** The entries of one case beside the packet's own, with where each stands in the log. */
export type Exercised = readonly { readonly index: number; readonly recorded: Recorded }[]
export type Exercises = ReadonlyMap<string, Exercised>

const KINDS = ['contain:', 'exception:', 'demand:']

/** Empty for a packet of another kind of case. */
export function verifyExercises(
  sides: Sides,
  by: { readonly caseId: string; readonly believed: Believed; readonly verify: Verify },
): { readonly exercises: Exercises; readonly problems: readonly Refusal[] } {
  const exercises = new Map<string, Exercised>()
  const problems: Refusal[] = []
  if (!by.caseId.startsWith('drill:')) return { exercises, problems }
  for (const [stream, entries] of sides.entries) {
    if (!KINDS.some((kind) => stream.startsWith(kind))) continue
    const read = entries.flatMap(({ stored, index }) => {
      const recorded = readRecorded(stored)
      const good = !isRefusal(recorded) && isAttestedThen({ ...by, caseId: stream }, recorded)
      if (good) return [{ index, recorded }]
      problems.push(refuse('EVIDENCE_TAMPERED', sideEntryFile(stream, stored.entry.seq)))
      return []
    })
    exercises.set(stream, read)
  }
  return { exercises, problems }
}

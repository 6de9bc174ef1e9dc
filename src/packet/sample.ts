/**
 * A *sample*: some cases of a collection, drawn by a seed. Each case has its place by the SHA-256 of seed and case id,
 * and the first ones are the sample: the same seed over the same cases gives the same sample anywhere, in any language.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { digestOf } from '../domain/bytes/digest.js'

/** Of the cases, `of` at most, in the order in which they are drawn. */
export const sampleOf = (
  cases: readonly string[],
  { seed, of }: { readonly seed: string; readonly of: number },
): readonly string[] =>
  cases
    .map((caseId) => ({ caseId, place: digestOf(utf8ToBytes(`${seed}\n${caseId}`)) }))
    .sort((left, right) => (left.place < right.place ? -1 : 1))
    .slice(0, of)
    .map(({ caseId }) => caseId)

/** What a look at the whole store is made by, and how what it finds is kept together. */

import type { Refusal } from '../domain/refusal.js'
import type { Trust } from '../domain/shapes/authority.js'
import type { Verify } from '../domain/signed/envelope.js'
import { sideStreamsIn } from '../packet/files.js'
import type { Found } from '../store/case/inspect.js'

export interface By {
  readonly trust: Trust
  readonly verify: Verify
}

const ENTRY = /^entries\/0*([1-9][0-9]*)\.json$/
const SIDE = /\/0*([1-9][0-9]*)\.json$/

/** What a judge of a packet says of one of its files, as said of the store: the entry of the case, or of a stream beside it. */
export function foundIn(caseId: string, refusal: Refusal): Found {
  const own = ENTRY.exec(refusal.where)?.[1]
  if (own !== undefined) return { subject: caseId, refusal: { ...refusal, where: `/${own}` } }
  const [beside] = sideStreamsIn([refusal.where])
  const seq = SIDE.exec(refusal.where)?.[1]
  return beside === undefined || seq === undefined
    ? { subject: caseId, refusal: { ...refusal, where: `/${refusal.where}` } }
    : { subject: beside, refusal: { ...refusal, where: `/${seq}` } }
}

/** Each finding once, in the order in which they were made. */
export const distinct = (found: readonly Found[]): readonly Found[] =>
  [
    ...new Map(
      found
        .toReversed()
        .map((one) => [`${one.subject} ${one.refusal.where} ${one.refusal.refused}`, one]),
    ).values(),
  ].toReversed()

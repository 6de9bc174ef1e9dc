/**
 * The mandates of a packet. Who signed and who took back is judged again at each use; here each use is the
 * connector's, over everything that stood before it. What is no event of a mandate says nothing, as in the gate.
 */

import { purposeOfCase } from '../../domain/authority/grace.js'
import { isAttestedBy } from '../../domain/case/attestation.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { RecordedMandateEvent } from '../../domain/rights/mandate-record.js'
import { MandateEvent, type MandateUsed } from '../../domain/shapes/mandate-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { StoredEntry } from '../../ledger/entry.js'
import { sideEntryFile } from '../files.js'
import type { Believing, Sides } from './verify-sides.js'

export interface MandateEntry extends RecordedMandateEvent {
  /** Its index in the log. */
  readonly index: number
}
export type Mandates = ReadonlyMap<string, readonly MandateEntry[]>

export function verifyMandates(
  input: Believing,
  sides: Pick<Sides, 'entries'>,
): { readonly mandates: Mandates; readonly problems: readonly Refusal[] } {
  const mandates = new Map<string, readonly MandateEntry[]>()
  const problems: Refusal[] = []
  for (const [stream, entries] of sides.entries) {
    if (!stream.startsWith('mandate:')) continue
    const read: MandateEntry[] = []
    for (const { stored, index } of entries) {
      const event = parseAs(MandateEvent)(stored.entry.body)
      if (isRefusal(event)) continue
      const forged = event.type === 'MandateUsed' ? forgedUse(input, { stored, event }) : null
      if (forged !== null) problems.push(forged)
      read.push({ at: stored.entry.at, event, index })
    }
    mandates.set(stream.slice('mandate:'.length), read)
  }
  return { mandates, problems }
}

/** Null when a connector that a root in force then names signed this use, in this place of this stream. */
function forgedUse(
  { believed, verify }: Believing,
  of: { readonly stored: StoredEntry; readonly event: MandateUsed },
): Refusal | null {
  const { event } = of
  const { at, prev, stream, seq } = of.stored.entry
  const { caseId } = event
  const where = sideEntryFile(stream, seq)
  if (event.follows !== prev)
    return refuse('EVIDENCE_TAMPERED', where, 'the connector signed this use after another entry')
  const good = believed
    .inForce(at, purposeOfCase(caseId))
    .some((authority) => isAttestedBy({ caseId, event, authority, verify }))
  return good
    ? null
    : refuse('EVIDENCE_TAMPERED', where, 'no connector that the root names signed this')
}

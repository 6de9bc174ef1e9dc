/** The uses of emergency access in a packet: each signed by a connector, so that how many were unreviewed is counted again. */
import { isAttestedBy } from '../../domain/case/attestation.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { EmergencyEvent } from '../../domain/shapes/emergency-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { sideEntryFile } from '../files.js'
import type { Believing, Sides } from './verify-sides.js'

export interface EmergencyEntry {
  readonly at: string
  readonly event: EmergencyEvent
  /** Its index in the log. */
  readonly index: number
}

export function verifyEmergencies(
  { believed, verify }: Believing,
  sides: Sides,
): { readonly emergencies: readonly EmergencyEntry[]; readonly problems: readonly Refusal[] } {
  const emergencies: EmergencyEntry[] = []
  const problems: Refusal[] = []
  for (const [stream, entries] of sides.entries) {
    if (!stream.startsWith('emergency-use:')) continue
    for (const { stored, index } of entries) {
      const { body, at, seq } = stored.entry
      const event = parseAs(EmergencyEvent)(body)
      const good =
        !isRefusal(event) &&
        believed
          .inForce(at)
          .some((authority) => isAttestedBy({ caseId: event.caseId, event, authority, verify }))
      if (good) emergencies.push({ at, event, index })
      else problems.push(refuse('EVIDENCE_TAMPERED', sideEntryFile(stream, seq)))
    }
  }
  return { emergencies, problems }
}

/**
 * An attestation is the connector's signature over an event of a case: what makes a row that says
 * "granted" or "observed" more than a row. It covers the case id and the event without the signature.
 */
import type { Authority } from './authority.js'
import { fromBase64, toBase64 } from './base64.js'
import type { Recorded } from './case.js'
import { canonicalBytes } from './digest.js'
import { pae, type Verify } from './envelope.js'
import { type Refusal, refuse } from './refusal.js'
import { PAYLOAD_TYPES } from './shapes/envelope.js'
import { ATTESTED, type AttestedEvent, type CaseEvent } from './shapes/event.js'

const attestedBytes = (caseId: string, event: object): Uint8Array =>
  pae(PAYLOAD_TYPES.attestation, canonicalBytes({ caseId, event }))

export const isAttested = (event: CaseEvent): event is AttestedEvent =>
  ATTESTED.some((type) => type === event.type)

type Unattested<Event extends AttestedEvent = AttestedEvent> = Event extends AttestedEvent
  ? Omit<Event, 'attestation'>
  : never
/** Signs the event for this case with the connector's key. */
export type Attest = (event: Unattested) => AttestedEvent

export interface Attestor {
  readonly keyId: string
  readonly sign: (message: Uint8Array) => Uint8Array
}

export const attestWith =
  (caseId: string, attestor: Attestor) =>
  (event: object): AttestedEvent => {
    const sig = toBase64(attestor.sign(attestedBytes(caseId, event)))
    return { ...event, attestation: { keyid: attestor.keyId, sig } } as AttestedEvent
  }

/** Afterwards every event that only a connector may write was signed by a connector that the root names. */
export function checkAttestations(input: {
  readonly caseId: string
  readonly recorded: readonly Recorded[]
  readonly authority: Authority
  readonly verify: Verify
}): Refusal | null {
  for (const { event, seq } of input.recorded) {
    if (!isAttested(event)) continue
    const { attestation, ...rest } = event
    const key = input.authority.connectorKeys.get(attestation.keyid)
    const signature = fromBase64(attestation.sig)
    const publicKey = key === undefined ? null : fromBase64(key.publicKey)
    const message = attestedBytes(input.caseId, rest)
    if (key === undefined || signature === null || publicKey === null)
      return refuse(
        'EVIDENCE_TAMPERED',
        `/entries/${seq}`,
        'written by no connector that the root names',
      )
    if (!input.verify({ alg: key.alg, publicKey, message, signature }))
      return refuse('EVIDENCE_TAMPERED', `/entries/${seq}`, 'the connector did not sign this')
  }
  return null
}

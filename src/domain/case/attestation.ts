/**
 * An attestation is the connector's signature over an event of a case: what makes a row that says
 * "granted" or "observed" more than a row. It covers the case id and the event without the signature.
 */
import type { Authority } from '../authority/authority.js'
import { fromBase64, toBase64 } from '../bytes/base64.js'
import { canonicalBytes } from '../bytes/digest.js'
import { type Refusal, refuse } from '../refusal.js'
import { PAYLOAD_TYPES } from '../shapes/envelope.js'
import { ATTESTED, type AttestedEvent, type CaseEvent } from '../shapes/event.js'
import { pae, type Verify } from '../signed/envelope.js'
import type { Recorded } from './case.js'

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

/** The event with the connector's signature over it, bound to this case. */
export function attested<Event extends object>(
  event: Event,
  by: Attestor & { readonly caseId: string },
): Event & { readonly attestation: { readonly keyid: string; readonly sig: string } } {
  const sig = toBase64(by.sign(attestedBytes(by.caseId, event)))
  return { ...event, attestation: { keyid: by.keyId, sig } }
}

export const attestWith =
  (caseId: string, attestor: Attestor) =>
  (event: object): AttestedEvent =>
    attested(event, { ...attestor, caseId }) as AttestedEvent

/** True when a connector that the root names signed this event for this case. */
export function isAttestedBy(input: {
  readonly caseId: string
  readonly event: { readonly attestation: { readonly keyid: string; readonly sig: string } }
  readonly authority: Authority
  readonly verify: Verify
}): boolean {
  const { attestation, ...rest } = input.event
  const key = input.authority.connectorKeys.get(attestation.keyid)
  const signature = fromBase64(attestation.sig)
  const publicKey = key === undefined ? null : fromBase64(key.publicKey)
  const message = attestedBytes(input.caseId, rest)
  if (key === undefined || signature === null || publicKey === null) return false
  return input.verify({ alg: key.alg, publicKey, message, signature })
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
    if (!isAttestedBy({ ...input, event }))
      return refuse(
        'EVIDENCE_TAMPERED',
        `/entries/${seq}`,
        'no connector that the root names signed this',
      )
  }
  return null
}

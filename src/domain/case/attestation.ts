/**
 * An attestation is the connector's signature over an event of a case: what makes a row that says
 * "granted" or "observed" more than a row. What is signed is a DSSE envelope around the in-toto statement of the
 * case id and the event without the signature; the entry keeps the signature, from which the envelope is made again.
 */
import type { Authority } from '../authority/authority.js'
import { fromBase64, toBase64 } from '../bytes/base64.js'
import { canonicalBytes } from '../bytes/digest.js'
import { type Refusal, refuse } from '../refusal.js'
import type { Attestation } from '../shapes/basic.js'
import { type Envelope, PAYLOAD_TYPES } from '../shapes/envelope.js'
import { ATTESTED, type AttestedEvent, type CaseEvent } from '../shapes/event.js'
import { pae, type Verify } from '../signed/envelope.js'
import { statementBytes } from '../signed/statement.js'
import type { Recorded } from './case.js'

type Signed = Pick<Attestation, 'form'> & {
  readonly caseId: string
  readonly event: object
}
/** Entries from before have no form, and are over the bare event. */
const attestedBytes = ({ form, caseId, event }: Signed): Uint8Array =>
  form === undefined
    ? pae(PAYLOAD_TYPES.attestation, canonicalBytes({ caseId, event }))
    : pae(PAYLOAD_TYPES.statement, statementBytes({ caseId, event }))

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
): Event & { readonly attestation: Attestation } {
  const form = 'in-toto'
  const sig = toBase64(by.sign(attestedBytes({ form, caseId: by.caseId, event })))
  return { ...event, attestation: { keyid: by.keyId, sig, form } }
}

/** The envelope that the connector signed, as in-toto tools read it; null for an event attested in the form from before. */
export function attestedEnvelope(
  caseId: string,
  { attestation, ...event }: AttestedEvent,
): Envelope | null {
  const { keyid, sig, form } = attestation
  if (form === undefined) return null
  const payload = toBase64(statementBytes({ caseId, event }))
  return { payloadType: PAYLOAD_TYPES.statement, payload, signatures: [{ keyid, sig }] }
}

export const attestWith =
  (caseId: string, attestor: Attestor) =>
  (event: object): AttestedEvent =>
    attested(event, { ...attestor, caseId }) as AttestedEvent

/** True when a connector that the root names signed this event for this case. */
export function isAttestedBy(input: {
  readonly caseId: string
  readonly event: { readonly attestation: Attestation }
  readonly authority: Authority
  readonly verify: Verify
}): boolean {
  const { attestation, ...rest } = input.event
  const key = input.authority.connectorKeys.get(attestation.keyid)
  const signature = fromBase64(attestation.sig)
  const publicKey = key === undefined ? null : fromBase64(key.publicKey)
  const { form } = attestation
  const message = attestedBytes({ form, caseId: input.caseId, event: rest })
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

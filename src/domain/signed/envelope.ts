/**
 * An *envelope* (DSSE v1, in-toto) carries a payload as exact bytes, its type, and signatures over the
 * pre-authentication encoding of both. Order of use: find the key by `keyid`, `verifySignature`, and only
 * then `openEnvelope`, which parses strictly. The signature primitive is passed in, so that the gate, the
 * API, the browser and the offline verifier run this same code.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromBase64 } from '../bytes/base64.js'
import { type Digest, digest, parseCanonical } from '../bytes/digest.js'
import { readEs256 } from '../bytes/ecdsa.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { PublicKey } from '../shapes/authority.js'
import type { Assurance } from '../shapes/basic.js'
import {
  base64Characters,
  type Envelope,
  maxPayloadBytes,
  PAYLOAD_TYPES,
  type PayloadKind,
} from '../shapes/envelope.js'
import { readPublicKey } from './public-key.js'
import { checkAssertion, type RelyingParty, type Verify } from './webauthn.js'

export type { Verify } from './webauthn.js'

export interface OpenedEnvelope<Payload> {
  readonly payload: Payload
  /** The bytes that were signed. */
  readonly payloadBytes: Uint8Array
}

/** A key as the authority bundle states it. With a relying party it is a passkey, and signs assertions only. */
export type VerificationKey = PublicKey & {
  readonly assurance?: Assurance
  readonly relyingParty?: RelyingParty | null
}

/** DSSE v1 pre-authentication encoding: `DSSEv1 <len> <type> <len> <payload>`, lengths in bytes, decimal. */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8ToBytes(payloadType)
  const head = utf8ToBytes(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `)
  return concatBytes(head, payload)
}

/** The text read last and its bytes: whoever verifies an envelope opens it next. Nobody writes to the bytes. */
let last: { readonly text: string; readonly bytes: Uint8Array } | null = null

/** UNTRUSTED: the payload's bytes, of any content. MALFORMED when not canonical base64, TOO_LARGE for its type. */
export function decodePayload({ payloadType, payload: text }: Envelope): Uint8Array | Refusal {
  if (text.length > base64Characters(maxPayloadBytes(payloadType)))
    return refuse('TOO_LARGE', '/payload')
  if (last?.text === text) return last.bytes
  const bytes = fromBase64(text)
  if (bytes === null) return refuse('MALFORMED', '/payload', 'the payload is not canonical base64')
  last = { text, bytes }
  return bytes
}

/** Which keys claim to have signed, in order: hints for finding keys, not proof of anything. */
export const readKeyIds = (envelope: Envelope): readonly string[] =>
  envelope.signatures.map((signature) => signature.keyid)

/** The bytes that every signature of this envelope is over (a passkey: whose SHA-256 is the challenge). */
export function signedBytes(envelope: Envelope): Uint8Array | Refusal {
  const payload = decodePayload(envelope)
  return isRefusal(payload) ? payload : pae(envelope.payloadType, payload)
}

export interface SignatureCheck {
  readonly envelope: Envelope
  readonly index: number
  readonly key: VerificationKey
  readonly verify: Verify
}

/** UNTRUSTED: nothing in the envelope has been believed yet. True says: this key signed exactly these bytes as this type. */
export function verifySignature({ envelope, index, key, verify }: SignatureCheck): true | Refusal {
  const where = `/signatures/${index}`
  const signature = envelope.signatures[index]
  if (signature === undefined) return refuse('MALFORMED', where, 'there is no such signature')
  if (signature.keyid !== key.keyId) return refuse('KEY_UNKNOWN', `${where}/keyid`)
  const publicKey = readPublicKey(key, `${where}/keyid`)
  if (isRefusal(publicKey)) return publicKey
  const message = signedBytes(envelope)
  if (isRefusal(message)) return message
  const sig = fromBase64(signature.sig)
  if (sig === null) return refuse('MALFORMED', `${where}/sig`, 'not canonical base64')
  const signed = { alg: key.alg, publicKey, message, signature: sig }
  const assertion = signature.webauthn
  const relyingParty = key.relyingParty ?? null
  if (relyingParty === null) return verifyPlain({ signed, where, verify, key, assertion })
  if (assertion === undefined) return refuse('ASSERTION_INVALID', where, 'no assertion')
  const challenge = sha256(message)
  const checked = checkAssertion({
    ...{ assertion, relyingParty, challenge, verify },
    ...{ key: { alg: key.alg, publicKey }, signature: sig },
  })
  return checked === true ? true : refuse(checked.refused, where + checked.where, checked.detail)
}

interface PlainCheck {
  readonly signed: Parameters<Verify>[0]
  readonly where: string
  readonly verify: Verify
  readonly key: VerificationKey
  readonly assertion: unknown
}

/** A key without a relying party can prove no user verification, so it never counts as a passkey. */
function verifyPlain({ signed, where, verify, key, assertion }: PlainCheck): true | Refusal {
  if (key.assurance === 'passkey')
    return refuse('ASSERTION_INVALID', where, 'this passkey has no relying party')
  if (assertion !== undefined)
    return refuse('MALFORMED', `${where}/webauthn`, 'this key signs no assertions')
  const signature = signed.alg === 'es256' ? readEs256(signed.signature) : signed.signature
  if (signature === null) return refuse('SIGNATURE_INVALID', `${where}/sig`)
  return verify({ ...signed, signature }) || refuse('SIGNATURE_INVALID', `${where}/sig`)
}

export interface Opening<Payload> {
  readonly envelope: Envelope
  readonly kind: PayloadKind
  /** A strict reader of one shape, such as `parseAs(Decision)`. */
  readonly parse: (value: unknown) => Payload | Refusal
}

/** To be called after `verifySignature`. Afterwards: the payload is of this kind, canonical (RFC 8785), and of this shape. */
export function openEnvelope<Payload>(
  opening: Opening<Payload>,
): OpenedEnvelope<Payload> | Refusal {
  const { envelope, kind, parse } = opening
  if (envelope.payloadType !== PAYLOAD_TYPES[kind]) return refuse('WRONG_TYPE', '/payloadType')
  const payloadBytes = decodePayload(envelope)
  if (isRefusal(payloadBytes)) return payloadBytes
  const document = parseCanonical(payloadBytes, maxPayloadBytes(envelope.payloadType))
  if (isRefusal(document)) return document
  const payload = parse(document.value)
  return isRefusal(payload) ? payload : { payload, payloadBytes }
}

/** Names this envelope with its signatures: two envelopes around one payload have two digests. */
export const envelopeDigest = (envelope: Envelope): Digest => digest(envelope)

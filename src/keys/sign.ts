/**
 * A *signer* holds one private key and gives out signatures only; the key itself never leaves it.
 * `signEnvelope` signs a payload's canonical bytes as one payload type. Different purposes have different
 * keys: a key that signs envelopes is never made to sign a note, and the bytes could not be mistaken.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { toBase64 } from '../domain/bytes/base64.js'
import { canonicalBytes, parseCanonical } from '../domain/bytes/digest.js'
import { isRefusal } from '../domain/refusal.js'
import {
  type Envelope,
  maxPayloadBytes,
  PAYLOAD_TYPES,
  type PayloadKind,
} from '../domain/shapes/envelope.js'
import { readKeyIds, signedBytes } from '../domain/signed/envelope.js'

export interface Signer {
  readonly alg: 'ed25519' | 'es256'
  /** Raw: 32 bytes (Ed25519) or the uncompressed point (P-256). */
  readonly publicKey: Uint8Array
  /** 64 bytes: Ed25519, or ES256 as raw r||s. */
  readonly sign: (message: Uint8Array) => Uint8Array
}

export interface GeneratedKey {
  /** Raw, base64. */
  readonly publicKey: string
  /** PKCS#8, not encrypted. A secret. */
  readonly privateKeyPem: string
}

export function generateEd25519(): GeneratedKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { publicKey: toBase64(signerFromKey(privateKey).publicKey), privateKeyPem }
}

/** Throws TypeError, without the text, for what is not a private Ed25519 or P-256 key or needs another passphrase. */
export const signerFromPem = (pem: string, passphrase?: string): Signer =>
  signerFromKey(readPrivateKey(pem, passphrase))

function readPrivateKey(pem: string, passphrase?: string): KeyObject {
  try {
    return createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase })
  } catch {
    throw new TypeError('the private key cannot be read, or not with this passphrase')
  }
}

/** Throws TypeError for a key of any other kind than private Ed25519 or P-256. */
export function signerFromKey(key: KeyObject): Signer {
  if (key.asymmetricKeyType === 'ed25519')
    return {
      ...{ alg: 'ed25519', publicKey: rawPublicKey(key, 32) },
      sign: (message) => sign(null, message, key),
    }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new TypeError('not an Ed25519 or P-256 key')
  return {
    ...{ alg: 'es256', publicKey: rawPublicKey(key, 65) },
    sign: (message) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }),
  }
}

/** A SubjectPublicKeyInfo ends in the raw key. Not by way of a JWK: on Node 20 that export can wait for itself for ever. */
const rawPublicKey = (key: KeyObject, length: number): Uint8Array =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-length)

export interface Signing {
  readonly keyId: string
  readonly signer: Signer
}

/** Throws TypeError for a payload that no reader would accept: too large, or without a canonical form. */
export function signEnvelope(
  input: Signing & { readonly kind: PayloadKind; readonly payload: unknown },
): Envelope {
  const bytes = canonicalBytes(input.payload)
  const payloadType = PAYLOAD_TYPES[input.kind]
  const readable = parseCanonical(bytes, maxPayloadBytes(payloadType))
  if (isRefusal(readable)) throw new TypeError(`a payload that nobody accepts: ${readable.refused}`)
  return withSignature({
    ...input,
    envelope: { payloadType, payload: toBase64(bytes), signatures: [] },
  })
}

/** The same envelope with one more signature, for thresholds. Throws TypeError when this key has signed already. */
export function addSignature(input: Signing & { readonly envelope: Envelope }): Envelope {
  if (readKeyIds(input.envelope).includes(input.keyId))
    throw new TypeError('this key has signed the envelope already')
  return withSignature(input)
}

function withSignature({
  envelope,
  keyId,
  signer,
}: Signing & { readonly envelope: Envelope }): Envelope {
  const message = signedBytes(envelope)
  if (isRefusal(message)) throw new TypeError(`an unreadable envelope: ${message.refused}`)
  const signature = { keyid: keyId, sig: toBase64(signer.sign(message)) }
  return { ...envelope, signatures: [...envelope.signatures, signature] }
}

/** A signature over a note's text (C2SP signed-note). Throws TypeError for bytes that an envelope's signature could be over. */
export function signNoteBytes(signer: Signer, text: Uint8Array): Uint8Array {
  if (signer.alg !== 'ed25519') throw new TypeError('a note is signed with Ed25519')
  if (Buffer.from(text).subarray(0, 7).toString('latin1') === 'DSSEv1 ')
    throw new TypeError('these bytes belong to an envelope, not to a note')
  return signer.sign(text)
}

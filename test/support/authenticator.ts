/**
 * A software authenticator (WebAuthn Level 3 §6): one passkey, real keys, real signatures. Every field of
 * what it signs can be bent before it signs, so that a test meets the check meant and not just a broken
 * signature.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { toBase64, toBase64Url } from '../../src/domain/bytes/base64.js'
import { canonicalBytes } from '../../src/domain/bytes/digest.js'
import { type Envelope, PAYLOAD_TYPES, type PayloadKind } from '../../src/domain/shapes/envelope.js'
import { pae } from '../../src/domain/signed/envelope.js'
import { signerFromKey } from '../../src/keys/sign.js'

export const UP = 0x01
export const UV = 0x04
export const BE = 0x08
export const BS = 0x10
export const AT = 0x40
export const ED = 0x80

export interface Bend {
  readonly rpId?: string
  readonly flags?: number
  readonly counter?: number
  /** What follows the 37 bytes of the header. */
  readonly tail?: Uint8Array
  /** Replaces or adds fields; an undefined one is left out. */
  readonly clientData?: Readonly<Record<string, unknown>>
  /** The whole clientDataJSON instead. */
  readonly clientDataBytes?: Uint8Array
  /** The whole authenticatorData instead. */
  readonly authenticatorData?: Uint8Array
}

export interface Passkey {
  readonly alg: 'ed25519' | 'es256'
  /** Raw, base64. */
  readonly publicKey: string
  readonly relyingParty: { readonly id: string; readonly origins: string[] }
  readonly assert: (challenge: Uint8Array, bend?: Bend) => PasskeySignature
}

export interface PasskeySignature {
  readonly sig: string
  readonly webauthn: { readonly authenticatorData: string; readonly clientDataJSON: string }
}

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest()

export function createPasskey(alg: Passkey['alg'], rpId = 'console.example'): Passkey {
  const { privateKey } =
    alg === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const origin = `https://${rpId}`
  return {
    alg,
    publicKey: toBase64(signerFromKey(privateKey).publicKey),
    relyingParty: { id: rpId, origins: [origin] },
    assert: (challenge, bend = {}) => {
      const clientData = bend.clientDataBytes ?? clientDataOf({ challenge, origin, bend })
      const authenticatorData = bend.authenticatorData ?? authenticatorDataOf(rpId, bend)
      const message = Buffer.concat([authenticatorData, sha256(clientData)])
      const sig = sign(alg === 'ed25519' ? null : 'sha256', message, privateKey)
      return {
        sig: toBase64(sig),
        webauthn: {
          authenticatorData: toBase64(authenticatorData),
          clientDataJSON: toBase64(clientData),
        },
      }
    },
  }
}

function clientDataOf(input: { challenge: Uint8Array; origin: string; bend: Bend }): Uint8Array {
  const { challenge, origin, bend } = input
  const said = { type: 'webauthn.get', challenge: toBase64Url(challenge), origin }
  return Buffer.from(JSON.stringify({ ...said, crossOrigin: false, ...bend.clientData }))
}

function authenticatorDataOf(rpId: string, bend: Bend): Uint8Array {
  const rest = Buffer.alloc(5)
  rest.writeUInt8(bend.flags ?? UP | UV, 0)
  rest.writeUInt32BE(bend.counter ?? 0, 1)
  return Buffer.concat([sha256(bend.rpId ?? rpId), rest, bend.tail ?? Buffer.alloc(0)])
}

export interface PasskeySigning {
  readonly kind: PayloadKind
  readonly payload: unknown
  readonly keyId: string
  readonly passkey: Passkey
  readonly bend?: Bend
}

/** What the console does: an envelope whose challenge is the SHA-256 of its pre-authentication encoding. */
export function signWithPasskey(signing: PasskeySigning): Envelope {
  const payloadType = PAYLOAD_TYPES[signing.kind]
  const bytes = canonicalBytes(signing.payload)
  const signature = signing.passkey.assert(sha256(pae(payloadType, bytes)), signing.bend)
  return {
    payloadType,
    payload: toBase64(bytes),
    signatures: [{ keyid: signing.keyId, ...signature }],
  }
}

/**
 * checkAssertion: does this WebAuthn assertion prove that the holder of this passkey, verified as a user
 * on an origin of the relying party, signed this challenge? (Web Authentication Level 3 §7.2.) The challenge
 * is the SHA-256 of an envelope's pre-authentication encoding. The signature counter proves nothing for
 * synced passkeys, which leave it at 0, and is not consulted.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromBase64, toBase64Url } from '../bytes/base64.js'
import { isOneMap } from '../bytes/cbor.js'
import { readEs256Der } from '../bytes/ecdsa.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { KeyBytes } from './public-key.js'

/** Total: false for any bytes that are not a signature of `message` by `publicKey`. ES256 is raw r||s, 64 bytes. */
export type Verify = (input: {
  alg: 'ed25519' | 'es256'
  publicKey: Uint8Array
  message: Uint8Array
  signature: Uint8Array
}) => boolean

export interface RelyingParty {
  /** The domain that the passkey is scoped to. */
  readonly id: string
  /** Exact serialised origins, `https://console.example`. */
  readonly origins: readonly string[]
}

export interface Assertion {
  /** base64. */
  readonly authenticatorData: string
  readonly clientDataJSON: string
}

export interface AssertionCheck {
  readonly assertion: Assertion
  readonly relyingParty: RelyingParty
  readonly challenge: Uint8Array
  readonly key: KeyBytes
  readonly signature: Uint8Array
  readonly verify: Verify
}

const MAX_CLIENT_DATA_BYTES = 4096
/** rpIdHash (32), flags (1), signCount (4). */
const HEADER_BYTES = 37
/** Authenticator data flags (§6.1). Bits 1 and 5 are reserved and ignored. */
const FLAGS = { UP: 0x01, UV: 0x04, BE: 0x08, BS: 0x10, AT: 0x40, ED: 0x80 } as const

/** UNTRUSTED: the assertion may come from anybody. Refuses ASSERTION_INVALID, MALFORMED, or SIGNATURE_INVALID; `where` starts at `/webauthn` or `/sig`. */
export function checkAssertion(check: AssertionCheck): true | Refusal {
  const clientData = fromBase64(check.assertion.clientDataJSON)
  const authenticatorData = fromBase64(check.assertion.authenticatorData)
  if (clientData === null) return refuse('MALFORMED', '/webauthn/clientDataJSON')
  if (authenticatorData === null) return refuse('MALFORMED', '/webauthn/authenticatorData')
  return (
    wrongClientData({ ...check, clientData }) ??
    wrongAuthenticatorData({ ...check, authenticatorData }) ??
    wrongSignature({
      ...check,
      message: concatBytes(authenticatorData, sha256(clientData)),
    }) ??
    true
  )
}

const invalid = (where: string, detail: string): Refusal =>
  refuse('ASSERTION_INVALID', `/webauthn/${where}`, detail)

/** §7.2 steps 10 to 14: what the client says it showed, where, and for which challenge. */
function wrongClientData(check: AssertionCheck & { clientData: Uint8Array }): Refusal | null {
  const said = readClientData(check.clientData)
  if (isRefusal(said)) return said
  const at = (field: string) => `clientDataJSON/${field}`
  if (said.type !== 'webauthn.get') return invalid(at('type'), 'not an assertion')
  if (said.challenge !== toBase64Url(check.challenge))
    return invalid(at('challenge'), 'made for other bytes')
  if (!check.relyingParty.origins.some((origin) => origin === said.origin))
    return invalid(at('origin'), 'not an origin of the relying party')
  if (said.crossOrigin !== undefined && said.crossOrigin !== false)
    return invalid(at('crossOrigin'), 'made inside a frame of another origin')
  return said.topOrigin === undefined
    ? null
    : invalid(at('topOrigin'), 'made inside a frame of another origin')
}

function readClientData(bytes: Uint8Array): { readonly [field: string]: unknown } | Refusal {
  const where = 'clientDataJSON'
  if (bytes.length > MAX_CLIENT_DATA_BYTES) return invalid(where, 'longer than 4096 bytes')
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { ...value }
      : invalid(where, 'not a JSON object')
  } catch {
    return invalid(where, 'not JSON in UTF-8')
  }
}

/** §7.2 steps 15 to 19: which relying party, was a user present and verified, is the backup state possible. */
function wrongAuthenticatorData(
  check: AssertionCheck & { authenticatorData: Uint8Array },
): Refusal | null {
  const { authenticatorData: data, relyingParty } = check
  const where = 'authenticatorData'
  if (data.length < HEADER_BYTES) return invalid(where, 'shorter than 37 bytes')
  const expected = sha256(utf8ToBytes(relyingParty.id))
  if (!expected.every((byte, index) => byte === data[index]))
    return invalid(`${where}/rpIdHash`, 'made for another relying party')
  const flags = data[32] ?? 0
  const has = (flag: number) => (flags & flag) !== 0
  if (!has(FLAGS.UP)) return invalid(`${where}/flags`, 'no user was present')
  if (!has(FLAGS.UV)) return invalid(`${where}/flags`, 'the user was not verified')
  if (has(FLAGS.BS) && !has(FLAGS.BE))
    return invalid(`${where}/flags`, 'backed up, but not eligible for backup')
  if (has(FLAGS.AT)) return invalid(`${where}/flags`, 'an assertion attests no credential')
  return wrongTail({ tail: data.subarray(HEADER_BYTES), extended: has(FLAGS.ED) ? 'yes' : 'no' })
}

/** Unsolicited extensions are ignored, as §7.2 allows; what is there must be one map and nothing else. */
function wrongTail({ tail, extended }: { tail: Uint8Array; extended: 'yes' | 'no' }) {
  const good = extended === 'yes' ? isOneMap(tail) : tail.length === 0
  return good ? null : invalid('authenticatorData/extensions', 'not what the flags announce')
}

/** §7.2 step 21 and §6.5.5: ES256 in DER with either S, EdDSA raw. */
function wrongSignature(check: AssertionCheck & { message: Uint8Array }): Refusal | null {
  const { key, message, verify } = check
  const signature = key.alg === 'es256' ? readEs256Der(check.signature) : check.signature
  if (signature === null) return refuse('SIGNATURE_INVALID', '/sig', 'not an ES256 signature')
  return verify({ ...key, message, signature }) ? null : refuse('SIGNATURE_INVALID', '/sig')
}

/**
 * The *payload codec* encrypts every Temporal payload with AES-256-GCM under a key ring, so the cluster, its
 * database and its UI hold no case data in the clear. Anybody who can write to the namespace can send any
 * bytes: decoding is total, and what was not made with one of our keys becomes an `Unreadable`. Who may hold
 * a key: workers, the API, and the codec server.
 */
import type { Payload, PayloadCodec } from '@temporalio/common'
import proto from '@temporalio/proto'
import { canonicalBytes } from '../domain/bytes/digest.js'
import { IV_BYTES, type KeyRing, newestOf, seal, TAG_BYTES, unseal } from '../keys/aead.js'
import { UNREADABLE_WHY, type UnreadableWhy, unreadable } from './unreadable.js'

export const ENCODING = 'binary/encrypted'
export const CIPHER = 'AES-256-GCM'

const Proto = proto.temporal.api.common.v1.Payload
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** Throws TypeError for an unfit key ring. */
export function createPayloadCodec(input: { readonly keys: KeyRing }): PayloadCodec {
  const newest = newestOf(input.keys)
  const ring = new Map(input.keys.map(({ kid, key }) => [kid, key]))
  return {
    encode: async (payloads) => payloads.map((payload) => encrypt(payload, newest)),
    decode: async (payloads) => payloads.map((payload) => decrypt(payload, ring)),
  }
}

/** Says which key and cipher, so that neither can be relabelled. */
const associated = (kid: string): Uint8Array =>
  canonicalBytes({ encoding: ENCODING, cipher: CIPHER, kid })

/** `data` is IV (12 bytes), tag (16), ciphertext of the whole inner payload, its metadata included. */
function encrypt(payload: Payload, { kid, key }: KeyRing[number]): Payload {
  const plaintext = Proto.encode(payload).finish()
  const { iv, tag, ct } = seal({ key, plaintext, aad: associated(kid) })
  return {
    metadata: {
      encoding: Buffer.from(ENCODING),
      'encryption-cipher': Buffer.from(CIPHER),
      'encryption-key-id': Buffer.from(kid),
    },
    data: Buffer.concat([iv, tag, ct]),
  }
}

/** UNTRUSTED: the payload comes from the cluster. Plain JSON, as the server or the `temporal` CLI writes it, is no exception. */
function decrypt(payload: Payload, ring: ReadonlyMap<string, Uint8Array>): Payload {
  const { metadata, data } = payload
  if (text(metadata?.encoding ?? Buffer.of()) !== ENCODING) return standIn('NOT_ENCRYPTED')
  const kid = text(metadata?.['encryption-key-id'] ?? Buffer.of())
  const key = ring.get(kid)
  if (key === undefined) return standIn('KEY_UNKNOWN')
  const cipher = text(metadata?.['encryption-cipher'] ?? Buffer.of())
  if (cipher !== CIPHER || !data || data.length < IV_BYTES + TAG_BYTES) return standIn('MALFORMED')
  const sealed = {
    iv: data.subarray(0, IV_BYTES),
    tag: data.subarray(IV_BYTES, IV_BYTES + TAG_BYTES),
    ct: data.subarray(IV_BYTES + TAG_BYTES),
  }
  const plaintext = unseal({ ...sealed, key, aad: associated(kid) })
  return plaintext === null ? standIn('TAMPERED') : readInner(plaintext)
}

function readInner(bytes: Uint8Array): Payload {
  try {
    const { metadata, data } = Proto.decode(bytes)
    return { metadata, data }
  } catch {
    return standIn('MALFORMED')
  }
}

const standIn = (why: UnreadableWhy): Payload => ({
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from(JSON.stringify(unreadable(why))),
})

/** Tests whether this decoded payload stands for one that could not be read. */
export const isStandIn = ({ metadata, data }: Payload): boolean =>
  text(metadata?.encoding ?? Buffer.of()) === 'json/plain' &&
  STAND_INS.has(text(data ?? Buffer.of()))

const STAND_INS = new Set(UNREADABLE_WHY.map((why) => JSON.stringify(unreadable(why))))

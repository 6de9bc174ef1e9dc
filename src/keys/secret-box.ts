/**
 * A *secret box* keeps one secret at rest. It opens only with the associated data it was made for (which
 * identity, which case, which credential), so a box copied to another row stays shut. Only the
 * connector holds the key ring.
 */
import { z } from 'zod'
import { fromBase64, toBase64 } from '../domain/bytes/base64.js'
import { canonicalBytes } from '../domain/bytes/digest.js'
import { type Refusal, refuse } from '../domain/refusal.js'
import { Base64 } from '../domain/shapes/basic.js'
import { type KeyRing, newestOf, seal, unseal } from './aead.js'

/** As stored: JSON; iv, tag and ct in base64. */
export const SecretBox = z.strictObject({
  kid: z.string().min(1).max(100),
  iv: Base64,
  tag: Base64,
  ct: Base64,
})
export type SecretBox = z.infer<typeof SecretBox>

/** What the box is for. Not secret, not stored in the box, needed to open it. */
export type BoundTo = Readonly<Record<string, string>>

const associated = (kid: string, boundTo: BoundTo): Uint8Array =>
  canonicalBytes({ use: 'countersign-secret-box-v1', kid, boundTo })

/** Throws TypeError for an unfit key ring. */
export function closeBox(input: {
  readonly keys: KeyRing
  readonly secret: string
  readonly boundTo: BoundTo
}): SecretBox {
  const { kid, key } = newestOf(input.keys)
  const plaintext = Buffer.from(input.secret, 'utf8')
  const { iv, tag, ct } = seal({ key, plaintext, aad: associated(kid, input.boundTo) })
  return { kid, iv: toBase64(iv), tag: toBase64(tag), ct: toBase64(ct) }
}

/** UNTRUSTED: the box comes from the database. KEY_UNKNOWN, MALFORMED, or SECRET_UNREADABLE when it was made for something else. */
export function openBox(input: {
  readonly keys: KeyRing
  readonly box: SecretBox
  readonly boundTo: BoundTo
}): { readonly secret: string } | Refusal {
  const { kid } = input.box
  const known = input.keys.find((candidate) => candidate.kid === kid)
  if (known === undefined) return refuse('KEY_UNKNOWN', '/kid')
  const [iv, tag, ct] = [input.box.iv, input.box.tag, input.box.ct].map(fromBase64)
  if (!iv || !tag || !ct) return refuse('MALFORMED', '/ct', 'the box is not canonical base64')
  const aad = associated(kid, input.boundTo)
  const plaintext = unseal({ key: known.key, iv, tag, ct, aad })
  return plaintext === null
    ? refuse('SECRET_UNREADABLE', '/ct')
    : { secret: Buffer.from(plaintext).toString('utf8') }
}

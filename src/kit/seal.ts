/** A kit as a file: one compact JWE for the one person whose X25519 key opens it. */

import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { Kit } from '../domain/shapes/kit.js'
import { parseAs } from '../domain/shapes/parse.js'
import { openDocument, sealDocument } from '../keys/seal.js'

const TYPE = 'countersign-kit'

/** `publicKey`: X25519, base64url. */
export const sealKit = (kit: Kit, publicKey: string): Promise<string> =>
  sealDocument({ text: JSON.stringify(kit), publicKey, type: TYPE })

/** UNTRUSTED: the file. Afterwards it was sealed to this key, unchanged; what is in it is judged when it is used. */
export async function openKit(input: {
  readonly jwe: string
  readonly privateKeyPem: string
}): Promise<Kit | Refusal> {
  const text = await openDocument({ ...input, type: TYPE })
  if (isRefusal(text)) return text
  const kit = parseAs(Kit)(JSON.parse(text))
  return isRefusal(kit) ? refuse('MALFORMED', `/kit${kit.where}`, kit.detail) : kit
}

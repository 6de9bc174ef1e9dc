/**
 * Base64 (RFC 4648 §4) and base64url without padding (§5), for what is signed or compared.
 * Reading accepts only what writing produces: no line breaks, no missing padding, no stray bits,
 * so equal bytes have equal texts and one signature has one spelling.
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES: ReadonlyMap<string, number> = new Map(
  [...ALPHABET].map((letter, value) => [letter, value]),
)

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const given = bytes.length - i
    for (let j = 0; j < 4; j += 1)
      text += j > given ? '=' : ALPHABET.charAt((bits >> (18 - 6 * j)) & 63)
  }
  return text
}

export const toBase64Url = (bytes: Uint8Array): string =>
  toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

/** UNTRUSTED: `text` is read here for the first time. Null when it is not canonical base64. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null
  const digits = text.replace(/={1,2}$/, '')
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4))
  let bits = 0
  let at = 0
  for (let i = 0; i < digits.length; i += 1) {
    const value = VALUES.get(digits.charAt(i))
    if (value === undefined) return null
    bits = ((bits << 6) | value) & 0xffffff
    if (i % 4 === 0) continue
    bytes[at] = (bits >> (6 - 2 * (i % 4))) & 0xff
    at += 1
  }
  const unused = (6 * digits.length) % 8
  return (bits & ((1 << unused) - 1)) === 0 ? bytes : null
}

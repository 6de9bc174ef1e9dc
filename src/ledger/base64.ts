/**
 * Standard base64 with padding (RFC 4648 §4). Reading accepts only what writing produces: no line breaks,
 * no missing padding, no stray bits, so equal bytes have equal texts.
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const given = Math.min(3, bytes.length - i)
    for (let j = 0; j < 4; j += 1)
      text += j > given ? '=' : ALPHABET.charAt((bits >> (18 - 6 * j)) & 63)
  }
  return text
}

/** UNTRUSTED: `text` is read here for the first time. Null when it is not canonical base64. */
export function fromBase64(text: string): Uint8Array | null {
  const digits = text.replace(/={1,2}$/, '')
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*$/.test(digits)) return null
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4))
  let bits = 0
  let at = 0
  for (let i = 0; i < digits.length; i += 1) {
    bits = ((bits << 6) | ALPHABET.indexOf(digits.charAt(i))) & 0xffffff
    if (i % 4 > 0) {
      bytes[at] = (bits >> (6 - 2 * (i % 4))) & 0xff
      at += 1
    }
  }
  return toBase64(bytes) === text ? bytes : null
}

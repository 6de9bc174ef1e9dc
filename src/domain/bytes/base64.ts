/**
 * Base64 (RFC 4648 §4) and base64url without padding (§5), for what is signed or compared.
 * Reading accepts only what writing produces: no line breaks, no missing padding, no stray bits,
 * so equal bytes have equal texts and one signature has one spelling.
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** The value of each letter by its code; what is no letter has none. */
const VALUES = new Int8Array(128).fill(-1)
for (let value = 0; value < 64; value += 1) VALUES[ALPHABET.charCodeAt(value)] = value

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += letter(bits >> 18) + letter(bits >> 12) + letter(bits >> 6) + letter(bits)
  }
  const padding = (3 - (bytes.length % 3)) % 3
  return padding === 0 ? text : text.slice(0, -padding) + '=='.slice(0, padding)
}

const letter = (bits: number): string => ALPHABET.charAt(bits & 63)

export const toBase64Url = (bytes: Uint8Array): string =>
  toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

/** UNTRUSTED: `text` is read here for the first time. Null when it is not canonical base64. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null
  const padding = text.endsWith('==') ? 2 : Number(text.endsWith('='))
  const digits = text.length - padding
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  let at = 0
  for (let i = 0; i < digits; i += 4) {
    const missing = i + 4 > digits ? padding : 0
    const bits = bitsAt(text, { from: i, letters: 4 - missing })
    // Bits that no byte takes must be zero, so that no other text means the same bytes.
    if (bits < 0 || (bits & ((1 << (8 * missing)) - 1)) !== 0) return null
    for (let shift = 16; shift >= 8 * missing; shift -= 8) {
      bytes[at] = bits >> shift
      at += 1
    }
  }
  return bytes
}

/** Four letters as 24 bits, zeros for those that are missing; negative when one is no letter. */
function bitsAt(text: string, group: { readonly from: number; readonly letters: number }): number {
  let bits = 0
  for (let i = 0; i < 4; i += 1) {
    const value = i < group.letters ? (VALUES[text.charCodeAt(group.from + i)] ?? -1) : 0
    if (value < 0) return -1
    bits = (bits << 6) | value
  }
  return bits
}

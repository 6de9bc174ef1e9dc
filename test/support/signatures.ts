/**
 * Signatures as numbers, made without the code under test: ES256 in DER, and Ed25519 points and scalars.
 */

/** Order of P-256. */
export const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
/** Order of Ed25519's prime subgroup. */
export const L = 2n ** 252n + 27742317777372353535851937790883648493n
/** Ed25519's field. */
export const P = 2n ** 255n - 19n

export const big = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

/** Reads the DER that OpenSSL writes. */
export function es256Numbers(der: Uint8Array): { readonly r: bigint; readonly s: bigint } {
  const rLength = der[3] ?? 0
  return { r: big(der.subarray(4, 4 + rLength)), s: big(der.subarray(6 + rLength)) }
}

export function derOf({ r, s }: { readonly r: bigint; readonly s: bigint }): Uint8Array {
  const body = Buffer.concat([integer(r), integer(s)])
  return Buffer.concat([Buffer.of(0x30, body.length), body])
}

function integer(value: bigint): Uint8Array {
  const digits = value.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  const magnitude = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes
  return Buffer.concat([Buffer.of(0x02, magnitude.length), magnitude])
}

/** 32 bytes, little-endian. */
export const little = (value: bigint): Uint8Array =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()

export const fromLittle = (bytes: Uint8Array): bigint => big(Buffer.from(bytes).reverse())

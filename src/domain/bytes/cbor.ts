/**
 * Just enough CBOR (RFC 8949, in CTAP2's definite-length form) to know where one item ends: WebAuthn
 * extension data must be exactly one map. Values are skipped, never believed.
 */
const MAX_DEPTH = 4

/** UNTRUSTED: tests that the bytes are one CBOR map and nothing after it. Total. */
export const isOneMap = (bytes: Uint8Array): boolean =>
  (bytes[0] ?? 0) >> 5 === 5 && endOfItem({ bytes, start: 0, depth: 0 }) === bytes.length

interface Place {
  readonly bytes: Uint8Array
  readonly start: number
  readonly depth: number
}

/** Offset behind the item at `start`, or null when it is not well-formed or runs over the end. */
function endOfItem({ bytes, start, depth }: Place): number | null {
  const first = bytes[start]
  const head = first === undefined || depth > MAX_DEPTH ? null : readHead(bytes, start)
  if (head === null || first === undefined) return null
  const major = first >> 5
  if (major === 2 || major === 3) return within(bytes, head.end + head.argument)
  const items = major === 4 ? head.argument : major === 5 ? 2 * head.argument : major === 6 ? 1 : 0
  let end: number | null = within(bytes, head.end)
  for (let i = 0; i < items && end !== null; i += 1)
    end = endOfItem({ bytes, start: end, depth: depth + 1 })
  return end
}

const within = (bytes: Uint8Array, end: number): number | null => (end <= bytes.length ? end : null)

/** The argument after the initial byte: 0, 1, 2 or 4 bytes long. Indefinite and 8-byte lengths are refused. */
function readHead(bytes: Uint8Array, start: number) {
  const info = (bytes[start] ?? 0) & 0x1f
  if (info < 24) return { argument: info, end: start + 1 }
  if (info > 26) return null
  const size = 1 << (info - 24)
  let argument = 0
  for (let i = 1; i <= size; i += 1) argument = argument * 256 + (bytes[start + i] ?? 0)
  return { argument, end: start + 1 + size }
}

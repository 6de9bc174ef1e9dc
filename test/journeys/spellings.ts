/**
 * The spellings in which a secret could stand somewhere: raw, base64 and base64url at each of the three
 * alignments, hex, URL- and JSON-escaped, UTF-16, reversed; and halves of each, for what is cut off or
 * split. A *finder* looks for thousands of them in one pass over the bytes.
 */

export interface Needle {
  /** Which secret, in which spelling; never the secret. */
  readonly label: string
  readonly bytes: Buffer
}

/** Shorter pieces would be found by chance or say nothing. */
const SHORTEST = 12

export interface Secret {
  readonly label: string
  readonly bytes: Buffer
}

export const secretText = (label: string, text: string): Secret => ({
  label,
  bytes: Buffer.from(text, 'utf8'),
})

export const needlesOf = (secrets: readonly Secret[]): Needle[] =>
  unique(secrets.flatMap((secret) => spell(secret).flatMap(halves)))

/** Every spelling of one secret, whole. */
export function spell({ label, bytes }: Secret): Needle[] {
  const says = (how: string, spelled: Buffer | string): Needle => ({
    label: `${label} (${how})`,
    bytes: Buffer.from(spelled),
  })
  const reversed = Buffer.from(bytes).reverse()
  return [
    says('raw', bytes),
    says('reversed', reversed),
    says('hex', bytes.toString('hex')),
    says('HEX', bytes.toString('hex').toUpperCase()),
    ...[0, 1, 2].flatMap((shift) => [
      says(`base64 at ${shift}`, aligned(bytes, shift)),
      says(
        `base64url at ${shift}`,
        aligned(bytes, shift).replaceAll('+', '-').replaceAll('/', '_'),
      ),
    ]),
    ...(isText(bytes)
      ? textSpellings(bytes.toString('utf8')).map(([how, text]) => says(how, text))
      : []),
  ]
}

const textSpellings = (text: string): (readonly [string, string | Buffer])[] => [
  ['URL-escaped', encodeURIComponent(text)],
  ['every byte URL-escaped', Buffer.from(text).toString('hex').replace(/../g, '%$&').toUpperCase()],
  ['JSON-escaped', JSON.stringify(text).slice(1, -1)],
  ['JSON-escaped twice', JSON.stringify(JSON.stringify(text)).slice(3, -3)],
  ['UTF-16', Buffer.from(text, 'utf16le')],
]

const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes)

/** The characters that are the same whatever stands before and after, when `shift` bytes precede. */
function aligned(bytes: Buffer, shift: number): string {
  const lead = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replace(/=+$/, '')
  const first = shift === 0 ? 0 : shift + 1
  const whole = Math.floor(((shift + bytes.length) * 8) / 6)
  return lead.slice(first, whole)
}

function halves(needle: Needle): Needle[] {
  const { bytes, label } = needle
  if (bytes.length < 2 * SHORTEST) return bytes.length < SHORTEST ? [] : [needle]
  const middle = Math.floor(bytes.length / 2)
  return [
    { label: `first half of ${label}`, bytes: bytes.subarray(0, middle) },
    { label: `second half of ${label}`, bytes: bytes.subarray(middle) },
  ]
}

/** The first spelling gives the name. */
const unique = (needles: readonly Needle[]): Needle[] => [
  ...new Map(
    needles.toReversed().map((needle) => [needle.bytes.toString('latin1'), needle]),
  ).values(),
]

/** Labels of the needles that stand somewhere in the bytes. */
export function createFinder(needles: readonly Needle[]): (bytes: Uint8Array) => string[] {
  const byStart = new Map<number, Needle[]>()
  const marks = new Uint8Array(1 << 24)
  for (const needle of needles) {
    const start = needle.bytes.readUInt32LE(0)
    byStart.set(start, [...(byStart.get(start) ?? []), needle])
    marks[start & 0xffffff] = 1
  }
  return (given) => {
    const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength)
    const found = new Set<string>()
    for (let at = 0; at + SHORTEST <= bytes.length; at += 1) {
      const start =
        ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)) >>> 0
      if (marks[start] === 0) continue
      for (const needle of byStart.get(bytes.readUInt32LE(at)) ?? [])
        if (bytes.subarray(at, at + needle.bytes.length).equals(needle.bytes))
          found.add(needle.label)
    }
    return [...found]
  }
}

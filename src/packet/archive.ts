/**
 * The *archive*: a packet's files in one ZIP. Files are stored, not compressed, in the order of their
 * names, with one fixed time, so one set of files has exactly one archive: two exports are the same
 * bytes, nothing can hide between the files, and a decompression bomb cannot be written down.
 */
import { zipSync } from 'fflate'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'

export type Files = ReadonlyMap<string, Uint8Array>

export const MAX_FILES = 50_000
export const MAX_BYTES = 256 * 1024 * 1024
const MAX_NAME = 200
const LOCAL = { signature: 0x04034b50, bytes: 30 } as const
const CENTRAL = { signature: 0x02014b50, bytes: 46 } as const
const END = { signature: 0x06054b50, bytes: 22 } as const

/** The start of the era of ZIP, in local time, which is how fflate writes it down. */
const FIXED_TIME = new Date(1980, 0, 1)

const byName = ([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number =>
  left < right ? -1 : 1

/** What a file takes in an archive, with its two headers. */
export const archiveBytes = ([name, bytes]: readonly [string, Uint8Array]): number =>
  LOCAL.bytes + CENTRAL.bytes + 2 * name.length + bytes.length

/** Throws TypeError for what the reader would refuse for its size. */
export function writeArchive(files: Files): Uint8Array {
  const total = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0)
  if (files.size > MAX_FILES || total > MAX_BYTES)
    throw new TypeError('more files or bytes than a packet may have')
  return zipSync(Object.fromEntries([...files].sort(byName)), { level: 0, mtime: FIXED_TIME })
}

interface Listed {
  readonly name: string
  readonly offset: number
  readonly size: number
}

const bad = (where: string, detail: string): Refusal => refuse('PACKET_INVALID', where, detail)

/**
 * UNTRUSTED: the bytes of an archive of any origin. Afterwards they are exactly what `writeArchive`
 * makes of the returned files, all of whose names are allowed. Nothing is written anywhere.
 */
export function readArchive(input: {
  readonly bytes: Uint8Array
  /** Every name must match: no absolute, parent, drive or backslash name can. */
  readonly allowed: RegExp
}): Files | Refusal {
  const { bytes } = input
  if (bytes.length > MAX_BYTES) return bad('', 'the archive is too large')
  const listed = readDirectory(input)
  if (isRefusal(listed)) return listed
  const files = new Map<string, Uint8Array>()
  for (const item of listed) {
    const content = readLocal(bytes, item)
    if (isRefusal(content)) return content
    files.set(item.name, content)
  }
  // Every field that was not looked at, and the CRC of every file, is what the writer writes.
  return Buffer.from(writeArchive(files)).equals(bytes)
    ? files
    : bad('', 'not an archive as it was exported')
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** One disk, no comment, no zip64: the directory ends where its end record, the last bytes, begins. */
function readDirectory(input: {
  readonly bytes: Uint8Array
  readonly allowed: RegExp
}): readonly Listed[] | Refusal {
  const { bytes, allowed } = input
  const view = viewOf(bytes)
  const end = bytes.length - END.bytes
  if (end < 0 || view.getUint32(end, true) !== END.signature)
    return bad('', 'not a ZIP archive that ends with its directory')
  const count = view.getUint16(end + 10, true)
  let at = view.getUint32(end + 16, true)
  if (view.getUint32(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count)
    return bad('', 'an archive of several disks')
  if (count > MAX_FILES || at > end) return bad('', 'too many files, or a directory out of place')
  const directory = at
  const listed: Listed[] = []
  const seen = new Set<string>()
  let next = 0
  for (let index = 0; index < count; index += 1) {
    const item = readListed({ bytes, view, at, end })
    if (isRefusal(item)) return item
    if (!allowed.test(item.name)) return bad('', 'a file whose name has no place in a packet')
    if (seen.has(item.name.toLowerCase())) return bad(item.name, 'a name appears twice')
    seen.add(item.name.toLowerCase())
    // Each file begins where the one before ended: nothing overlaps, and nothing lies between.
    if (item.offset !== next) return bad(item.name, 'the file is not where it has to begin')
    next += LOCAL.bytes + item.name.length + item.size
    listed.push(item)
    at += CENTRAL.bytes + item.name.length
  }
  return at === end && next === directory ? listed : bad('', 'bytes that belong to no file')
}

function readListed(input: {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly at: number
  readonly end: number
}): Listed | Refusal {
  const { bytes, view, at, end } = input
  if (at + CENTRAL.bytes > end || view.getUint32(at, true) !== CENTRAL.signature)
    return bad('', 'the directory is cut off')
  const nameBytes = view.getUint16(at + 28, true)
  if (nameBytes > MAX_NAME || at + CENTRAL.bytes + nameBytes > end)
    return bad('', 'a name is too long')
  const name = ascii(bytes.subarray(at + CENTRAL.bytes, at + CENTRAL.bytes + nameBytes))
  const size = view.getUint32(at + 24, true)
  const plain =
    view.getUint16(at + 8, true) === 0 &&
    view.getUint16(at + 10, true) === 0 &&
    view.getUint32(at + 20, true) === size
  if (!plain) return bad(name, 'encrypted, compressed or streamed')
  const extras = view.getUint32(at + 30, true) + view.getUint16(at + 34, true)
  if (extras !== 0 || view.getUint32(at + 38, true) !== 0)
    return bad(name, 'a link, or a file with attributes or extra fields')
  return { name, offset: view.getUint32(at + 42, true), size }
}

/** The local header says the same as the directory, and its content lies before the directory. */
function readLocal(bytes: Uint8Array, item: Listed): Uint8Array | Refusal {
  const { name, offset, size } = item
  const view = viewOf(bytes)
  const from = offset + LOCAL.bytes + name.length
  if (from + size > bytes.length || view.getUint32(offset, true) !== LOCAL.signature)
    return bad(name, 'the file is not where the directory says')
  const same =
    view.getUint16(offset + 26, true) === name.length &&
    view.getUint16(offset + 28, true) === 0 &&
    ascii(bytes.subarray(offset + LOCAL.bytes, from)) === name
  return same ? bytes.slice(from, from + size) : bad(name, 'two names for one file')
}

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

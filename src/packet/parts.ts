/**
 * Parts: an archive that is too large to be sent, as numbered archives, none above the limit. Each part holds some of the
 * files and part.json, which says its number, of how many, and the digest of the one manifest that lists the files of all.
 * The same archive under the same limit is always the same parts, and parts in any order are that very archive again.
 */
import { z } from 'zod'
import { digestOf } from '../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { DigestText } from '../domain/shapes/basic.js'
import {
  archiveBytes,
  type Files,
  MAX_BYTES,
  MAX_FILES,
  readArchive,
  writeArchive,
} from './archive.js'
import { COLLECTION_NAME } from './collection-files.js'
import { jsonFile, MANIFEST, PACKET_NAME, readJson } from './files.js'

/** What mail and document systems take. */
export const PART_BYTES = 50_000_000

const PART = 'part.json'
const MAX_PARTS = 1000
const PART_NAME = new RegExp(`^part\\.json$|${PACKET_NAME.source}|${COLLECTION_NAME.source}`)

const Part = z.strictObject({
  v: z.literal(1),
  type: z.literal('countersign-part'),
  number: z.int().min(1).max(MAX_PARTS),
  of: z.int().min(2).max(MAX_PARTS),
  /** SHA-256 of the manifest, which is in one of the parts. */
  manifest: DigestText,
})
type Part = z.infer<typeof Part>

/** Room for part.json, whatever it says. */
const PART_ROOM = 500

/** The archive itself where it is within the limit. A file is never cut: one that is larger than the limit has a part to itself. */
export function partsOf(
  bytes: Uint8Array,
  { limit }: { readonly limit: number },
): readonly Uint8Array[] | Refusal {
  if (bytes.length <= limit) return [bytes]
  const files = readArchive({ bytes, allowed: PART_NAME })
  if (isRefusal(files)) return files
  const groups = grouped(files, limit - PART_ROOM)
  if (groups.length < 2) return [bytes]
  if (groups.length > MAX_PARTS) return refuse('TOO_LARGE', '', 'it would be more than 1000 parts')
  const manifest = digestOf(files.get(MANIFEST) ?? new Uint8Array())
  return groups.map((group, index) => {
    const part: Part = {
      ...{ v: 1, type: 'countersign-part', number: index + 1, of: groups.length, manifest },
    }
    return writeArchive(new Map([...group, [PART, jsonFile(part)]]))
  })
}

function grouped(
  files: Files,
  room: number,
): readonly (readonly (readonly [string, Uint8Array])[])[] {
  const groups: (readonly [string, Uint8Array])[][] = []
  let left = 0
  for (const file of files) {
    const size = archiveBytes(file)
    const last = groups.at(-1)
    if (last === undefined || size > left) {
      groups.push([file])
      left = room - size
    } else {
      last.push(file)
      left -= size
    }
  }
  return groups
}

/** UNTRUSTED: archives of any origin, in any order. One that is no part is itself; of parts, all of one packet make it again. */
export function joined(archives: readonly Uint8Array[]): Uint8Array | Refusal {
  const [only] = archives
  if (only === undefined) return refuse('PACKET_INVALID', '', 'there is no archive')
  const parts: { readonly part: Part; readonly files: Files }[] = []
  for (const bytes of archives) {
    const opened = openPart(bytes)
    if (opened === null && archives.length === 1) return only
    if (opened === null)
      return refuse('PACKET_INVALID', '', 'several archives that are not all parts of one packet')
    if (isRefusal(opened)) return opened
    parts.push(opened)
  }
  return wholeOf(parts)
}

/** Null for what is no part, whatever else it is. */
function openPart(
  bytes: Uint8Array,
): { readonly part: Part; readonly files: Files } | Refusal | null {
  const files = readArchive({ bytes, allowed: PART_NAME })
  if (isRefusal(files) || !files.has(PART)) return null
  const part = readJson(Part, { name: PART, bytes: files.get(PART) })
  const own = new Map([...files].filter(([name]) => name !== PART))
  return isRefusal(part) ? part : { part, files: own }
}

function wholeOf(
  parts: readonly { readonly part: Part; readonly files: Files }[],
): Uint8Array | Refusal {
  const bad = (detail: string): Refusal => refuse('PACKET_INVALID', PART, detail)
  const [first] = parts
  const { of, manifest } = first?.part ?? { of: 0, manifest: null }
  if (parts.some(({ part }) => part.of !== of || part.manifest !== manifest))
    return bad('the parts are of different packets')
  const numbers = parts.map(({ part }) => part.number)
  const missing = Array.from({ length: of }, (_, index) => index + 1).filter(
    (number) => !numbers.includes(number),
  )
  if (missing.length > 0) return bad(wordsOfMissing({ numbers, missing, of }))
  if (new Set(numbers).size < numbers.length || numbers.some((number) => number > of))
    return bad('a part is given twice')
  const files = new Map(parts.flatMap((one) => [...one.files]))
  const counted = parts.reduce((sum, one) => sum + one.files.size, 0)
  if (files.size < counted) return bad('a file is in two parts')
  const size = [...files].reduce((sum, file) => sum + archiveBytes(file), 0)
  if (size > MAX_BYTES || files.size > MAX_FILES)
    return refuse('TOO_LARGE', '', 'the parts together are too large')
  return digestOf(files.get(MANIFEST) ?? new Uint8Array()) === manifest
    ? writeArchive(files)
    : bad('the manifest is not the one that the parts name')
}

function wordsOfMissing(of: {
  readonly numbers: readonly number[]
  readonly missing: readonly number[]
  readonly of: number
}): string {
  const { numbers, missing } = of
  const [only] = numbers
  const lacking = `${missing.length === 1 ? 'part' : 'parts'} ${missing.join(', ')} of ${of.of} ${missing.length === 1 ? 'is' : 'are'} missing`
  return numbers.length === 1
    ? `this is part ${only} of ${of.of} alone, which proves nothing: ${lacking}`
    : lacking
}

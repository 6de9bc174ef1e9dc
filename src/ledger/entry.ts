/**
 * An entry is one evidence record: canonical JSON whose RFC 6962 leaf hash is its *hash*, by which it is
 * known. Entries of one stream (a case, a fence, the authority) number contiguously and name their
 * predecessor, so that a packet can prove that nothing of the stream is missing.
 * Its *record* is what the log holds of it in public: its hash, which the salt inside makes a commitment.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { canonicalBytes, type Digest, parseCanonical } from '../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { Entry } from '../domain/shapes/event.js'
import { parseAs } from '../domain/shapes/parse.js'
import { type Hash, leafHash } from './tree.js'

export interface StoredEntry {
  readonly entry: Entry
  readonly bytes: Uint8Array
  readonly hash: Digest
}

export const entryHash = (bytes: Uint8Array): Digest => `sha256:${bytesToHex(leafHash(bytes))}`

/** The bytes that the log holds of an entry, for anybody to read: its hash, and nothing that says what it is. */
export const recordOf = (hash: Digest): Uint8Array => canonicalBytes({ entry: hash, v: 1 })

/** The leaf of an entry in the log: the RFC 6962 leaf hash of its record. */
export const leafOf = (hash: Digest): Hash => leafHash(recordOf(hash))

/** The next entries of a stream, chained after `head`. `at` is the database's clock, ISO with milliseconds. */
export function chain(input: {
  readonly stream: string
  readonly seq: number
  readonly head: Digest | null
  readonly at: string
  /** 128 bits as base64url that nobody can guess, new for each entry. */
  readonly salt: () => string
  readonly bodies: readonly { readonly type: string }[]
}): StoredEntry[] {
  let prev = input.head
  return input.bodies.map((body, index) => {
    const entry: Entry = {
      v: 1,
      stream: input.stream,
      seq: input.seq + index + 1,
      prev,
      at: input.at,
      salt: input.salt(),
      body,
    }
    const bytes = canonicalBytes(entry)
    const hash = entryHash(bytes)
    prev = hash
    return { entry, bytes, hash }
  })
}

/** UNTRUSTED: bytes from a database row or a packet. Afterwards they are one strict entry of this stream. */
export function readEntry(bytes: Uint8Array): StoredEntry | Refusal {
  const parsed = parseCanonical(bytes)
  if (isRefusal(parsed)) return parsed
  const entry = parseAs(Entry)(parsed.value)
  return isRefusal(entry) ? entry : { entry, bytes, hash: entryHash(bytes) }
}

/** Where an entry is expected. */
export interface Place {
  readonly stream: string
  readonly seq: number
}

type Read = (bytes: Uint8Array, place: Place) => StoredEntry | Refusal

/** A row of a stream: an entry, or the refusal of bytes that are none and still have their place in the chain. */
export interface Link {
  readonly seq: number
  readonly hash: Digest
  readonly stored: StoredEntry | Refusal
}

interface After {
  readonly stream: string
  readonly rows: readonly Uint8Array[]
  readonly read: Read
}

/** Afterwards every entry among the rows stands in its place and names the row before it: none is missing or altered. */
export const checkLinks = (
  stream: string,
  rows: readonly Uint8Array[],
): readonly Link[] | Refusal => followLinks([], { stream, rows, read: readEntry })

function followLinks(
  before: readonly Pick<Link, 'hash'>[],
  { stream, rows, read }: After,
): readonly Link[] | Refusal {
  const links: Link[] = []
  for (const bytes of rows) {
    const seq = before.length + links.length + 1
    const where = `/${stream}/${seq}`
    const stored = read(bytes, { stream, seq })
    if (!isRefusal(stored)) {
      const { entry } = stored
      if (entry.stream !== stream || entry.seq !== seq) return refuse('ENTRY_MISSING', where)
      if (entry.prev !== ((links.at(-1) ?? before.at(-1))?.hash ?? null))
        return refuse('EVIDENCE_TAMPERED', where, 'the entry does not follow its predecessor')
    }
    links.push({ seq, hash: isRefusal(stored) ? entryHash(bytes) : stored.hash, stored })
  }
  return links
}

/** Afterwards the rows are the whole stream from its first entry, in order, and every one is an entry. */
export const checkChain = (
  stream: string,
  rows: readonly Uint8Array[],
  read: Read = readEntry,
): readonly StoredEntry[] | Refusal => followChain([], { stream, rows, read })

/** The same where `before`, the first entries of the stream, were checked already and `rows` follow them. */
export function followChain(
  before: readonly StoredEntry[],
  after: After,
): readonly StoredEntry[] | Refusal {
  const links = followLinks(before, after)
  if (isRefusal(links)) return links
  const entries = [...before]
  for (const { seq, stored } of links) {
    if (isRefusal(stored))
      return refuse('EVIDENCE_TAMPERED', `/${after.stream}/${seq}`, stored.detail)
    entries.push(stored)
  }
  return entries
}

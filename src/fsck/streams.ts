/**
 * The entries as the store has them, stream after stream: each row says what its bytes say, each entry names the one
 * before it, and nothing is missing up to the last one. Where a row is wrong it is named, and not those that rest on it.
 */
import type { Digest } from '../domain/bytes/digest.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import { checkLinks, entryHash, type Link } from '../ledger/entry.js'
import type { SideEntry } from '../packet/verify/verify-sides.js'
import { type Found, tampered } from '../store/case/inspect.js'
import type { Tx } from '../store/db.js'

export interface ReadStream {
  readonly stream: string
  /** What is an entry, with where the log has it, or will have it. Empty unless the stream is whole. */
  readonly entries: readonly SideEntry[]
  readonly length: number
  readonly found: readonly Found[]
}

/** The names of all streams, and those of which only the entries are left. */
export async function allStreams(
  tx: Tx,
): Promise<{ readonly names: readonly string[]; readonly found: readonly Found[] }> {
  const { rows } = await tx.query<{ stream: string; row: string | null }>(
    `select n.stream, s.stream as row
       from (select stream from streams union select stream from entries) n
       left join streams s on s.stream = n.stream order by n.stream`,
  )
  const lost = rows.filter(({ row }) => row === null)
  return {
    names: rows.map(({ stream }) => stream),
    found: lost.map(({ stream }) => tampered(stream, '/end', 'the row of the stream is gone')),
  }
}

/** Entries that are not in the log yet come after those that are, in the order in which they wait. */
export const PLACE = `coalesce(l.index, u.id + (select count(*) from leaves), -1)`

interface Row {
  readonly seq: number
  readonly hash: Digest
  readonly type: string
  readonly bytes: Buffer
  readonly place: string
}

export async function readStream(tx: Tx, stream: string): Promise<ReadStream> {
  const { rows } = await tx.query<Row>(
    `select e.seq, e.hash, e.type, e.bytes, ${PLACE} as place
       from entries e left join leaves l on l.hash = e.hash left join unsequenced u on u.hash = e.hash
      where e.stream = $1 order by e.seq`,
    [stream],
  )
  const { length } = rows
  const links = checkLinks(
    stream,
    rows.map(({ bytes }) => new Uint8Array(bytes)),
  )
  const wrong = rows.flatMap((row, place) => wrongRow(stream, { row, place }) ?? [])
  const [first] = wrong
  if (first !== undefined) return { stream, length, entries: [], found: wrong }
  if (isRefusal(links)) return { stream, length, entries: [], found: [named(stream, links)] }
  return { stream, length, ...entriesOf(stream, { links, rows }) }
}

const named = (stream: string, { refused, where, detail }: Refusal): Found => ({
  subject: stream,
  refusal: { refused, where: where.replace(`/${stream}`, ''), detail },
})

/** Null when the row says of itself what its bytes make of it; what stands behind a gap is named by the first that is missing. */
function wrongRow(
  stream: string,
  { row, place }: { readonly row: Row; readonly place: number },
): Found | null {
  const { seq, hash, bytes } = row
  if (seq < place + 1) return tampered(stream, `/${seq}`, 'it stands here twice')
  return entryHash(new Uint8Array(bytes)) === hash
    ? null
    : tampered(stream, `/${seq}`, 'the bytes are not those of the hash under which they stand')
}

function entriesOf(
  stream: string,
  { links, rows }: { readonly links: readonly Link[]; readonly rows: readonly Row[] },
): Pick<ReadStream, 'entries' | 'found'> {
  const entries: SideEntry[] = []
  const found: Found[] = []
  for (const [place, row] of rows.entries()) {
    const stored = links[place]?.stored
    if (row.seq !== place + 1)
      return { entries: [], found: [tampered(stream, `/${place + 1}`, 'the entry is missing')] }
    if (stored === undefined || isRefusal(stored)) continue
    const { type } = stored.entry.body
    if (type !== row.type)
      found.push(tampered(stream, `/${row.seq}/type`, `the row calls it ${row.type}`))
    entries.push({ stored, index: Number(row.place) })
  }
  return { entries, found }
}

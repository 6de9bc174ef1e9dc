/**
 * Does the store still hold what was signed? The leaves of the signed tree are the memory that nobody can trim:
 * each must be the record of an entry that is there, byte for byte. Each stream must end where its row says, and the streams beside the
 * cases must hold nothing that says nothing. A slice at a time, on and on through the whole store: what one
 * look costs does not grow with the store.
 */
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { EmergencyEvent } from '../../domain/shapes/emergency-event.js'
import { FenceEvent } from '../../domain/shapes/fence-event.js'
import { MandateEvent } from '../../domain/shapes/mandate-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { readEntry } from '../../ledger/entry.js'
import { type Db, prepared, type Tx } from '../db.js'
import { recordBeside } from './cases.js'

/** Of 256 leaves each. */
const TILES = 16
const STREAMS = 1000

export interface Found {
  /** The case, stream or log in which it was found. */
  readonly subject: string
  readonly refusal: Refusal
}

/** Looks at the next slices; what is found is recorded once, in a stream beside its subject. */
export function createInspection(db: Db): () => Promise<number> {
  let tile = 0
  let stream = ''
  return async () => {
    const leaves = await lostLeaves(db, tile)
    const ends = await wrongEnds(db, stream)
    const strange = await strangeEntries(db, { after: stream, until: ends.last })
    tile = leaves.next
    stream = ends.next
    const found = [...leaves.found, ...ends.found, ...strange]
    for (const one of found) await recordBeside(db, one)
    return found.length
  }
}

/** The whole store at one look, from the first leaf and stream to the last. Nothing is recorded. */
export async function inspectAll(tx: Tx): Promise<readonly Found[]> {
  const found: Found[] = []
  for (let tile = 0, more = true; more; ) {
    const leaves = await lostLeaves(tx, tile)
    found.push(...leaves.found)
    more = leaves.next !== 0
    tile = leaves.next
  }
  for (let stream = '', more = true; more; ) {
    const ends = await wrongEnds(tx, stream)
    found.push(...ends.found, ...(await strangeEntries(tx, { after: stream, until: ends.last })))
    more = ends.next !== ''
    stream = ends.next
  }
  return found
}

export const tampered = (subject: string, where: string, detail: string): Found => ({
  subject,
  refusal: refuse('EVIDENCE_TAMPERED', where, detail),
})

/** Leaves, as the tiles of the tree state them, without an entry whose bytes give their hash. */
async function lostLeaves(db: Db | Tx, from: number) {
  const { rows } = await db.query<{ index: string; lost: 'yes' | 'no' }>(
    prepared(
      `with leaf as (
         select t.index * 256 + i as index, substring(t.data from i * 32 + 1 for 32) as hash
           from tiles t, generate_series(0, octet_length(t.data) / 32 - 1) i
          where t.level = 0 and t.index >= $1 and t.index < $1 + ${TILES})
       select l.index, case when e.hash is null then 'yes' else 'no' end as lost
         from leaf l
         left join leaves n on n.index = l.index
                           and sha256('\\x00'::bytea || convert_to('{"entry":"' || n.hash || '","v":1}', 'UTF8')) = l.hash
         left join entries e on e.hash = n.hash
                            and e.hash = 'sha256:' || encode(sha256('\\x00'::bytea || e.bytes), 'hex')
        order by l.index`,
      [from],
    ),
  )
  const lost = rows.filter((row) => row.lost === 'yes')
  return {
    next: rows.length < TILES * 256 ? 0 : from + TILES,
    found: lost.map(({ index }) =>
      tampered('log', `/leaves/${index}`, 'the log has a leaf whose entry is gone or altered'),
    ),
  }
}

interface EndRow {
  readonly stream: string
  readonly wrong: 'yes' | 'no'
}

async function wrongEnds(db: Db | Tx, after: string) {
  const { rows } = await db.query<EndRow>(
    prepared(
      `select s.stream, case when s.seq = coalesce(e.seq, 0) and s.head is not distinct from e.hash
                             then 'no' else 'yes' end as wrong
         from (select * from streams where stream > $1 order by stream limit ${STREAMS}) s
         left join lateral (
           select seq, hash from entries where stream = s.stream order by seq desc limit 1) e on true
        order by s.stream`,
      [after],
    ),
  )
  const last = rows.at(-1)?.stream ?? after
  return {
    last,
    next: rows.length < STREAMS ? '' : last,
    found: rows.flatMap(({ stream, wrong }) =>
      wrong === 'yes'
        ? [tampered(stream, '/end', 'the stream does not end where its row says')]
        : [],
    ),
  }
}

const parseOf = (stream: string) => {
  if (stream.startsWith('fence:')) return parseAs(FenceEvent)
  return stream.startsWith('mandate:') ? parseAs(MandateEvent) : parseAs(EmergencyEvent)
}

/** What stands in a stream of a fence, a mandate or emergency uses and is no event of one: written past every door. */
async function strangeEntries(
  db: Db | Tx,
  { after, until }: { readonly after: string; readonly until: string },
): Promise<readonly Found[]> {
  const { rows } = await db.query<{ stream: string; seq: number; bytes: Buffer }>(
    prepared(
      `select stream, seq, bytes from entries
        where stream > $1 and stream <= $2 and stream_kind(stream) in ('fence', 'mandate', 'emergency-use')
        order by stream, seq`,
      [after, until],
    ),
  )
  return rows.flatMap(({ stream, seq, bytes }) => {
    const stored = readEntry(bytes)
    const event = isRefusal(stored) ? stored : parseOf(stream)(stored.entry.body)
    return isRefusal(event) ? [tampered(stream, `/${seq}`, 'no event of this stream')] : []
  })
}

/**
 * The log, computed again from its leaves: each entry is in it once or waits for it, in the order of its stream; the
 * tiles are those of the leaves; every signed head is under the log's key and has the root that the leaves give, so each is
 * consistent with every other; the tree holds the largest head that the signer remembers; and where entries were lost, it
 * goes on as officers signed.
 */

import type { Authority } from '../domain/authority/authority.js'
import { fromBase64, toBase64 } from '../domain/bytes/base64.js'
import type { Digest } from '../domain/bytes/digest.js'
import { emptyRoot, type Hash } from '../domain/bytes/merkle.js'
import { isRefusal } from '../domain/refusal.js'
import { type Opening, openCheckpoint } from '../ledger/checkpoint.js'
import { cosignatureVerifier } from '../ledger/cosignature.js'
import { leafOf } from '../ledger/entry.js'
import { ed25519Verifier, parseVkey } from '../ledger/note-key.js'
import { followedLog, gapWords } from '../ledger/successor-log.js'
import { newTiles } from '../ledger/tile.js'
import { append, frontier, rootOfFrontier, sameBytes } from '../ledger/tree.js'
import { type Found, tampered } from '../store/case/inspect.js'
import type { Tx } from '../store/db.js'
import type { HighWater } from '../store/log/high-water.js'
import { markIn } from '../store/log/high-water.js'
import type { OpenedLog } from '../store/log/successors.js'
import { openedLogs } from '../store/log/successors.js'
import type { By } from './found.js'

export interface LogChecked {
  readonly leaves: number
  readonly checkpoints: number
  /** What is known to be lost, a line for each successor log. */
  readonly gaps: readonly string[]
  readonly found: readonly Found[]
}

export interface LogAsked extends By {
  /** Every authority that is believed: whose roots state the log's key. */
  readonly authorities: readonly Authority[]
  /** The largest head ever signed, from the file of the signer; null when it was not given. */
  readonly highWater: HighWater | null
}

export async function checkLog(tx: Tx, asked: LogAsked): Promise<LogChecked> {
  const { rows } = await tx.query<{ index: string; hash: Digest }>(
    'select index, hash from leaves order by index',
  )
  const gap = rows.findIndex(({ index }, place) => Number(index) !== place)
  const leaves = rows.map(({ hash }) => leafOf(hash))
  const signed = await signedHeads(tx)
  const opened = await openedLogs(tx, asked)
  const by = { ...asked, opened: isRefusal(opened) ? [] : opened }
  const mark = markedIn(by)
  const roots = rootsAt(
    leaves,
    new Set([...signed, ...by.opened.map(({ successor }) => successor.restored), mark].map(sizeOf)),
  )
  const found = [
    ...(gap < 0 ? [] : [tampered('log', `/leaves/${gap}`, 'the leaf is missing')]),
    ...(await unplaced(tx)),
    ...(await wrongTiles(tx, leaves)),
    ...signed.flatMap((head) => wrongHead(head, { ...by, roots })),
    ...(await wrongCosignatures(tx, { ...by, signed })),
    ...(await wrongSuccessors(tx, { ...by, roots, leaves })),
    ...forgotten({ mark, roots }),
  ]
  const gaps = by.opened.map(({ successor }) => gapWords(successor))
  return { leaves: leaves.length, checkpoints: signed.length, gaps, found }
}

const sizeOf = (head: { readonly size: number } | null): number | undefined => head?.size

/** The root at each of these sizes, as far as there are leaves. */
function rootsAt(
  leaves: readonly Hash[],
  sizes: ReadonlySet<number | undefined>,
): ReadonlyMap<number, Hash> {
  const roots = new Map<number, Hash>()
  let tree = frontier()
  for (const leaf of leaves) {
    tree = append(tree, leaf)
    if (sizes.has(tree.size)) roots.set(tree.size, rootOfFrontier(tree))
  }
  return roots
}

/** Entries that are in the log twice, or neither in it nor waiting for it, or in it before their predecessor. */
async function unplaced(tx: Tx): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ subject: string; place: string; detail: string }>(
    `select e.stream as subject, '/' || e.seq as place,
            case when l.hash is not null then 'it waits for the log that has it already'
                 else 'it is not in the log and does not wait for it' end as detail
       from entries e left join leaves l on l.hash = e.hash left join unsequenced u on u.hash = e.hash
      where (l.hash is null) = (u.hash is null)
     union all
     select stream, '/' || seq, 'the log has it before its predecessor'
       from (select e.stream, e.seq, l.index, lag(l.index) over (partition by e.stream order by e.seq) as before
               from entries e join leaves l on l.hash = e.hash) placed
      where index < before
     union all
     select 'log', '/waiting/' || u.id, 'there is no such entry'
       from unsequenced u left join entries e on e.hash = u.hash where e.hash is null
     union all
     select 'log', '/waiting/' || max(u.id), 'it waits twice' from unsequenced u group by u.hash having count(*) > 1`,
  )
  return rows.map(({ subject, place, detail }) => tampered(subject, place, detail))
}

async function wrongTiles(tx: Tx, leafHashes: readonly Hash[]): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ level: number; index: string; data: Buffer }>(
    'select level, index, data from tiles order by level, index',
  )
  const stored = new Map(rows.map(({ level, index, data }) => [`/tiles/${level}/${index}`, data]))
  const made = newTiles({ oldSize: 0, leafHashes, readTile: () => undefined })
  const found: Found[] = []
  for (const { tile, data } of made) {
    const place = `/tiles/${tile.level}/${tile.index}`
    const same = stored.get(place)
    stored.delete(place)
    if (same === undefined || !sameBytes(same, data))
      found.push(tampered('log', place, 'not the tile that its leaves make'))
  }
  for (const place of stored.keys()) found.push(tampered('log', place, 'the tree has no such tile'))
  return found
}

interface SignedHead {
  readonly size: number
  readonly note: string
}

async function signedHeads(tx: Tx): Promise<readonly SignedHead[]> {
  const { rows } = await tx.query<{ size: string; note: string }>(
    'select size, note from checkpoints order by size',
  )
  return rows.map(({ size, note }) => ({ size: Number(size), note }))
}

/** A look at the log and the successor logs that its officers opened. */
interface Opened extends LogAsked {
  readonly opened: readonly OpenedLog[]
}

/** The keys of the log, each with its origin, as the roots state them, and under the origins that followed. */
function openingsBy({ authorities, verify, opened }: Opened): readonly Opening[] {
  const origins = opened.map(({ successor }) => successor.to.origin)
  return authorities.flatMap(({ root: { log } }) => {
    const publicKey = fromBase64(log.key.publicKey)
    if (publicKey?.length !== 32) return []
    return [log.origin, ...origins].map((origin) => ({
      origin,
      verifier: ed25519Verifier({ name: origin, publicKey, verify }),
    }))
  })
}

type Roots = ReadonlyMap<number, Hash>

/** Entries that follow a log and that no officers signed, and logs that do not begin as their officers said. */
async function wrongSuccessors(
  tx: Tx,
  by: Opened & { readonly roots: Roots; readonly leaves: readonly Hash[] },
): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ stream: string; seq: number; hash: Digest }>(
    "select stream, seq, hash from entries where stream_kind(stream) = 'log' order by stream, seq",
  )
  return rows.flatMap(({ stream, seq, hash }) => {
    const opened = by.opened.find((one) => one.hash === hash)
    if (opened === undefined)
      return [tampered(stream, `/${seq}`, 'its officers did not sign that this log follows')]
    const { size, root } = opened.successor.restored
    const first = by.leaves[size]
    const begins = first === undefined || sameBytes(first, leafOf(hash))
    const is = size === 0 ? emptyRoot() : by.roots.get(size)
    const same = is !== undefined && toBase64(is) === root
    return begins && same
      ? []
      : [tampered(stream, `/${seq}`, 'the log does not begin with what was left before it')]
  })
}

function wrongHead(
  { size, note }: SignedHead,
  by: Opened & { readonly roots: Roots },
): readonly Found[] {
  const place = `/checkpoints/${size}`
  const opened = openingsBy(by).map((opening) => openCheckpoint({ note, ...opening }))
  const good = opened.find((one) => !isRefusal(one))
  if (good === undefined || isRefusal(good))
    return [tampered('log', place, 'the key of the log did not sign this head')]
  const { checkpoint } = good
  if (checkpoint.size !== size)
    return [tampered('log', place, `it is the head of ${checkpoint.size} leaves`)]
  const root = by.roots.get(size)
  if (root === undefined)
    return [tampered('log', place, 'the log was signed larger than it is: leaves are gone')]
  return sameBytes(root, checkpoint.root)
    ? []
    : [
        tampered(
          'log',
          place,
          'the leaves have another root: the log is not the one that was signed',
        ),
      ]
}

/** Cosignatures that do not hold under their head, and quorums without any. */
async function wrongCosignatures(
  tx: Tx,
  by: Opened & { readonly signed: readonly SignedHead[] },
): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ size: string; witness: string; line: string }>(
    'select size, witness, line from cosignatures order by size, witness',
  )
  const { rows: quorums } = await tx.query<{ size: string }>('select size from quorums')
  const notes = new Map(by.signed.map(({ size, note }) => [size, note]))
  const bad = rows.flatMap(({ size, witness, line }) => {
    const key = parseVkey(witness, 'cosignature')
    const note = notes.get(Number(size))
    const place = `/cosignatures/${size}/${witness}`
    if (isRefusal(key) || note === undefined)
      return [tampered('log', place, 'of no witness, or under no head')]
    const witnesses = [cosignatureVerifier({ ...key, verify: by.verify })]
    const holds = openingsBy(by)
      .map((opening) => openCheckpoint({ note: `${note}${line}`, ...opening, witnesses }))
      .some((opened) => !isRefusal(opened) && opened.signers.length === 2)
    return holds ? [] : [tampered('log', place, 'the witness did not sign this head')]
  })
  const empty = quorums.filter(({ size }) => !rows.some((row) => row.size === size))
  return [
    ...bad,
    ...empty.map(({ size }) => tampered('log', `/quorums/${size}`, 'nobody cosigned this head')),
  ]
}

/** The signer's mark as a head of the log that is signed now; what does not lead to it stays as it is. */
function markedIn({ authorities, opened, highWater: mark }: Opened): HighWater | null {
  const root = authorities.at(-1)?.root
  if (mark === null || root === undefined) return mark
  const { origin } = followedLog(
    root,
    opened.map(({ successor }) => successor),
  )
  const marked = markIn(origin, { mark, opened })
  return 'words' in marked ? mark : marked.mark
}

/** What the signer remembered outside the database, before the store was looked at, is a head of this log. */
function forgotten({
  mark,
  roots,
}: {
  readonly mark: HighWater | null
  readonly roots: Roots
}): readonly Found[] {
  if (mark === null) return []
  const { size } = mark
  const root = roots.get(size)
  const signedRoot = fromBase64(mark.root)
  const place = `/leaves/${size - 1}`
  if (root === undefined)
    return [tampered('log', place, `${size} leaves were signed: a backup was restored`)]
  return signedRoot !== null && sameBytes(root, signedRoot)
    ? []
    : [tampered('log', place, 'another log was signed than this one')]
}

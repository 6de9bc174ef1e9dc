/**
 * The sequencer integrates committed entries, in batches, into one Merkle log and signs its head.
 * One at a time (advisory lock). Order: tiles and leaves commit, the head is signed, the high-water mark outside the
 * database rises, then the checkpoint is published. Nothing is signed before it is
 * committed; nothing smaller or different is signed after a restore.
 */

import { toBase64 } from '../../domain/bytes/base64.js'
import type { Digest } from '../../domain/bytes/digest.js'
import { type Checkpoint, signCheckpoint } from '../../ledger/checkpoint.js'
import { leafOf } from '../../ledger/entry.js'
import { tilesForRoot } from '../../ledger/proof.js'
import { frontierAt } from '../../ledger/subtree.js'
import {
  edgeTiles,
  newTiles,
  type TileData,
  type TileReader,
  tileHashReader,
  tilesIn,
} from '../../ledger/tile.js'
import { tilePath } from '../../ledger/tile-path.js'
import { append, type Frontier, rootOfFrontier } from '../../ledger/tree.js'
import { type Db, prepared, type Tx, transaction, UNHURRIED } from '../db.js'
import { writeDurable } from './durable.js'
import { beginsWith, compareHead, type HighWater, markIn, readHighWater } from './high-water.js'
import type { OpenedLog } from './successors.js'
import { loadTiles, storeGrowth } from './tiles.js'

const BATCH = 2000

export interface LogSigner {
  readonly origin: string
  readonly publicKey: Uint8Array
  readonly sign: (message: Uint8Array) => Uint8Array
}

/** The stored tree is smaller than, or differs from, what was signed before. Signing stops until people decide. */
export class LogForked extends Error {
  override readonly name = 'LogForked'
}

export interface Sequencer {
  /** Integrates and signs everything that is committed; returns the tree size. */
  readonly run: () => Promise<number>
}

interface Sequencing {
  readonly db: Db
  readonly signer: LogSigner
  readonly highWaterFile: string
  /** Successor logs that officers opened; none unless given. */
  readonly opened?: readonly OpenedLog[]
}

export function createSequencer(input: Sequencing): Sequencer {
  /** The tree as this process left it, and the size that it signed last. Both are read anew when the store's tree is another one. */
  let known: { readonly edge: Edge; readonly signed: number } | null = null
  /** As high as the file's, unless somebody took the file away. */
  let mark: HighWater | null = null
  return {
    run: async () => {
      for (;;) {
        known ??= await checkHighWater(input, mark)
        const { edge, signed } = known
        const grown = await transaction(input.db, (tx) => integrate(tx, edge))
        if (grown === 'another tree') {
          known = null
          continue
        }
        known = { edge: grown.edge, signed }
        const { size } = grown.edge.frontier
        if (size > signed) {
          mark = await publish(input, grown.edge)
          known = { edge: grown.edge, signed: size }
        }
        if (grown.added < BATCH) return size
      }
    },
  }
}

/** The right edge of the tree: enough to append to it and to know its root. */
interface Edge {
  readonly frontier: Frontier
  /** The hash of the last leaf; null in the empty tree. */
  readonly last: Digest | null
  readonly readTile: TileReader
}

/** Afterwards the tree in the database extends the largest head ever signed, of this log or of the one that it follows. */
async function checkHighWater(
  input: Sequencing,
  own: HighWater | null,
): Promise<{ edge: Edge; signed: number }> {
  const { db, signer, opened = [] } = input
  const kept = await readHighWater(input.highWaterFile)
  const known = (kept?.size ?? 0) >= (own?.size ?? 0) ? kept : own
  const edge = await transaction(db, loadEdge)
  if (known === null) return { edge, signed: 0 }
  const marked = markIn(signer.origin, { mark: known, opened })
  if ('words' in marked) throw new LogForked(marked.words)
  const { mark, begins } = marked
  const { size } = edge.frontier
  const root = rootOfFrontier(edge.frontier)
  const compared = await compareHead(db, { mark, size, root })
  if (compared.store !== 'whole') throw new LogForked(compared.words)
  if (begins !== null && !(await beginsWith(db, begins)))
    throw new LogForked(`${signer.origin} does not begin with the statement of its officers`)
  // The last signed head may not have been published: the next run signs again.
  const published = size === mark.size && (await hasCheckpoint(db, mark.size))
  return { edge, signed: published ? mark.size : 0 }
}

const hasCheckpoint = async (db: Db, size: number): Promise<boolean> =>
  (await db.query('select 1 from checkpoints where size = $1', [size])).rowCount === 1

async function loadEdge(tx: Tx): Promise<Edge> {
  await tx.query(SEQUENCER_LOCK)
  const { rows } = await tx.query<{ size: string; last: Digest }>(
    'select index + 1 as size, hash as last from leaves order by index desc limit 1',
  )
  const size = Number(rows[0]?.size ?? 0)
  const readTile = await loadTiles(tx, [...edgeTiles(size), ...tilesForRoot(size)])
  const hashReader = tileHashReader({ size, readTile })
  return { frontier: frontierAt({ size, hashReader }), last: rows[0]?.last ?? null, readTile }
}

export const SEQUENCER_LOCK = 'select pg_advisory_xact_lock(7215301)'

/** Takes nothing when the last leaf is not the one given: then there is another tree in the store. */
const TAKE = `
  with same as (select where $1::text is not distinct from
                             (select hash from leaves order by index desc limit 1)),
       batch as (select id from unsequenced, same order by id limit ${BATCH}),
       gone as (delete from unsequenced u using batch where u.id = batch.id returning u.id, u.hash)
  select gone.hash from same left join gone on true order by gone.id`

/**
 * Takes what is committed and not sequenced. Under the lock the store's last leaf must be the one that this
 * process left there: another sequencer, or a restore, makes another tree, and nothing is added to it unread.
 */
async function integrate(
  tx: Tx,
  edge: Edge,
): Promise<{ readonly edge: Edge; readonly added: number } | 'another tree'> {
  const oldSize = edge.frontier.size
  const [, { rows }] = await Promise.all([
    tx.query(SEQUENCER_LOCK),
    tx.query<{ hash: Digest | null }>(prepared(TAKE, [edge.last])),
  ])
  if (rows.length === 0) return 'another tree'
  const leaves = rows.flatMap(({ hash }) => hash ?? [])
  if (leaves.length === 0) return { edge, added: 0 }
  const leafHashes = leaves.map(leafOf)
  const tiles = newTiles({ oldSize, leafHashes, readTile: edge.readTile })
  await storeGrowth(tx, { oldSize, leaves, tiles })
  return { edge: edgeAfter(edge, { leaves, leafHashes, tiles }), added: leaves.length }
}

function edgeAfter(
  edge: Edge,
  growth: {
    readonly leaves: readonly Digest[]
    readonly leafHashes: readonly Uint8Array[]
    readonly tiles: readonly TileData[]
  },
): Edge {
  const frontier = growth.leafHashes.reduce(append, edge.frontier)
  const fresh = new Map(growth.tiles.map(({ tile, data }) => [tilePath(tile), data]))
  const kept = edgeTiles(frontier.size).flatMap((tile): [string, Uint8Array][] => {
    const data = fresh.get(tilePath(tile)) ?? edge.readTile(tile)
    return data === undefined ? [] : [[tilePath(tile), data]]
  })
  return {
    frontier,
    last: growth.leaves.at(-1) ?? edge.last,
    readTile: tilesIn(new Map(kept)),
  }
}

/** Afterwards the head is signed and published, and this is the largest ever signed. */
async function publish(input: Sequencing, { frontier }: Edge): Promise<HighWater> {
  const { db, signer } = input
  const { size } = frontier
  const root = rootOfFrontier(frontier)
  const { origin } = signer
  const checkpoint: Checkpoint = { origin, size, root, extensions: [] }
  const note = await signCheckpoint({ checkpoint, publicKey: signer.publicKey, sign: signer.sign })
  // No signature leaves this process before the mark says that it was made.
  const mark: HighWater = { size, root: toBase64(root), origin, note }
  await writeDurable(input.highWaterFile, mark)
  // Tree and mark are on the disk: a head that a crash of the store loses is signed again, the same.
  await db.query(
    prepared(
      `with stored as (insert into checkpoints (size, note) select $1::bigint, $2::text where ${UNHURRIED} on conflict do nothing)
       select pg_notify('checkpoint', '')`,
      [size, note],
    ),
  )
  return mark
}

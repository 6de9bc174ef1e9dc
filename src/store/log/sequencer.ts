/**
 * The sequencer integrates committed entries, in batches, into one Merkle log and signs its head.
 * One at a time (advisory lock). Order: tiles and leaves commit, the high-water mark outside the
 * database rises, then the checkpoint is signed and published. Nothing is signed before it is
 * committed; nothing smaller or different is signed after a restore.
 */
import { fromBase64, toBase64 } from '../../domain/bytes/base64.js'
import type { Digest } from '../../domain/bytes/digest.js'
import { type Checkpoint, signCheckpoint } from '../../ledger/checkpoint.js'
import { leafOf } from '../../ledger/entry.js'
import {
  consistencyProof,
  tilesForConsistency,
  tilesForRoot,
  verifyConsistency,
} from '../../ledger/proof.js'
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
import { readDurable, writeDurable } from './durable.js'
import { loadTiles, storeGrowth } from './tiles.js'

const BATCH = 2000

export interface LogSigner {
  readonly origin: string
  readonly publicKey: Uint8Array
  readonly sign: (message: Uint8Array) => Uint8Array
}

/** The largest head ever signed, kept in a file outside the database. */
export interface HighWater {
  readonly size: number
  readonly root: string
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

/** What the signer remembers; null when there is no such file yet. */
export const readHighWater = async (file: string): Promise<HighWater | null> =>
  (await readDurable(file)) as HighWater | null

/** Afterwards the tree in the database extends the largest head ever signed. */
async function checkHighWater(
  input: Sequencing,
  own: HighWater | null,
): Promise<{ edge: Edge; signed: number }> {
  const kept = await readHighWater(input.highWaterFile)
  const mark = (kept?.size ?? 0) >= (own?.size ?? 0) ? kept : own
  const edge = await transaction(input.db, loadEdge)
  if (mark === null) return { edge, signed: 0 }
  const { size } = edge.frontier
  const oldRoot = fromBase64(mark.root)
  if (oldRoot === null || size < mark.size)
    throw new LogForked(
      `the store has a log of ${size} entries, but ${mark.size} were signed: a backup was restored, or this is another database`,
    )
  const growth = { oldSize: mark.size, newSize: size }
  const readTile = await loadTiles(input.db, tilesForConsistency(growth))
  const proof = consistencyProof({ ...growth, hashReader: tileHashReader({ size, readTile }) })
  const newRoot = rootOfFrontier(edge.frontier)
  if (!verifyConsistency({ ...growth, oldRoot, newRoot, proof }))
    throw new LogForked(
      `the store has another log than the one of which ${mark.size} entries were signed: a backup was restored, or entries were changed`,
    )
  // The last signed head may not have been published: the next run signs again.
  const published = size === mark.size && (await hasCheckpoint(input.db, mark.size))
  return { edge, signed: published ? mark.size : 0 }
}

const hasCheckpoint = async (db: Db, size: number): Promise<boolean> =>
  (await db.query('select 1 from checkpoints where size = $1', [size])).rowCount === 1

async function loadEdge(tx: Tx): Promise<Edge> {
  await tx.query(LOCK)
  const { rows } = await tx.query<{ size: string; last: Digest }>(
    'select index + 1 as size, hash as last from leaves order by index desc limit 1',
  )
  const size = Number(rows[0]?.size ?? 0)
  const readTile = await loadTiles(tx, [...edgeTiles(size), ...tilesForRoot(size)])
  const hashReader = tileHashReader({ size, readTile })
  return { frontier: frontierAt({ size, hashReader }), last: rows[0]?.last ?? null, readTile }
}

const LOCK = 'select pg_advisory_xact_lock(7215301)'

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
    tx.query(LOCK),
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
  const mark: HighWater = { size, root: toBase64(root) }
  await writeDurable(input.highWaterFile, mark)
  const checkpoint: Checkpoint = { origin: signer.origin, size, root, extensions: [] }
  const note = await signCheckpoint({ checkpoint, publicKey: signer.publicKey, sign: signer.sign })
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

/**
 * The log as everybody may read it: signed head, tiles and entry bundles, and of these only what is under the
 * newest signed head. So whatever was once answered stays true for as long as the log is not forked.
 */
import type { Digest } from '../../domain/bytes/digest.js'
import { formatBundle } from '../../ledger/bundle.js'
import { recordOf } from '../../ledger/entry.js'
import { type Bundle, TILE_WIDTH, type Tile } from '../../ledger/tile-path.js'
import { HASH_BYTES } from '../../ledger/tree.js'
import { type Db, prepared } from '../db.js'
import { loadTiles } from './tiles.js'
import { COSIGNED_NOTE } from './witnesses.js'

/** With the cosignatures that it has so far. Null while nothing has been signed. */
export async function servedCheckpoint(db: Db): Promise<string | null> {
  const { rows } = await db.query<{ note: string }>(
    `select ${COSIGNED_NOTE} as note from checkpoints c order by c.size desc limit 1`,
  )
  return rows[0]?.note ?? null
}

/** Null when the tree under the newest signed head has no tile there that is so wide. */
export async function servedTile(db: Db, tile: Tile): Promise<Uint8Array | null> {
  const hashes = Math.floor((await signedSize(db)) / TILE_WIDTH ** tile.level)
  if (tile.index * TILE_WIDTH + tile.width > hashes) return null
  const data = (await loadTiles(db, [tile]))(tile)
  return data?.length === tile.width * HASH_BYTES ? data : null
}

/** The records under a level-0 tile of the same index and width; null where there is no such tile. */
export async function servedBundle(db: Db, { index, width }: Bundle): Promise<Uint8Array | null> {
  const from = index * TILE_WIDTH
  if (from + width > (await signedSize(db))) return null
  const { rows } = await db.query<{ hash: Digest }>(
    prepared('select hash from leaves where index >= $1 and index < $2 order by index', [
      from,
      from + width,
    ]),
  )
  return rows.length === width ? formatBundle(rows.map(({ hash }) => recordOf(hash))) : null
}

async function signedSize(db: Db): Promise<number> {
  const { rows } = await db.query<{ size: string }>(
    prepared('select coalesce(max(size), 0) as size from checkpoints', []),
  )
  return Number(rows[0]?.size ?? 0)
}

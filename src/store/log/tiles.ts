/** Tiles of the log in the database. A partial tile grows in place; a reader gets it at least as wide as asked. */
import type { Digest } from '../../domain/bytes/digest.js'
import { type TileData, type TileReader, tilesIn } from '../../ledger/tile.js'
import { type Tile, tilePath } from '../../ledger/tile-path.js'
import { type Db, prepared, type Tx } from '../db.js'

export async function loadTiles(db: Db | Tx, tiles: readonly Tile[]): Promise<TileReader> {
  if (tiles.length === 0) return tilesIn(new Map())
  const { rows } = await db.query<{ level: number; index: string; data: Buffer }>(
    prepared(
      `select t.level, t.index, t.data from tiles t
         join unnest($1::smallint[], $2::bigint[]) as wanted (level, index) using (level, index)`,
      [tiles.map((tile) => tile.level), tiles.map((tile) => tile.index)],
    ),
  )
  const byPlace = new Map(
    rows.map((row) => [`${row.level}/${row.index}`, new Uint8Array(row.data)]),
  )
  const loaded = new Map<string, Uint8Array>()
  for (const tile of tiles) {
    const data = byPlace.get(`${tile.level}/${tile.index}`)
    if (data !== undefined) loaded.set(tilePath(tile), data.subarray(0, tile.width * 32))
  }
  return tilesIn(loaded)
}

interface Grown {
  readonly oldSize: number
  /** The hashes of the new leaves, in order. */
  readonly leaves: readonly Digest[]
  readonly tiles: readonly TileData[]
}

/** Stores the new leaves and what they make of the tiles, in one statement. */
export async function storeGrowth(tx: Tx, { oldSize, leaves, tiles }: Grown): Promise<void> {
  await tx.query(
    prepared(
      `with added as (
         insert into leaves (index, hash)
           select $1::bigint + i - 1, hash from unnest($2::text[]) with ordinality as leaf (hash, i))
       insert into tiles (level, index, data) select * from unnest($3::smallint[], $4::bigint[], $5::bytea[])
         on conflict (level, index) do update set data = excluded.data
           where octet_length(tiles.data) < octet_length(excluded.data)`,
      [
        oldSize,
        leaves,
        tiles.map(({ tile }) => tile.level),
        tiles.map(({ tile }) => tile.index),
        tiles.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
      ],
    ),
  )
}

/** Tiles of the log in the database. A partial tile grows in place; a reader gets it at least as wide as asked. */
import { type TileReader, tilesIn } from '../ledger/tile.js'
import { type Tile, tilePath } from '../ledger/tile-path.js'
import type { Db, Tx } from './db.js'

export async function loadTiles(db: Db | Tx, tiles: readonly Tile[]): Promise<TileReader> {
  if (tiles.length === 0) return tilesIn(new Map())
  const { rows } = await db.query<{ level: number; index: string; data: Buffer }>(
    `select t.level, t.index, t.data from tiles t
       join unnest($1::smallint[], $2::bigint[]) as wanted (level, index) using (level, index)`,
    [tiles.map((tile) => tile.level), tiles.map((tile) => tile.index)],
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

export async function storeTiles(
  tx: Tx,
  tiles: readonly { readonly tile: Tile; readonly data: Uint8Array }[],
): Promise<void> {
  if (tiles.length === 0) return
  await tx.query(
    `insert into tiles (level, index, data) select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])
     on conflict (level, index) do update set data = excluded.data
       where octet_length(tiles.data) < octet_length(excluded.data)`,
    [
      tiles.map(({ tile }) => tile.level),
      tiles.map(({ tile }) => tile.index),
      tiles.map(({ data }) => Buffer.from(data)),
    ],
  )
}

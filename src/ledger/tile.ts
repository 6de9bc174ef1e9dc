/**
 * The tree cut into tiles (C2SP tlog-tiles): which tiles a size has, what appending adds to them, and the
 * hash of any complete subtree out of them. Tiles are immutable: a wider one extends a narrower one.
 * A *tile reader* is synchronous, over tiles that the caller loaded before; each function here that reads
 * tiles has a partner that lists them. A tile that is absent or misshapen is a `TileFault`, not an answer.
 */
import { concatBytes } from '@noble/hashes/utils.js'
import { assertSize, type HashReader, type Subtree } from './subtree.js'
import { TILE_WIDTH, type Tile, tilePath } from './tile-path.js'
import { HASH_BYTES, type Hash, isHash, nodeHash, rootOf } from './tree.js'

/** Height of the subtree under one full tile. */
const TILE_HEIGHT = 8

/** Returns the tile, or a wider one at the same level and index, or undefined when it is not there. */
export type TileReader = (tile: Tile) => Uint8Array | undefined

export interface TileData {
  readonly tile: Tile
  /** `tile.width` hashes of 32 bytes. */
  readonly data: Uint8Array
}

/** A tile that the tree must have is absent, or is not a sequence of at least `width` hashes. */
export class TileFault extends Error {
  override readonly name = 'TileFault'

  constructor(readonly tile: Tile) {
    super(`no usable tile at ${tilePath(tile)}`)
  }
}

/** A reader over loaded tiles by path; a partial tile may have been replaced by its full one. */
export const tilesIn =
  (loaded: ReadonlyMap<string, Uint8Array>): TileReader =>
  (tile) =>
    loaded.get(tilePath(tile)) ?? loaded.get(tilePath({ ...tile, width: TILE_WIDTH }))

/** How many hashes level `level` has in a tree of `size` leaves. */
const hashesAt = (level: number, size: number): number => Math.floor(size / TILE_WIDTH ** level)

/** The partial tiles of a size: what must be loaded before appending to it, or to know its frontier. */
export function edgeTiles(size: number): Tile[] {
  const tiles: Tile[] = []
  for (let level = 0; hashesAt(level, assertSize(size)) > 0; level += 1) {
    const count = hashesAt(level, size)
    const width = count % TILE_WIDTH
    if (width > 0) tiles.push({ level, index: Math.floor(count / TILE_WIDTH), width })
  }
  return tiles
}

/** The tiles of `newSize` that `oldSize` does not have, or has only narrower; lowest level first. */
export function tilesTouched(oldSize: number, newSize: number): Tile[] {
  if (assertSize(oldSize) > assertSize(newSize)) throw new RangeError('a log never shrinks')
  const tiles: Tile[] = []
  for (let level = 0; hashesAt(level, newSize) > hashesAt(level, oldSize); level += 1) {
    const count = hashesAt(level, newSize)
    const first = Math.floor(hashesAt(level, oldSize) / TILE_WIDTH)
    for (let index = first; index * TILE_WIDTH < count; index += 1) {
      tiles.push({ level, index, width: Math.min(TILE_WIDTH, count - index * TILE_WIDTH) })
    }
  }
  return tiles
}

export interface Appending {
  readonly oldSize: number
  readonly leafHashes: readonly Hash[]
  /** Needs `edgeTiles(oldSize)`. */
  readonly readTile: TileReader
}

/** The data of exactly `tilesTouched(oldSize, oldSize + leafHashes.length)`, in that order. */
export function newTiles({ oldSize, leafHashes, readTile }: Appending): TileData[] {
  if (!leafHashes.every(isHash)) throw new TypeError('a leaf hash has 32 bytes')
  const touched = tilesTouched(oldSize, oldSize + leafHashes.length)
  const written: TileData[] = []
  let fresh = leafHashes
  for (let level = 0; fresh.length > 0; level += 1) {
    const old = hashesAt(level, oldSize)
    const hashes = [...keptHashes({ level, count: old, readTile }), ...fresh]
    const base = old - (old % TILE_WIDTH)
    for (const tile of touched.filter((each) => each.level === level)) {
      const start = tile.index * TILE_WIDTH - base
      written.push({ tile, data: concatBytes(...hashes.slice(start, start + tile.width)) })
    }
    fresh = rootsOfFull(hashes)
  }
  return written
}

/** The hashes of the partial tile that a level of `count` hashes ends with. */
function keptHashes(at: { level: number; count: number; readTile: TileReader }): Hash[] {
  const width = at.count % TILE_WIDTH
  if (width === 0) return []
  const tile = { level: at.level, index: Math.floor(at.count / TILE_WIDTH), width }
  return hashesIn({ tile, from: 0, to: width, readTile: at.readTile })
}

function rootsOfFull(hashes: readonly Hash[]): Hash[] {
  const roots: Hash[] = []
  for (let end = TILE_WIDTH; end <= hashes.length; end += TILE_WIDTH) {
    roots.push(rootOf(hashes.slice(end - TILE_WIDTH, end)))
  }
  return roots
}

/** The tile of a tree of `size` leaves in which a complete subtree is found. Throws when it is not complete. */
export function tileOf(subtree: Subtree, size: number): Tile {
  if ((subtree.index + 1) * 2 ** subtree.height > assertSize(size)) {
    throw new RangeError('the tree has no such complete subtree')
  }
  const level = Math.floor(subtree.height / TILE_HEIGHT)
  const first = subtree.index * 2 ** (subtree.height % TILE_HEIGHT)
  const index = Math.floor(first / TILE_WIDTH)
  return { level, index, width: Math.min(TILE_WIDTH, hashesAt(level, size) - index * TILE_WIDTH) }
}

/**
 * A reader over the tiles of one tree; it needs the tile `tileOf(subtree, size)` of each subtree that is asked
 * for. It keeps what it has hashed, so many proofs of one tree cost little more than one.
 */
export function tileHashReader(tree: { size: number; readTile: TileReader }): HashReader {
  const known = new Map<string, Hash>()
  const read: HashReader = ({ height, index }) => {
    const key = `${height}/${index}`
    const hash = known.get(key) ?? fresh({ height, index })
    known.set(key, hash)
    return hash
  }
  const fresh: HashReader = (subtree) => {
    if (subtree.height % TILE_HEIGHT === 0) return storedHash(subtree, tree)
    const [height, left] = [subtree.height - 1, subtree.index * 2]
    return nodeHash(read({ height, index: left }), read({ height, index: left + 1 }))
  }
  return read
}

/** The hash of a subtree as high as a tile level, where tiles hold it as it is. */
function storedHash(subtree: Subtree, tree: { size: number; readTile: TileReader }): Hash {
  const tile = tileOf(subtree, tree.size)
  const from = subtree.index % TILE_WIDTH
  const [hash] = hashesIn({ tile, from, to: from + 1, readTile: tree.readTile })
  if (hash === undefined) throw new TileFault(tile)
  return hash
}

/** UNTRUSTED: tiles may come from anyone; what they say counts only once a signed root confirms it. */
function hashesIn(at: { tile: Tile; from: number; to: number; readTile: TileReader }): Hash[] {
  const data = at.readTile(at.tile)
  const fits = data !== undefined && data.length >= at.tile.width * HASH_BYTES
  if (!fits || data.length % HASH_BYTES !== 0 || data.length > TILE_WIDTH * HASH_BYTES) {
    throw new TileFault(at.tile)
  }
  const hashes: Hash[] = []
  for (let i = at.from; i < at.to; i += 1) {
    hashes.push(data.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES))
  }
  return hashes
}

/** Each tile once, in the order of first need. */
export function distinctTiles(subtrees: readonly Subtree[], size: number): Tile[] {
  const byPath = new Map<string, Tile>()
  for (const subtree of subtrees) {
    const tile = tileOf(subtree, size)
    byPath.set(tilePath(tile), tile)
  }
  return [...byPath.values()]
}

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tilesForRoot } from '../../src/ledger/proof.js'
import { frontierAt, rootAt, subtreesOf } from '../../src/ledger/subtree.js'
import {
  edgeTiles,
  newTiles,
  TileFault,
  tileHashReader,
  tileOf,
  tilesIn,
  tilesTouched,
} from '../../src/ledger/tile.js'
import {
  entriesPath,
  parseEntriesPath,
  parseTilePath,
  type Tile,
  tilePath,
} from '../../src/ledger/tile-path.js'
import { append, frontier, rootOf, rootOfFrontier } from '../../src/ledger/tree.js'
import { growTiles, leaves, onlyTiles, slowRoot } from './support.js'

const anIndex = fc.maxSafeNat()
const aWidth = fc.integer({ min: 1, max: 256 })

describe('a tile path', () => {
  test('is the one of the specification', () => {
    expect(tilePath({ level: 0, index: 1234067, width: 256 })).toBe('tile/0/x001/x234/067')
    expect(tilePath({ level: 63, index: 0, width: 1 })).toBe('tile/63/000.p/1')
    expect(tilePath({ level: 2, index: 1000, width: 255 })).toBe('tile/2/x001/000.p/255')
    expect(entriesPath({ index: 999, width: 256 })).toBe('tile/entries/999')
  })

  test('reads back as the tile it was made of', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 63 }), anIndex, aWidth, (level, index, width) => {
        expect(parseTilePath(tilePath({ level, index, width }))).toEqual({ level, index, width })
        expect(parseEntriesPath(entriesPath({ index, width }))).toEqual({ index, width })
      }),
    )
  })

  test.each([
    '',
    'tile',
    'tile/',
    'tile/0',
    'tile/0/',
    '/tile/0/000',
    'tile/0/000/',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/0',
    'tile/0/0000',
    'tile/0/x000/000',
    'tile/0/x000',
    'tile/0/001/002',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000.p/',
    'tile/0/000.p/-1',
    'tile/0/x1/000',
    'tile/0/0x1',
    'tile/0/000.p/1/',
    'tile/0/000\n',
    'tile/0/../0/000',
    'tile/0/\u0660\u0660\u0660',
    'tile/data/000',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/0/x001/x000/x000/x000/x000/x000/000',
  ])('%j names no tile', (path) => {
    expect(parseTilePath(path)).toMatchObject({ refused: 'MALFORMED' })
    expect(parseEntriesPath(path.replace('/0/', '/entries/'))).toMatchObject({
      refused: 'MALFORMED',
    })
  })

  test('that is accepted is always written the same way', () => {
    const parts = fc.constantFrom(
      'tile/',
      '0/',
      '7/',
      'entries/',
      'x',
      '001',
      '000',
      '/',
      '.p/',
      '12',
      '256',
    )
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 9 }), (words) => {
        const path = words.join('')
        const tile = parseTilePath(path)
        const bundle = parseEntriesPath(path)
        if (!('refused' in tile)) expect(tilePath(tile)).toBe(path)
        if (!('refused' in bundle)) expect(entriesPath(bundle)).toBe(path)
      }),
    )
  })

  test('of a tile that cannot be is a bug', () => {
    expect(() => tilePath({ level: 64, index: 0, width: 1 })).toThrow(RangeError)
    expect(() => tilePath({ level: 0, index: -1, width: 1 })).toThrow(RangeError)
    expect(() => tilePath({ level: 0, index: 0, width: 0 })).toThrow(RangeError)
    expect(() => tilePath({ level: 0, index: 0, width: 257 })).toThrow(RangeError)
  })
})

describe('the tiles of a size', () => {
  test('are those of the example of the specification, 70,000 leaves', () => {
    const tiles = tilesTouched(0, 70_000)
    const ofLevel = (level: number) => tiles.filter((tile) => tile.level === level)
    expect(ofLevel(0)).toHaveLength(274)
    expect(ofLevel(0).at(-1)).toEqual({ level: 0, index: 273, width: 112 })
    expect(ofLevel(1).map((tile) => tile.width)).toEqual([256, 17])
    expect(ofLevel(2)).toEqual([{ level: 2, index: 0, width: 1 }])
    expect(tiles).toHaveLength(274 + 2 + 1)
    expect(tilesTouched(0, 256).map(tilePath)).toEqual(['tile/0/000', 'tile/1/000.p/1'])
  })

  test('that growth touches are exactly those whose width changes', () => {
    const widths = (size: number) =>
      new Map(tilesTouched(0, size).map((tile) => [keyOf(tile), tile.width]))
    const keyOf = ({ level, index }: Tile) => `${level}/${index}`
    const aSize = fc.integer({ min: 0, max: 140_000 })
    fc.assert(
      fc.property(aSize, fc.integer({ min: 0, max: 1000 }), (oldSize, more) => {
        const before = widths(oldSize)
        const changed = [...widths(oldSize + more)].filter(
          ([key, width]) => before.get(key) !== width,
        )
        const touched = tilesTouched(oldSize, oldSize + more)
        expect(new Map(touched.map((tile) => [keyOf(tile), tile.width]))).toEqual(new Map(changed))
      }),
      { numRuns: 50 },
    )
  })

  test('have no number for a log that shrinks', () => {
    expect(() => tilesTouched(2, 1)).toThrow(RangeError)
  })

  test('stay countable at the largest size', () => {
    const size = Number.MAX_SAFE_INTEGER
    expect(edgeTiles(size)).toHaveLength(7)
    expect(tilesTouched(size - 1, size)).toEqual([{ level: 0, index: 2 ** 45 - 1, width: 255 }])
    expect(subtreesOf({ from: 0, to: size })).toHaveLength(53)
  })
})

describe('growing by tiles', () => {
  const hashes = leaves(1400)
  const stepsAnd = fc.tuple(
    fc.integer({ min: 1, max: hashes.length }),
    fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 6 }),
  )

  test('gives the root and the frontier of appending one by one, whatever the batches', () => {
    fc.assert(
      fc.property(stepsAnd, ([count, steps]) => {
        const taken = hashes.slice(0, count)
        const stored = growTiles(taken, steps)
        const edge = taken.reduce(append, frontier())
        const readTile = onlyTiles(stored, edgeTiles(count))
        const hashReader = tileHashReader({ size: count, readTile })
        expect(frontierAt({ size: count, hashReader })).toEqual(edge)
        expect(rootAt({ size: count, hashReader })).toEqual(rootOfFrontier(edge))
        expect(rootAt({ size: count, hashReader })).toEqual(slowRoot(taken))
        expect(tilesForRoot(count).map(tilePath).sort()).toEqual(
          edgeTiles(count).map(tilePath).sort(),
        )
      }),
      { numRuns: 60 },
    )
  })

  test('writes the same bytes in one batch as in many', () => {
    fc.assert(
      fc.property(stepsAnd, ([count, steps]) => {
        const grown = growTiles(hashes.slice(0, count), steps)
        for (const [path, data] of growTiles(hashes.slice(0, count), [])) {
          expect(grown.get(path)).toEqual(data)
        }
      }),
      { numRuns: 12 },
    )
  })

  test('writes exactly the tiles it touches, each as wide as it says', () => {
    const stored = growTiles(hashes.slice(0, 300), [])
    const readTile = onlyTiles(stored, edgeTiles(300))
    const written = newTiles({ oldSize: 300, leafHashes: hashes.slice(300, 1100), readTile })
    expect(written.map(({ tile }) => tile)).toEqual(tilesTouched(300, 1100))
    for (const { tile, data } of written) expect(data).toHaveLength(tile.width * 32)
  })

  test('by nothing writes nothing and reads nothing', () => {
    const readTile = () => {
      throw new Error('read')
    }
    expect(newTiles({ oldSize: 300, leafHashes: [], readTile })).toEqual([])
  })
})

describe('the hash of a complete subtree', () => {
  const hashes = leaves(70_000)
  const stored = growTiles(hashes, [])

  test('comes out of one tile, at any height', () => {
    const aSubtree = fc.integer({ min: 0, max: 13 }).chain((height) =>
      fc.record({
        height: fc.constant(height),
        index: fc.integer({ min: 0, max: Math.floor(hashes.length / 2 ** height) - 1 }),
      }),
    )
    fc.assert(
      fc.property(aSubtree, (subtree) => {
        const from = subtree.index * 2 ** subtree.height
        const readTile = onlyTiles(stored, [tileOf(subtree, hashes.length)])
        const hash = tileHashReader({ size: hashes.length, readTile })(subtree)
        expect(hash).toEqual(rootOf(hashes.slice(from, from + 2 ** subtree.height)))
      }),
      { numRuns: 40 },
    )
  })

  test('of an older size is read from the wider tile that replaced its own', () => {
    const full = new Map([...stored].filter(([path]) => !path.includes('.p/')))
    const rootOfSize = (size: number) =>
      rootAt({ size, hashReader: tileHashReader({ size, readTile: tilesIn(full) }) })
    expect(rootOfSize(300)).toEqual(slowRoot(hashes.slice(0, 300)))
    expect(() => rootOfSize(70_000)).toThrow(TileFault)
  })

  test('is not made up when a tile is absent or misshapen', () => {
    const tile = { level: 0, index: 0, width: 3 }
    for (const data of [undefined, 0, 32, 64, 95, 97, 257 * 32]) {
      const readTile = () => (data === undefined ? undefined : new Uint8Array(data))
      const hashReader = tileHashReader({ size: 3, readTile })
      expect(() => hashReader({ height: 1, index: 0 })).toThrow(TileFault)
      expect(() => newTiles({ oldSize: 3, leafHashes: leaves(1), readTile })).toThrow(TileFault)
    }
    expect(new TileFault(tile).message).toBe('no usable tile at tile/0/000.p/3')
  })

  test('does not exist before its last leaf', () => {
    expect(() => tileOf({ height: 2, index: 0 }, 3)).toThrow(RangeError)
    expect(tileOf({ height: 2, index: 0 }, 4)).toEqual({ level: 0, index: 0, width: 4 })
  })
})

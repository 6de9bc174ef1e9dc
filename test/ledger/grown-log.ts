/**
 * A log of 600 entries, grown one by one: its tiles, all its roots, and the claims that proofs are made for.
 * A proof is made from just the tiles it lists, unless another source is given.
 */
import fc from 'fast-check'
import {
  type ConsistencyClaim,
  consistencyProof,
  type InclusionClaim,
  inclusionProof,
  tilesForConsistency,
  tilesForInclusion,
} from '../../src/ledger/proof.js'
import type { HashReader } from '../../src/ledger/subtree.js'
import { tileHashReader, tilesIn } from '../../src/ledger/tile.js'
import type { Tile } from '../../src/ledger/tile-path.js'
import { append, emptyRoot, frontier, type Hash, rootOfFrontier } from '../../src/ledger/tree.js'
import { flipBit, growTiles, leaves, onlyTiles, slowRoot } from './support.js'

export const COUNT = 600
export const hashes = leaves(COUNT)
const stored = growTiles(
  hashes,
  Array.from({ length: COUNT }, () => 1),
)
const roots: Hash[] = [emptyRoot()]
hashes.reduce((edge, leaf) => {
  const next = append(edge, leaf)
  roots.push(rootOfFrontier(next))
  return next
}, frontier())

export const rootOfSize = (size: number): Hash => roots[size] ?? emptyRoot()
export const leafAt = (index: number): Hash => hashes[index] ?? emptyRoot()
/** A reader straight from the leaves, for tests that are not about tiles. */
export const direct: HashReader = ({ height, index }) =>
  slowRoot(hashes.slice(index * 2 ** height, (index + 1) * 2 ** height))

interface Source {
  readonly hashReader: HashReader
}

/** A reader that has only the tiles the proof lists. */
const listed = (size: number, tiles: readonly Tile[]): Source => ({
  hashReader: tileHashReader({ size, readTile: onlyTiles(stored, tiles) }),
})

/** A reader that has every tile, for walks over all proofs of one tree. */
export const every = (size: number): Source => ({
  hashReader: tileHashReader({ size, readTile: tilesIn(stored) }),
})

export function inclusionAt(index: number, size: number, source?: Source): InclusionClaim {
  const { hashReader } = source ?? listed(size, tilesForInclusion({ index, size }))
  const proof = inclusionProof({ index, size, hashReader })
  return { index, size, leafHash: leafAt(index), root: rootOfSize(size), proof }
}

export function consistencyOf(oldSize: number, newSize: number, source?: Source): ConsistencyClaim {
  const { hashReader } = source ?? listed(newSize, tilesForConsistency({ oldSize, newSize }))
  const proof = consistencyProof({ oldSize, newSize, hashReader })
  return { oldSize, newSize, oldRoot: rootOfSize(oldSize), newRoot: rootOfSize(newSize), proof }
}

export const aPosition = fc
  .integer({ min: 1, max: COUNT })
  .chain((size) => fc.tuple(fc.integer({ min: 0, max: size - 1 }), fc.constant(size)))
export const aGrowth = fc
  .integer({ min: 2, max: COUNT })
  .chain((size) => fc.tuple(fc.integer({ min: 1, max: size - 1 }), fc.constant(size)))

/** Every proof that differs from `proof` in one bit, one hash more, one less, or the order of two. */
export function mutations(proof: readonly Hash[], bit: number): (readonly Hash[])[] {
  const changed: (readonly Hash[])[] = [
    [...proof, emptyRoot()],
    [emptyRoot(), ...proof],
  ]
  for (const [at, hash] of proof.entries()) {
    changed.push(proof.with(at, flipBit(hash, bit)))
    changed.push(proof.toSpliced(at, 1), proof.toSpliced(at, 0, hash))
    changed.push(proof.with(at, hash.slice(1)))
    if (at > 0) changed.push(proof.toSpliced(at - 1, 2, hash, proof[at - 1] ?? hash))
  }
  return changed
}

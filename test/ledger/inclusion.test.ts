import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inclusionProof, tilesForInclusion, verifyInclusion } from '../../src/ledger/proof.js'
import type { HashReader } from '../../src/ledger/subtree.js'
import { emptyRoot } from '../../src/ledger/tree.js'
import {
  aPosition,
  COUNT,
  direct,
  every,
  hashes,
  inclusionAt,
  leafAt,
  mutations,
  rootOfSize,
} from './grown-log.js'
import { INCLUSIONS, LEAF_HASHES, ROOTS } from './rfc6962.js'
import { flipBit, hex, slowPath, slowRoot, unhex } from './support.js'

describe('an inclusion proof', () => {
  test.each(INCLUSIONS)('of leaf $index in $size reference leaves is the published one', (at) => {
    const hashReader: HashReader = ({ height, index }) =>
      slowRoot(LEAF_HASHES.slice(index * 2 ** height, (index + 1) * 2 ** height))
    const proof = inclusionProof({ ...at, hashReader })
    expect(proof.map(hex)).toEqual(at.path)
    const root = unhex(ROOTS[at.size] ?? '')
    const leafHash = LEAF_HASHES[at.index] ?? emptyRoot()
    expect(verifyInclusion({ ...at, leafHash, root, proof })).toBe(true)
  })

  test('is that of the word-for-word definition for every leaf of every size to 40', {
    timeout: 30_000,
  }, () => {
    for (let size = 1; size <= 40; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const proof = inclusionProof({ index, size, hashReader: direct })
        expect(proof).toEqual(slowPath(index, hashes.slice(0, size)))
      }
    }
  })

  test('verifies for every leaf of every size to 130, and for no other leaf', {
    timeout: 30_000,
  }, () => {
    for (let size = 1; size <= 130; size += 1) {
      const tiles = every(size)
      for (let index = 0; index < size; index += 1) {
        const claim = inclusionAt(index, size, tiles)
        expect(verifyInclusion(claim)).toBe(true)
        expect(verifyInclusion({ ...claim, leafHash: leafAt(index + 1) })).toBe(false)
      }
    }
  })

  test('verifies for random leaves of random sizes to 600 from just the tiles it lists', () => {
    fc.assert(
      fc.property(aPosition, ([index, size]) => {
        const claim = inclusionAt(index, size)
        expect(claim.proof).toEqual(slowPath(index, hashes.slice(0, size)))
        expect(verifyInclusion(claim)).toBe(true)
      }),
    )
  })

  test('is refused after any change of one bit, one hash, the leaf, the root, the index or the size', () => {
    fc.assert(
      fc.property(
        aPosition,
        fc.nat(255),
        fc.integer({ min: 0, max: COUNT }),
        ([index, size], bit, other) => {
          const claim = inclusionAt(index, size)
          const refused = [
            { ...claim, leafHash: flipBit(claim.leafHash, bit) },
            { ...claim, root: flipBit(claim.root, bit) },
            ...mutations(claim.proof, bit).map((proof) => ({ ...claim, proof })),
          ]
          for (const wrong of refused) expect(verifyInclusion(wrong)).toBe(false)
          expect(verifyInclusion({ ...claim, index: other })).toBe(other === index)
          // The root of another size is another root: a size is authenticated together with its root.
          const root = rootOfSize(other)
          expect(verifyInclusion({ ...claim, size: other, root })).toBe(other === size)
        },
      ),
    )
  })

  test('is refused at every other index of its tree', () => {
    for (const size of [1, 2, 3, 7, 8, 9, 37, 64, 65]) {
      for (let index = 0; index < size; index += 1) {
        const claim = inclusionAt(index, size)
        for (let other = -1; other <= size; other += 1) {
          expect(verifyInclusion({ ...claim, index: other })).toBe(other === index)
        }
      }
    }
  })

  test('does not let an inner node pass for a leaf', () => {
    const claim = inclusionAt(0, 8)
    const node = direct({ height: 1, index: 0 })
    expect(
      verifyInclusion({ ...claim, leafHash: node, size: 4, proof: claim.proof.slice(1) }),
    ).toBe(true)
    // Same shape, so only the size, signed with the root, tells: an entry hashed as a leaf is never a node.
    expect(verifyInclusion({ ...claim, leafHash: node, proof: claim.proof.slice(1) })).toBe(false)
  })

  test('of a leaf that is not there is a bug of the caller', () => {
    for (const [index, size] of [
      [0, 0],
      [3, 3],
      [-1, 3],
      [0.5, 3],
      [0, 2 ** 53],
      [Number.NaN, 3],
    ] as const) {
      expect(() => inclusionProof({ index, size, hashReader: direct })).toThrow(RangeError)
      expect(() => tilesForInclusion({ index, size })).toThrow(RangeError)
    }
  })

  test('reads at most one tile a level, and one more for the right edge', () => {
    expect(tilesForInclusion({ index: 0, size: 70_000 })).toHaveLength(4)
    expect(
      tilesForInclusion({ index: 2 ** 40, size: Number.MAX_SAFE_INTEGER }).length,
    ).toBeLessThan(15)
  })
})

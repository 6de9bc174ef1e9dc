import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ConsistencyClaim,
  consistencyProof,
  type InclusionClaim,
  verifyConsistency,
  verifyInclusion,
} from '../../src/ledger/proof.js'
import type { HashReader } from '../../src/ledger/subtree.js'
import { emptyRoot, nodeHash } from '../../src/ledger/tree.js'
import {
  aGrowth,
  COUNT,
  consistencyOf,
  direct,
  every,
  hashes,
  inclusionAt,
  leafAt,
  mutations,
  rootOfSize,
} from './grown-log.js'
import { CONSISTENCIES, LEAF_HASHES, ROOTS } from './rfc6962.js'
import { flipBit, hex, slowRoot, slowSubproof, unhex } from './support.js'

describe('a consistency proof', () => {
  test.each(CONSISTENCIES)(
    'from $oldSize to $newSize reference leaves is the published one',
    (growth) => {
      const hashReader: HashReader = ({ height, index }) =>
        slowRoot(LEAF_HASHES.slice(index * 2 ** height, (index + 1) * 2 ** height))
      const proof = consistencyProof({ ...growth, hashReader })
      expect(proof.map(hex)).toEqual(growth.path)
      const [oldRoot, newRoot] = [
        unhex(ROOTS[growth.oldSize] ?? ''),
        unhex(ROOTS[growth.newSize] ?? ''),
      ]
      expect(verifyConsistency({ ...growth, oldRoot, newRoot, proof })).toBe(true)
    },
  )

  test('is that of the word-for-word definition, and verifies, for all pairs of sizes to 50', {
    timeout: 30_000,
  }, () => {
    for (let newSize = 1; newSize <= 50; newSize += 1) {
      const tiles = every(newSize)
      for (let oldSize = 1; oldSize <= newSize; oldSize += 1) {
        const claim = consistencyOf(oldSize, newSize, tiles)
        const slow = slowSubproof({ m: oldSize, whole: true }, hashes.slice(0, newSize))
        expect(claim.proof).toEqual(slow)
        expect(verifyConsistency(claim)).toBe(true)
      }
    }
  })

  test('verifies for random sizes to 600 from just the tiles it lists', () => {
    fc.assert(
      fc.property(aGrowth, ([oldSize, newSize]) => {
        expect(verifyConsistency(consistencyOf(oldSize, newSize))).toBe(true)
      }),
    )
  })

  test('is refused after any change of one bit, one hash, a root or a size', () => {
    fc.assert(
      fc.property(
        aGrowth,
        fc.nat(255),
        fc.integer({ min: 1, max: COUNT }),
        ([oldSize, newSize], bit, other) => {
          const claim = consistencyOf(oldSize, newSize)
          const refused = [
            { ...claim, oldRoot: flipBit(claim.oldRoot, bit) },
            { ...claim, newRoot: flipBit(claim.newRoot, bit) },
            { ...claim, oldRoot: claim.newRoot, newRoot: claim.oldRoot },
            { ...claim, oldSize: newSize, newSize: oldSize },
            ...mutations(claim.proof, bit).map((proof) => ({ ...claim, proof })),
          ]
          for (const wrong of refused) expect(verifyConsistency(wrong)).toBe(false)
          expect(verifyConsistency({ ...claim, oldSize: other, oldRoot: rootOfSize(other) })).toBe(
            other === oldSize,
          )
          expect(verifyConsistency({ ...claim, newSize: other, newRoot: rootOfSize(other) })).toBe(
            other === newSize,
          )
        },
      ),
    )
  })

  test('does not exist between two logs that differ in one old entry', () => {
    fc.assert(
      fc.property(aGrowth, fc.nat(COUNT - 1), ([oldSize, newSize], at) => {
        const forged = hashes.slice(0, newSize).with(at % oldSize, emptyRoot())
        const proof = slowSubproof({ m: oldSize, whole: true }, forged)
        const claim = {
          oldSize,
          newSize,
          oldRoot: rootOfSize(oldSize),
          newRoot: slowRoot(forged),
          proof,
        }
        expect(verifyConsistency(claim)).toBe(false)
      }),
      { numRuns: 50 },
    )
  })

  test('between equal sizes, or from the empty tree, is empty and needs the right root', () => {
    const same = consistencyOf(7, 7)
    expect(same.proof).toEqual([])
    expect(verifyConsistency(same)).toBe(true)
    expect(verifyConsistency({ ...same, newRoot: rootOfSize(6) })).toBe(false)
    expect(verifyConsistency({ ...same, proof: [emptyRoot()] })).toBe(false)
    const first = consistencyOf(0, 7)
    expect(first.proof).toEqual([])
    expect(verifyConsistency(first)).toBe(true)
    expect(verifyConsistency({ ...first, oldRoot: rootOfSize(1) })).toBe(false)
    expect(verifyConsistency({ ...first, proof: [emptyRoot()] })).toBe(false)
  })

  test('of a log that shrinks is a bug of the caller', () => {
    expect(() => consistencyProof({ oldSize: 4, newSize: 3, hashReader: direct })).toThrow(
      RangeError,
    )
  })
})

describe('verifying', () => {
  test('answers false, and never throws, whatever it is given', () => {
    const junk = fc.oneof(
      fc.anything(),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.array(fc.uint8Array({ minLength: 30, maxLength: 33 }), { maxLength: 70 }),
      fc.nat(9),
    )
    fc.assert(
      fc.property(fc.array(junk, { minLength: 5, maxLength: 5 }), ([a, b, c, d, e]) => {
        const inclusion = { index: a, size: b, leafHash: c, root: d, proof: e }
        const consistency = { oldSize: a, newSize: b, oldRoot: c, newRoot: d, proof: e }
        expect(verifyInclusion(inclusion as InclusionClaim)).toBe(false)
        if (a !== b) expect(verifyConsistency(consistency as ConsistencyClaim)).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  test('refuses a proof with a hash too many or too few, even to a root that was made for it', () => {
    const [leaf, other] = [leafAt(0), leafAt(1)]
    const forged = nodeHash(other, leaf)
    const one = { index: 0, size: 1, leafHash: leaf, root: forged, proof: [other] }
    expect(verifyInclusion(one)).toBe(false)
    expect(verifyInclusion({ ...one, size: 3, root: nodeHash(leaf, other) })).toBe(false)
    const doubled = consistencyOf(4, 8)
    expect(verifyConsistency({ ...doubled, newSize: 16 })).toBe(false)
    expect(verifyConsistency({ ...doubled, newSize: 8 })).toBe(true)
  })

  test('refuses a longer consistency proof to roots that were made for it', () => {
    const claim = consistencyOf(6, 8)
    const extra = leafAt(9)
    const oldRoot = nodeHash(extra, claim.oldRoot)
    const newRoot = nodeHash(extra, claim.newRoot)
    expect(verifyConsistency({ ...claim, oldRoot, newRoot, proof: [...claim.proof, extra] })).toBe(
      false,
    )
  })

  test('refuses a proof longer than any tree is high', () => {
    const claim = inclusionAt(3, 9)
    const proof = Array.from({ length: 100_000 }, () => emptyRoot())
    expect(verifyInclusion({ ...claim, proof })).toBe(false)
    expect(verifyConsistency({ ...consistencyOf(3, 9), proof })).toBe(false)
  })

  test('refuses sizes beyond safe integers, fractions and negative numbers', () => {
    const claim = inclusionAt(3, 9)
    for (const size of [2 ** 53, 9.5, -9, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(verifyInclusion({ ...claim, size })).toBe(false)
      expect(verifyConsistency({ ...consistencyOf(3, 9), newSize: size })).toBe(false)
    }
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  append,
  emptyRoot,
  frontier,
  leafHash,
  nodeHash,
  rootOf,
  rootOfFrontier,
} from '../../src/ledger/tree.js'
import { LEAF_HASHES, ROOTS } from './rfc6962.js'
import { hex, leaves, sha256, slowRoot } from './support.js'

describe('the root of a tree', () => {
  test.each(ROOTS.map((root, size) => ({ root, size })))(
    'of $size reference leaves is the published one',
    ({ root, size }) => {
      const hashes = LEAF_HASHES.slice(0, size)
      expect(hex(rootOf(hashes))).toBe(root)
      expect(hex(rootOfFrontier(hashes.reduce(append, frontier())))).toBe(root)
    },
  )

  test('is that of the word-for-word definition at every size to 600, appended one by one', {
    timeout: 30_000,
  }, () => {
    const hashes = leaves(600)
    let edge = frontier()
    for (const [index, leaf] of hashes.entries()) {
      edge = append(edge, leaf)
      const slow = hex(slowRoot(hashes.slice(0, index + 1)))
      expect(hex(rootOfFrontier(edge))).toBe(slow)
      expect(hex(rootOf(hashes.slice(0, index + 1)))).toBe(slow)
    }
    expect(edge.size).toBe(600)
  })

  test('changes with the order of the leaves', () => {
    const [a, b, c] = leaves(3)
    if (a === undefined || b === undefined || c === undefined) throw new Error('three leaves')
    expect(rootOf([a, b, c])).not.toEqual(rootOf([b, a, c]))
    expect(rootOf([a, b, c])).not.toEqual(rootOf([a, b, c, c]))
  })

  test('of nothing is the hash of nothing', () => {
    expect(rootOf([])).toEqual(sha256(''))
    expect(rootOfFrontier(frontier())).toEqual(emptyRoot())
  })
})

describe('a leaf and a node', () => {
  test('are hashed in separate domains', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => {
        const node = nodeHash(bytes.slice(0, 32), bytes.slice(32))
        expect(node).toEqual(sha256(Uint8Array.of(1), bytes))
        expect(leafHash(bytes)).toEqual(sha256(Uint8Array.of(0), bytes))
        expect(node).not.toEqual(leafHash(bytes))
      }),
    )
  })

  test('a node of anything but two hashes of 32 bytes is a bug', () => {
    expect(() => nodeHash(new Uint8Array(31), new Uint8Array(33))).toThrow(TypeError)
  })
})

describe('a frontier', () => {
  test('leaves the one it grew from as it was', () => {
    const [a, b] = leaves(2)
    if (a === undefined || b === undefined) throw new Error('two leaves')
    const one = append(frontier(), a)
    const before = structuredClone(one)
    append(one, b)
    expect(one).toEqual(before)
  })

  test.each([
    { what: 'an edge too short for its size', size: 3, edge: leaves(1) },
    { what: 'an edge too long for its size', size: 2, edge: leaves(2) },
    { what: 'a hash of another length', size: 1, edge: [new Uint8Array(31)] },
    { what: 'a size that is no safe integer', size: 2 ** 53, edge: leaves(1) },
    { what: 'a negative size', size: -1, edge: [] },
  ])('with $what is a bug, not a root', ({ size, edge }) => {
    expect(() => rootOfFrontier({ size, edge })).toThrow(TypeError)
    expect(() => append({ size, edge }, new Uint8Array(32))).toThrow(TypeError)
  })
})

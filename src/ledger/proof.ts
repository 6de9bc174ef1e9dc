/**
 * An *inclusion proof* shows that a leaf is at an index of a tree; a *consistency proof* shows that a tree
 * is a prefix of another (RFC 9162 §2.1.3, §2.1.4). A proof is a list of hashes, leaf side first.
 * Making one throws RangeError for positions that do not exist. Verifying one is total: whatever it is
 * given, it answers true or false, and true only for the one proof that the RFC defines.
 */
import {
  assertSize,
  type HashReader,
  hashOfRange,
  type Range,
  splitOf,
  subtreesOf,
} from './subtree.js'
import { distinctTiles } from './tile.js'
import type { Tile } from './tile-path.js'
import { emptyRoot, type Hash, isHash, isSize, nodeHash, sameBytes } from './tree.js'

/** No tree of fewer than 2^53 leaves has a longer proof. */
export const MAX_PROOF_HASHES = 54

export interface Position {
  readonly index: number
  readonly size: number
}

export interface Growth {
  readonly oldSize: number
  readonly newSize: number
}

interface Reading {
  readonly hashReader: HashReader
}

/** RFC 9162 §2.1.3.1: the sibling ranges from the leaf up to the root's child. */
function inclusionRanges({ index, size }: Position): Range[] {
  if (!isSize(index) || index >= assertSize(size)) throw new RangeError('no such leaf in the tree')
  const ranges: Range[] = []
  let from = 0
  let to = size
  while (to - from > 1) {
    const middle = from + splitOf(to - from)
    if (index < middle) {
      ranges.push({ from: middle, to })
      to = middle
    } else {
      ranges.push({ from, to: middle })
      from = middle
    }
  }
  return ranges.reverse()
}

/** RFC 9162 §2.1.4.1. A proof from size 0, or between equal sizes, is empty. */
function consistencyRanges({ oldSize, newSize }: Growth): Range[] {
  if (assertSize(oldSize) > assertSize(newSize)) throw new RangeError('a log never shrinks')
  if (oldSize === 0) return []
  const ranges: Range[] = []
  let from = 0
  let to = newSize
  while (oldSize !== to) {
    const middle = from + splitOf(to - from)
    if (oldSize <= middle) {
      ranges.push({ from: middle, to })
      to = middle
    } else {
      ranges.push({ from, to: middle })
      from = middle
    }
  }
  if (from > 0) ranges.push({ from, to })
  return ranges.reverse()
}

export const inclusionProof = ({ hashReader, ...position }: Position & Reading): Hash[] =>
  inclusionRanges(position).map((range) => hashOfRange(range, hashReader))

export const consistencyProof = ({ hashReader, ...growth }: Growth & Reading): Hash[] =>
  consistencyRanges(growth).map((range) => hashOfRange(range, hashReader))

/** The tiles of the tree of `size` leaves that `inclusionProof` reads. */
export const tilesForInclusion = (position: Position): Tile[] =>
  distinctTiles(inclusionRanges(position).flatMap(subtreesOf), position.size)

/** The tiles of the tree of `newSize` leaves that `consistencyProof` reads. */
export const tilesForConsistency = (growth: Growth): Tile[] =>
  distinctTiles(consistencyRanges(growth).flatMap(subtreesOf), growth.newSize)

/** The tiles of the tree of `size` leaves that `rootAt` and `frontierAt` read. */
export const tilesForRoot = (size: number): Tile[] =>
  distinctTiles(subtreesOf({ from: 0, to: assertSize(size) }), size)

const isProof = (proof: unknown): proof is readonly Hash[] =>
  Array.isArray(proof) && proof.length <= MAX_PROOF_HASHES && proof.every(isHash)

const half = (value: number): number => Math.floor(value / 2)

export interface InclusionClaim extends Position {
  readonly leafHash: Hash
  readonly root: Hash
  readonly proof: readonly Hash[]
}

/** RFC 9162 §2.1.3.2: true only when the leaf is at `index` of the tree of `size` leaves with that root. */
export function verifyInclusion({ index, size, leafHash, root, proof }: InclusionClaim): boolean {
  if (!isSize(index) || !isSize(size) || index >= size) return false
  if (!isHash(leafHash) || !isHash(root) || !isProof(proof)) return false
  let fn = index
  let sn = size - 1
  let hash = leafHash
  for (const sibling of proof) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash)
      ;[fn, sn] = skipLoneLevels(fn, sn)
    } else hash = nodeHash(hash, sibling)
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 && sameBytes(hash, root)
}

/** Passes the levels at which the right edge has no sibling and moves up as it is. */
function skipLoneLevels(fn: number, sn: number): [number, number] {
  let [first, second] = [fn, sn]
  while (first % 2 === 0 && first !== 0) {
    first = half(first)
    second = half(second)
  }
  return [first, second]
}

export interface ConsistencyClaim extends Growth {
  readonly oldRoot: Hash
  readonly newRoot: Hash
  readonly proof: readonly Hash[]
}

/** RFC 9162 §2.1.4.2: true only when the old tree is a prefix of the new one. */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { oldSize, newSize, oldRoot, newRoot, proof } = claim
  if (!isSize(oldSize) || !isSize(newSize) || oldSize > newSize) return false
  if (!isHash(oldRoot) || !isHash(newRoot) || !isProof(proof)) return false
  if (oldSize === newSize) return proof.length === 0 && sameBytes(oldRoot, newRoot)
  // The empty tree is a prefix of every tree, and its root is fixed: nothing else needs proof.
  if (oldSize === 0) return proof.length === 0 && sameBytes(oldRoot, emptyRoot())
  return proof.length > 0 && climbs(claim)
}

function climbs({ oldSize, newSize, oldRoot, newRoot, proof }: ConsistencyClaim): boolean {
  const [start, ...rest] = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : proof
  if (start === undefined) return false
  let [fn, sn] = [oldSize - 1, newSize - 1]
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)]
  let [oldHash, newHash] = [start, start]
  for (const sibling of rest) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      oldHash = nodeHash(sibling, oldHash)
      newHash = nodeHash(sibling, newHash)
      ;[fn, sn] = skipLoneLevels(fn, sn)
    } else newHash = nodeHash(newHash, sibling)
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 && sameBytes(oldHash, oldRoot) && sameBytes(newHash, newRoot)
}

const isPowerOfTwo = (value: number): boolean => splitOf(value * 2) === value

/**
 * A *subtree* is complete: it covers the leaves [index * 2^height, (index + 1) * 2^height), and its hash
 * never changes once those leaves exist. A *range* of leaves splits into the fewest subtrees.
 * A *hash reader* gives the hash of a subtree; whoever computes a proof or a root asks it for nothing else.
 */
import { type Frontier, foldRight, type Hash, isSize } from './tree.js'

export interface Subtree {
  readonly height: number
  readonly index: number
}

/** The leaves [from, to). `from` is a multiple of the smallest power of two that is >= to - from. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** Throws when it does not have the hash: that is a fault of the caller's storage, never an answer. */
export type HashReader = (subtree: Subtree) => Hash

/** The largest h with 2^h <= count. */
function heightOf(count: number): number {
  let height = 0
  while (2 ** (height + 1) <= count) height += 1
  return height
}

/** The largest power of two below `count`: where RFC 9162 §2.1.1 splits a tree of `count` >= 2 leaves. */
export function splitOf(count: number): number {
  const height = heightOf(count)
  return 2 ** height === count ? count / 2 : 2 ** height
}

/** The fewest subtrees that cover the range, left to right. */
export function subtreesOf({ from, to }: Range): Subtree[] {
  const subtrees: Subtree[] = []
  for (let at = from; at < to; ) {
    const height = heightOf(to - at)
    subtrees.push({ height, index: at / 2 ** height })
    at += 2 ** height
  }
  return subtrees
}

export const hashOfRange = (range: Range, hashReader: HashReader): Hash =>
  foldRight(subtreesOf(range).map((subtree) => hashReader(subtree)))

/** A tree to read: its size, and where its hashes are. */
export interface StoredTree {
  readonly size: number
  readonly hashReader: HashReader
}

export const rootAt = ({ size, hashReader }: StoredTree): Hash =>
  hashOfRange({ from: 0, to: assertSize(size) }, hashReader)

export const frontierAt = ({ size, hashReader }: StoredTree): Frontier => ({
  size,
  edge: subtreesOf({ from: 0, to: assertSize(size) }).map((subtree) => hashReader(subtree)),
})

export function assertSize(size: number): number {
  if (!isSize(size)) throw new RangeError('a size is a safe integer >= 0')
  return size
}

/**
 * The tree: RFC 9162 §2.1.1 (= RFC 6962 §2.1) with SHA-256. Leaves and nodes are hashed in separate
 * domains, so no node can pass for a leaf.
 * A *hash* is 32 bytes. A *leaf hash* stands for one entry. A *root* stands for all leaves of one size.
 * A *frontier* is the right edge of a tree, enough to append to it and to know its root: the roots of
 * its maximal complete subtrees, largest first, one for each 1 bit of the size. It is plain data.
 */
import { emptyRoot, type Hash, isHash, nodeHash } from '../domain/bytes/merkle.js'

export {
  emptyRoot,
  HASH_BYTES,
  type Hash,
  isHash,
  leafHash,
  nodeHash,
  rootOf,
} from '../domain/bytes/merkle.js'

/** Sizes and indices are safe integers, so every tree here has fewer than 2^53 leaves. */
export const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i])

/** `edge` holds one hash for each 1 bit of `size`, the largest subtree first. */
export interface Frontier {
  readonly size: number
  readonly edge: readonly Hash[]
}

export const frontier = (): Frontier => ({ size: 0, edge: [] })

/** The frontier with one more leaf. Throws TypeError when the edge does not belong to the size. */
export function append(before: Frontier, leaf: Hash): Frontier {
  assertFrontier(before)
  if (!isHash(leaf)) throw new TypeError('a leaf hash has 32 bytes')
  const edge = [...before.edge]
  let hash = leaf
  for (let bits = before.size; bits % 2 === 1; bits = Math.floor(bits / 2)) {
    const left = edge.pop()
    if (left !== undefined) hash = nodeHash(left, hash)
  }
  return { size: before.size + 1, edge: [...edge, hash] }
}

export function rootOfFrontier(at: Frontier): Hash {
  assertFrontier(at)
  return foldRight(at.edge)
}

/** Joins adjacent subtrees of falling size into the root of the range they cover. */
export function foldRight(hashes: readonly Hash[]): Hash {
  const last = hashes.at(-1)
  if (last === undefined) return emptyRoot()
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last)
}

function assertFrontier({ size, edge }: Frontier): void {
  if (!isSize(size)) throw new TypeError('the size of a frontier is a safe integer')
  if (edge.length !== onesOf(size) || !edge.every(isHash)) {
    throw new TypeError('the edge of a frontier has one hash for each 1 bit of its size')
  }
}

function onesOf(size: number): number {
  let ones = 0
  for (let bits = size; bits > 0; bits = Math.floor(bits / 2)) ones += bits % 2
  return ones
}

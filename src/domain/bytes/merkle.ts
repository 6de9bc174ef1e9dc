/**
 * Roots over leaves: RFC 9162 §2.1.1 (= RFC 6962 §2.1) with SHA-256. Leaves and nodes are hashed in separate
 * domains, so no node can pass for a leaf. One leaf can be shown under a root without the others.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import { canonicalBytes, type Digest } from './digest.js'

/** 32 bytes of SHA-256. */
export type Hash = Uint8Array

export const HASH_BYTES = 32
const LEAF = Uint8Array.of(0x00)
const NODE = Uint8Array.of(0x01)

export const isHash = (value: unknown): value is Hash =>
  value instanceof Uint8Array && value.length === HASH_BYTES

/** SHA-256(0x00 || entry). */
export const leafHash = (entry: Uint8Array): Hash => sha256(concatBytes(LEAF, entry))

/** SHA-256(0x01 || left || right). Throws TypeError on anything but two hashes. */
export function nodeHash(left: Hash, right: Hash): Hash {
  if (!isHash(left) || !isHash(right)) throw new TypeError('a node needs two hashes of 32 bytes')
  return sha256(concatBytes(NODE, left, right))
}

/** The root of the tree of size 0: SHA-256 of nothing. */
export const emptyRoot = (): Hash => sha256(new Uint8Array())

/** The root over leaf hashes (or over the roots of equally high complete subtrees). */
export function rootOf(hashes: readonly Hash[]): Hash {
  let level = hashes
  while (level.length > 1) level = parentsOf(level)
  return level[0] ?? emptyRoot()
}

/** A lone last hash moves up as it is, which is what splitting at the largest power of two amounts to. */
function parentsOf(level: readonly Hash[]): Hash[] {
  const parents: Hash[] = []
  for (let i = 0; i < level.length; i += 2) {
    const [left, right] = level.slice(i, i + 2)
    if (left !== undefined) parents.push(right === undefined ? left : nodeHash(left, right))
  }
  return parents
}

/** The root over these documents in their order, each as its canonical bytes. */
export const rootOver = (documents: readonly unknown[]): Digest =>
  `sha256:${bytesToHex(rootOf(documents.map((document) => leafHash(canonicalBytes(document)))))}`

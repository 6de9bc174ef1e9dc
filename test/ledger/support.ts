/**
 * A second, slow log to compare with: RFC 9162 §2.1 written down word for word over node:crypto.
 * Keys are Ed25519 from a fixed seed, signed and verified by OpenSSL.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import {
  type Ed25519Verify,
  ed25519Verifier,
  type NoteVerifier,
} from '../../src/ledger/note-key.js'
import { edgeTiles, newTiles, type TileReader, tilesIn } from '../../src/ledger/tile.js'
import { type Tile, tilePath } from '../../src/ledger/tile-path.js'
import { type Hash, leafHash } from '../../src/ledger/tree.js'

const utf8 = new TextEncoder()

export const entry = (index: number): Uint8Array => utf8.encode(`entry ${index}`)
export const leaves = (count: number): Hash[] =>
  Array.from({ length: count }, (_, index) => leafHash(entry(index)))

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
export const sha256 = (...parts: (Uint8Array | string)[]): Uint8Array =>
  new Uint8Array(parts.reduce((all, part) => all.update(part), createHash('sha256')).digest())

const NODE = Uint8Array.of(1)

/** MTH of RFC 9162 §2.1.1 over leaf hashes. */
export function slowRoot(hashes: readonly Hash[]): Hash {
  const [first] = hashes
  if (first === undefined) return sha256('')
  if (hashes.length === 1) return first
  const k = slowSplit(hashes.length)
  return sha256(NODE, slowRoot(hashes.slice(0, k)), slowRoot(hashes.slice(k)))
}

/** PATH of RFC 9162 §2.1.3.1. */
export function slowPath(index: number, hashes: readonly Hash[]): Hash[] {
  if (hashes.length === 1) return []
  const k = slowSplit(hashes.length)
  return index < k
    ? [...slowPath(index, hashes.slice(0, k)), slowRoot(hashes.slice(k))]
    : [...slowPath(index - k, hashes.slice(k)), slowRoot(hashes.slice(0, k))]
}

/** SUBPROOF of RFC 9162 §2.1.4.1. */
export function slowSubproof(from: { m: number; whole: boolean }, hashes: readonly Hash[]): Hash[] {
  const { m, whole } = from
  if (m === hashes.length) return whole ? [] : [slowRoot(hashes)]
  const k = slowSplit(hashes.length)
  return m <= k
    ? [...slowSubproof({ m, whole }, hashes.slice(0, k)), slowRoot(hashes.slice(k))]
    : [...slowSubproof({ m: m - k, whole: false }, hashes.slice(k)), slowRoot(hashes.slice(0, k))]
}

function slowSplit(count: number): number {
  let k = 1
  while (k * 2 < count) k *= 2
  return k
}

/** Every tile of every version, by path, as a store would keep them, grown in the given steps. */
export function growTiles(
  hashes: readonly Hash[],
  steps: readonly number[],
): Map<string, Uint8Array> {
  const stored = new Map<string, Uint8Array>()
  let size = 0
  for (const step of [...steps, hashes.length]) {
    const next = Math.min(size + step, hashes.length)
    const readTile = onlyTiles(stored, edgeTiles(size))
    for (const { tile, data } of newTiles({
      oldSize: size,
      leafHashes: hashes.slice(size, next),
      readTile,
    })) {
      stored.set(tilePath(tile), data)
    }
    size = next
  }
  return stored
}

/** A reader that has the listed tiles and no other, so a list that is too short shows. */
export function onlyTiles(
  stored: ReadonlyMap<string, Uint8Array>,
  tiles: readonly Tile[],
): TileReader {
  const loaded = new Map<string, Uint8Array>()
  for (const tile of tiles) {
    const data = stored.get(tilePath(tile))
    if (data !== undefined) loaded.set(tilePath(tile), data)
  }
  return tilesIn(loaded)
}

export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(bytes)
  const at = Math.floor(bit / 8) % bytes.length
  flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8))
  return flipped
}

const PKCS8 = '302e020100300506032b657004220420'
const SPKI = '302a300506032b6570032100'
const der = (prefix: string, raw: Uint8Array) => Buffer.concat([Buffer.from(prefix, 'hex'), raw])

/** RFC 8032 by OpenSSL. */
export const verifyEd25519: Ed25519Verify = ({ publicKey, message, signature }) => {
  const key = createPublicKey({ key: der(SPKI, publicKey), format: 'der', type: 'spki' })
  return verify(null, message, key, signature)
}

export interface TestKey {
  readonly name: string
  readonly publicKey: Uint8Array
  readonly sign: (message: Uint8Array) => Uint8Array
  readonly verifier: NoteVerifier
}

/** The key of that name whose seed is 32 times `fill`. */
export function keyOf(name: string, fill: number): TestKey {
  const seed = new Uint8Array(32).fill(fill)
  const key = createPrivateKey({ key: der(PKCS8, seed), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const publicKey = Uint8Array.from(spki.subarray(-32))
  return {
    name,
    publicKey,
    sign: (message) => Uint8Array.from(sign(null, message, key)),
    verifier: ed25519Verifier({ name, publicKey, verify: verifyEd25519 }),
  }
}

/** The value, or the test fails with the refusal. */
export function accepted<T extends object>(result: T): Exclude<T, { refused: unknown }> {
  if ('refused' in result) throw new Error(`refused: ${JSON.stringify(result)}`)
  return result as Exclude<T, { refused: unknown }>
}

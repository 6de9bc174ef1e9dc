/**
 * What two other implementations answer, golang.org/x/mod v0.31.0 and filippo.io/torchwood v0.9.0, as written by
 * vectors/main.go. Ed25519 signatures are deterministic, so equal bytes mean that each side reads the other.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openCheckpoint, signCheckpoint } from '../../src/ledger/checkpoint.js'
import { openNote, signNote } from '../../src/ledger/note.js'
import { formatVkey } from '../../src/ledger/note-key.js'
import {
  consistencyProof,
  inclusionProof,
  verifyConsistency,
  verifyInclusion,
} from '../../src/ledger/proof.js'
import { rootAt } from '../../src/ledger/subtree.js'
import { edgeTiles, newTiles, tileHashReader, tilesIn } from '../../src/ledger/tile.js'
import { entriesPath, tilePath } from '../../src/ledger/tile-path.js'
import { formatTlogProof, parseTlogProof, verifyTlogProof } from '../../src/ledger/tlog-proof.js'
import { leafHash } from '../../src/ledger/tree.js'
import { accepted, entry, growTiles, hex, keyOf, leaves, onlyTiles, unhex } from './support.js'

interface ProofVector {
  readonly from: number
  readonly size: number
  readonly proof: readonly string[]
}

interface Vectors {
  readonly large: number
  readonly small: number
  readonly origin: string
  readonly roots: Readonly<Record<string, string>>
  readonly inclusions: string
  readonly consistencies: string
  readonly largeInclusion: readonly ProofVector[]
  readonly largeConsistency: readonly ProofVector[]
  readonly tiles: readonly {
    readonly oldSize: number
    readonly newSize: number
    readonly count: number
    readonly last: string
    readonly digest: string
  }[]
  readonly paths: Readonly<Record<string, string>>
  readonly entriesPath: string
  readonly logKey: string
  readonly witnessKey: string
  readonly text: string
  readonly note: string
  readonly noteByTwo: string
  readonly checkpoint: string
  readonly proof: string
  readonly proofWithExtra: string
}

const go: Vectors = JSON.parse(readFileSync(new URL('./vectors/go.json', import.meta.url), 'utf8'))
const hashes = leaves(go.large)
const sizes = go.tiles
  .flatMap(({ oldSize, newSize }) => [oldSize, newSize])
  .toSorted((a, b) => a - b)
const stored = growTiles(
  hashes,
  sizes.map((size, i) => size - (sizes[i - 1] ?? 0)),
)
const readerOf = (size: number) => tileHashReader({ size, readTile: tilesIn(stored) })
const log = keyOf(go.origin, 1)
const witness = keyOf('witness.example/w1', 2)

describe('the Go implementation agrees on', () => {
  test.each(Object.entries(go.roots))('the root of %s leaves', (size, root) => {
    const fresh = growTiles(hashes.slice(0, Number(size)), [])
    const hashReader = tileHashReader({ size: Number(size), readTile: tilesIn(fresh) })
    expect(hex(rootAt({ size: Number(size), hashReader }))).toBe(root)
  })

  test('every inclusion and consistency proof of every tree of up to 130 leaves', () => {
    const [inclusions, consistencies] = [createHash('sha256'), createHash('sha256')]
    const grown = growTiles(hashes.slice(0, go.small), Array(go.small).fill(1))
    for (let size = 1; size <= go.small; size += 1) {
      const hashReader = tileHashReader({ size, readTile: tilesIn(grown) })
      for (let index = 0; index < size; index += 1) {
        for (const hash of inclusionProof({ index, size, hashReader })) inclusions.update(hash)
        const growth = { oldSize: index + 1, newSize: size, hashReader }
        for (const hash of consistencyProof(growth)) consistencies.update(hash)
      }
    }
    expect(inclusions.digest('hex')).toBe(go.inclusions)
    expect(consistencies.digest('hex')).toBe(go.consistencies)
  })

  test.each(go.largeInclusion)('the inclusion of leaf $from of $size', ({ from, size, proof }) => {
    const made = inclusionProof({ index: from, size, hashReader: readerOf(size) })
    expect(made.map(hex)).toEqual(proof)
    const root = unhex(go.roots[size] ?? '')
    expect(
      verifyInclusion({ index: from, size, leafHash: leafHash(entry(from)), root, proof: made }),
    ).toBe(true)
  })

  test.each(go.largeConsistency)('the consistency of $from with $size', ({ from, size, proof }) => {
    const made = consistencyProof({ oldSize: from, newSize: size, hashReader: readerOf(size) })
    expect(made.map(hex)).toEqual(proof)
    const oldRoot = unhex(go.roots[from] ?? '')
    const claim = {
      oldSize: from,
      newSize: size,
      oldRoot,
      newRoot: unhex(go.roots[size] ?? ''),
      proof: made,
    }
    expect(verifyConsistency(claim)).toBe(go.roots[from] !== undefined)
  })

  test.each(go.tiles)(
    'the $count tiles that growing from $oldSize to $newSize writes',
    (growth) => {
      const { oldSize, newSize } = growth
      const readTile = onlyTiles(stored, edgeTiles(oldSize))
      const written = newTiles({ oldSize, leafHashes: hashes.slice(oldSize, newSize), readTile })
      const digest = createHash('sha256')
      for (const { tile, data } of written) digest.update(`${tilePath(tile)}\n`).update(data)
      expect(written).toHaveLength(growth.count)
      expect(digest.digest('hex')).toBe(growth.digest)
    },
  )

  test('tile paths', () => {
    for (const [index, path] of Object.entries(go.paths)) {
      expect(tilePath({ level: 3, index: Number(index), width: 17 })).toBe(path)
    }
    expect(entriesPath({ index: 1234067, width: 256 })).toBe(go.entriesPath)
  })

  test('verifier keys and notes, byte for byte', async () => {
    expect(formatVkey(log)).toBe(go.logKey)
    expect(formatVkey(witness)).toBe(go.witnessKey)
    expect(await signNote({ text: go.text, ...log })).toBe(go.note)
    const verifiers = [log.verifier, witness.verifier]
    const opened = accepted(openNote({ note: go.noteByTwo, verifiers }))
    expect(opened.text).toBe(go.text)
    expect(opened.signers.map((signer) => signer.name)).toEqual([log.name, witness.name])
  })

  test('checkpoints, byte for byte', async () => {
    const opened = openCheckpoint({
      note: go.checkpoint,
      origin: go.origin,
      verifier: log.verifier,
    })
    const { checkpoint } = accepted(opened)
    expect(checkpoint.size).toBe(go.large)
    expect(hex(checkpoint.root)).toBe(go.roots[go.large])
    expect(await signCheckpoint({ checkpoint, ...log })).toBe(go.checkpoint)
  })

  test('tlog proofs, byte for byte', () => {
    for (const proof of [go.proof, go.proofWithExtra]) {
      const subject = {
        proof,
        leafHash: leafHash(entry(40_000)),
        origin: go.origin,
        verifier: log.verifier,
      }
      expect(verifyTlogProof(subject)).toMatchObject({ index: 40_000 })
      expect(formatTlogProof(accepted(parseTlogProof(proof)))).toBe(proof)
    }
  })
})

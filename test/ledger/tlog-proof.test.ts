import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { signCheckpoint } from '../../src/ledger/checkpoint.js'
import { inclusionProof } from '../../src/ledger/proof.js'
import type { HashReader } from '../../src/ledger/subtree.js'
import {
  formatTlogProof,
  parseTlogProof,
  type TlogProof,
  verifyTlogProof,
} from '../../src/ledger/tlog-proof.js'
import { emptyRoot, leafHash, rootOf } from '../../src/ledger/tree.js'
import { accepted, entry, flipBit, keyOf, leaves } from './support.js'

const SIZE = 37
const hashes = leaves(SIZE)
const log = keyOf('ledger.example/a', 1)
const ours = { origin: log.name, verifier: log.verifier }
const hashReader: HashReader = ({ height, index }) =>
  rootOf(hashes.slice(index * 2 ** height, (index + 1) * 2 ** height))

const checkpointOf = (size: number): Promise<string> =>
  signCheckpoint({
    checkpoint: { origin: log.name, size, root: rootOf(hashes.slice(0, size)), extensions: [] },
    ...log,
  })
const checkpoint = await checkpointOf(SIZE)
const smaller = await checkpointOf(36)

const proofOf = (index: number): TlogProof => ({
  index,
  proof: inclusionProof({ index, size: SIZE, hashReader }),
  checkpoint,
})
const at20 = formatTlogProof(proofOf(20))
const leaf20 = leafHash(entry(20))

describe('a tlog proof', () => {
  test('verifies for every entry of the log, and for no other', () => {
    for (let index = 0; index < SIZE; index += 1) {
      const proof = formatTlogProof(proofOf(index))
      const verified = verifyTlogProof({ proof, leafHash: leafHash(entry(index)), ...ours })
      expect(accepted(verified)).toMatchObject({ index, checkpoint: { size: SIZE } })
      expect(
        verifyTlogProof({ proof, leafHash: leafHash(entry(index + 1)), ...ours }),
      ).toMatchObject({
        refused: 'PROOF_INVALID',
      })
    }
  })

  test('of the only entry has no hashes', async () => {
    const proof = formatTlogProof({ index: 0, proof: [], checkpoint: await checkpointOf(1) })
    expect(proof.startsWith('c2sp.org/tlog-proof@v1\nindex 0\n\nledger.example/a\n1\n')).toBe(true)
    expect(verifyTlogProof({ proof, leafHash: leafHash(entry(0)), ...ours })).toMatchObject({
      index: 0,
    })
  })

  test('carries extra data that changes nothing about what is proved', () => {
    const extra = Uint8Array.of(0, 1, 255)
    const proof = formatTlogProof({ ...proofOf(20), extra })
    expect(proof.split('\n')[1]).toBe('extra AAH/')
    expect(verifyTlogProof({ proof, leafHash: leaf20, ...ours })).toMatchObject({
      index: 20,
      extra,
    })
    expect(verifyTlogProof({ proof: at20, leafHash: leaf20, ...ours })).not.toHaveProperty('extra')
  })

  test('is refused under another checkpoint, origin or key', () => {
    const other = formatTlogProof({ ...proofOf(20), checkpoint: smaller })
    expect(verifyTlogProof({ proof: other, leafHash: leaf20, ...ours })).toMatchObject({
      refused: 'PROOF_INVALID',
    })
    const elsewhere = { ...ours, origin: 'ledger.example/b' }
    expect(verifyTlogProof({ proof: at20, leafHash: leaf20, ...elsewhere })).toMatchObject({
      refused: 'PROOF_INVALID',
    })
    const { verifier } = keyOf(log.name, 2)
    expect(verifyTlogProof({ proof: at20, leafHash: leaf20, ...ours, verifier })).toMatchObject({
      refused: 'KEY_UNKNOWN',
    })
  })

  test('is refused after any change of one character', () => {
    fc.assert(
      fc.property(fc.nat(at20.length - 1), fc.string({ maxLength: 1 }), (at, char) => {
        fc.pre(char !== at20.charAt(at))
        const proof = at20.slice(0, at) + char + at20.slice(at + 1)
        expect(verifyTlogProof({ proof, leafHash: leaf20, ...ours })).toHaveProperty('refused')
      }),
      { numRuns: 1000 },
    )
  })

  test('is refused for a leaf hash that differs in one bit, or is not a hash', () => {
    for (let bit = 0; bit < 256; bit += 1) {
      const wrong = flipBit(leaf20, bit)
      expect(verifyTlogProof({ proof: at20, leafHash: wrong, ...ours })).toHaveProperty('refused')
    }
    expect(verifyTlogProof({ proof: at20, leafHash: leaf20.slice(1), ...ours })).toHaveProperty(
      'refused',
    )
  })
})

describe('the text of a tlog proof', () => {
  test('reads back as the proof it was made of', () => {
    const aHash = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const aProof: fc.Arbitrary<TlogProof> = fc.record(
      {
        index: fc.maxSafeNat(),
        proof: fc.array(aHash, { maxLength: 54 }),
        checkpoint: fc.constantFrom(checkpoint, smaller),
        extra: fc.uint8Array(),
      },
      { requiredKeys: ['index', 'proof', 'checkpoint'] },
    )
    fc.assert(
      fc.property(aProof, (proof) => {
        expect(parseTlogProof(formatTlogProof(proof))).toEqual(proof)
      }),
    )
  })

  test.each([
    ['nothing', ''],
    ['only a checkpoint', checkpoint],
    ['another version', at20.replace('@v1', '@v2')],
    ['a line before the header', `\n${at20}`],
    ['no index', at20.replace('index 20\n', '')],
    ['an index with a leading zero', at20.replace('index 20', 'index 020')],
    ['a negative index', at20.replace('index 20', 'index -20')],
    ['an index beyond safe integers', at20.replace('index 20', 'index 9007199254740992')],
    ['two spaces before the index', at20.replace('index 20', 'index  20')],
    ['two indices', at20.replace('index 20', 'index 20\nindex 20')],
    ['extra after the index', at20.replace('index 20', 'index 20\nextra AAAA')],
    ['extra twice', at20.replace('index 20', 'extra AAAA\nextra AAAA\nindex 20')],
    ['extra that is not base64', at20.replace('index 20', 'extra !\nindex 20')],
    ['a short hash', at20.replace('index 20', 'index 20\nAAAA')],
    ['a hash that is not base64', at20.replace('index 20', `index 20\n${'!'.repeat(44)}`)],
    ['no empty line', at20.replace('\n\n', '\n')],
    ['no checkpoint', at20.slice(0, at20.indexOf('\n\n') + 2)],
    ['an unsigned checkpoint', at20.slice(0, at20.lastIndexOf('\n\n') + 1)],
    ['carriage returns', at20.replaceAll('\n', '\r\n')],
    ['too many hashes', at20.replace('index 20', `index 20${`\n${'A'.repeat(43)}=`.repeat(55)}`)],
  ])('with %s is refused', (_what, proof) => {
    expect(verifyTlogProof({ proof, leafHash: leaf20, ...ours })).toMatchObject({
      refused: 'MALFORMED',
    })
  })

  test('with an empty line more is refused, since the checkpoint is another then', () => {
    const proof = at20.replace('\n\n', '\n\n\n')
    expect(verifyTlogProof({ proof, leafHash: leaf20, ...ours })).toMatchObject({
      refused: 'SIGNATURE_INVALID',
    })
  })

  test('that is too large is refused before it is read', () => {
    const extra = 'A'.repeat(4 * 65536)
    const large = at20.replace('index 20', `extra ${extra}\nindex 20`)
    expect(parseTlogProof(large)).toMatchObject({ refused: 'TOO_LARGE' })
    expect(parseTlogProof(at20 + 'x'.repeat(2_000_000))).toMatchObject({ refused: 'TOO_LARGE' })
  })

  test.each([
    ['a hash of another length', { ...proofOf(20), proof: [new Uint8Array(31)] }],
    ['more hashes than a tree is high', { ...proofOf(20), proof: Array(55).fill(emptyRoot()) }],
    ['no valid index', { ...proofOf(20), index: -1 }],
    ['an unsigned checkpoint', { ...proofOf(20), checkpoint: 'hello\n' }],
    ['too much extra', { ...proofOf(20), extra: new Uint8Array(65537) }],
  ])('with %s cannot be written', (_what, proof) => {
    expect(() => formatTlogProof(proof)).toThrow(TypeError)
  })
})

/**
 * Forgers of packets, from the clumsy to the insider: `reseal` fixes the manifest's hashes after files were
 * changed; `forge` rewrites the case itself, and the streams beside it, and, holding the key of the log, rebuilds chain, log, checkpoint,
 * proofs, report and manifest around it, so that only what persons and connectors signed stands in the way.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type Digest, digestOf } from '../../src/domain/bytes/digest.js'
import { attestWith } from '../../src/domain/case/attestation.js'
import type { CaseEvent } from '../../src/domain/shapes/event.js'
import { signNoteBytes } from '../../src/keys/sign.js'
import { signCheckpoint } from '../../src/ledger/checkpoint.js'
import { chain, leafOf, readEntry, type StoredEntry } from '../../src/ledger/entry.js'
import { inclusionProof } from '../../src/ledger/proof.js'
import { rootAt } from '../../src/ledger/subtree.js'
import { newTiles, tileHashReader, tilesIn } from '../../src/ledger/tile.js'
import { tilePath } from '../../src/ledger/tile-path.js'
import { formatTlogProof, parseTlogProof } from '../../src/ledger/tlog-proof.js'
import { type Files, readArchive, writeArchive } from '../../src/packet/archive.js'
import { compose } from '../../src/packet/compose.js'
import {
  CHECKPOINT,
  entryFile,
  jsonFile,
  MANIFEST,
  PACKET_NAME,
  proofFile,
  README,
  REPORT,
  sideEntryFile,
  sideProofFile,
} from '../../src/packet/files.js'
import { readRecorded, toldByBundles } from '../../src/packet/told.js'
import { openPacket } from '../../src/packet/verify/open.js'
import { must, type TestAuthority, type TestKey } from '../support/authority.js'
import { someSalt } from '../support/salt.js'

export const filesOf = (bytes: Uint8Array): Map<string, Uint8Array> =>
  new Map(must(readArchive({ bytes, allowed: PACKET_NAME })))

/** The packet of these files, whose manifest lists them as they are now. */
export function reseal(files: Files): Uint8Array {
  const sealed = new Map(files)
  const manifest = JSON.parse(Buffer.from(sealed.get(MANIFEST) ?? '').toString())
  sealed.delete(MANIFEST)
  const hashes = [...sealed].map(([name, bytes]) => [name, digestOf(bytes)])
  sealed.set(MANIFEST, jsonFile({ ...manifest, files: Object.fromEntries(hashes) }))
  return writeArchive(sealed)
}

/** One byte in the middle of a file changed, to another printable one where it was printable. */
export function flip(bytes: Uint8Array, at = Math.floor(bytes.length / 2)): Uint8Array {
  const flipped = bytes.slice()
  flipped[at] = (bytes[at] ?? 0) ^ 1
  return flipped
}

export interface Written<Body extends { readonly type: string } = CaseEvent> {
  readonly at: string
  /** Where the log has it. */
  readonly index: number
  /** As the entry had it, so that what names the entry by its hash still does. */
  readonly salt?: string
  body: Body
}

const ENTRY = /^(entries|fences|mandates)\/.*\.json$/

/** What stands in the packet's entries, by stream. */
function streamsIn(files: Files): ReadonlyMap<string, Written<{ readonly type: string }>[]> {
  const streams = new Map<string, Written<{ readonly type: string }>[]>()
  for (const [name, bytes] of files) {
    if (!ENTRY.test(name)) continue
    const { entry } = must(readEntry(bytes))
    const proof = name.replace(/^entries/, 'proofs').replace(/json$/, 'tlog-proof')
    const { index } = must(parseTlogProof(Buffer.from(files.get(proof) ?? []).toString()))
    const { at, salt, body } = entry
    streams.set(entry.stream, [...(streams.get(entry.stream) ?? []), { at, index, salt, body }])
  }
  return streams
}

export const writtenIn = (files: Files): Written[] => {
  const own = [...files].filter(([name]) => /^(entries|proofs)\//.test(name))
  return [...streamsIn(new Map(own)).values()].flat() as Written[]
}

type Rewrite<Body extends { readonly type: string }> = (
  written: Written<Body>[],
) => readonly Written<Body>[]

export interface Forging {
  readonly bytes: Uint8Array
  readonly authority: TestAuthority
  /** Rewrites what the case's entries say. */
  readonly rewrite: Rewrite<CaseEvent>
  /** Rewrites what stands in the streams beside it. */
  readonly beside?: Rewrite<{ readonly type: string }>
  /** Signs the forged checkpoint; by default the log's own key. */
  readonly logKey?: TestKey
}

export async function forge(forging: Forging): Promise<Uint8Array> {
  const { bytes } = forging
  const packet = openPacket(bytes)
  if (!('files' in packet)) throw new Error('only a good packet can be forged')
  const { caseId } = packet.manifest
  const log = rechain(forging, { caseId, files: packet.files })
  const { note, texts } = await relog(forging, log)
  const kept = [...packet.files].filter(
    ([name]) =>
      !/^(entries|proofs|statements|fences|mandates)\//.test(name) &&
      ![README, REPORT, MANIFEST].includes(name),
  )
  const evidence = new Map([
    ...kept,
    ...log.flatMap(({ entry, bytes: exact }, index) => {
      const { stream, seq } = entry
      const [json, proof] =
        stream === caseId
          ? [entryFile(seq), proofFile(seq)]
          : [sideEntryFile(stream, seq), sideProofFile(stream, seq)]
      return [[json, exact] as const, [proof, utf8ToBytes(texts[index] ?? '')] as const]
    }),
    [CHECKPOINT, utf8ToBytes(note)] as const,
  ])
  const own = log.flatMap((stored, index) =>
    stored.entry.stream === caseId ? [{ stored, index }] : [],
  )
  const recorded = own.map(({ stored }) => must(readRecorded(stored)))
  const { bundles, reasons, names } = packet
  const told = {
    ...{ caseId, recorded, reasons, names, indexes: own.map(({ index }) => index) },
    log: { origin: forging.authority.authority.root.log.origin, size: log.length, cosigners: [] },
    gaps: [],
    ...toldByBundles({ bundles, recorded }),
  }
  return writeArchive(compose(told, evidence))
}

/** Every stream anew, each chained as it should be, in the order in which the log had them. */
function rechain(
  { rewrite, beside = (written) => written }: Forging,
  of: { readonly caseId: string; readonly files: Files },
): StoredEntry[] {
  const all = [...streamsIn(of.files)].flatMap(([stream, written]) =>
    (stream === of.caseId ? rewrite(written as Written[]) : beside(written)).map((one) => ({
      stream,
      ...one,
    })),
  )
  const ends = new Map<string, { readonly seq: number; readonly hash: Digest }>()
  return inOrder(all).flatMap(({ stream, at, body, salt = someSalt() }) => {
    const { seq, hash: head } = ends.get(stream) ?? { seq: 0, hash: null }
    const made = chain({ stream, seq, head, at, salt: () => salt, bodies: [body] })
    for (const { entry, hash } of made) ends.set(stream, { seq: entry.seq, hash })
    return made
  })
}

/** A stream keeps the order that it was given, whatever the log had: the places of its entries are filled anew. */
function inOrder<Item extends { readonly stream: string; readonly index: number }>(
  items: readonly Item[],
): readonly Item[] {
  const slots = items.map(({ stream, index }) => ({ stream, index }))
  slots.sort((left, right) => left.index - right.index)
  const queues = new Map<string, Item[]>()
  for (const item of items) queues.set(item.stream, [...(queues.get(item.stream) ?? []), item])
  return slots.flatMap(({ stream }) => queues.get(stream)?.shift() ?? [])
}

async function relog({ authority, logKey }: Forging, entries: readonly StoredEntry[]) {
  const leafHashes = entries.map((entry) => leafOf(entry.hash))
  const tiles = newTiles({ oldSize: 0, leafHashes, readTile: tilesIn(new Map()) })
  const readTile = tilesIn(new Map(tiles.map(({ tile, data }) => [tilePath(tile), data])))
  const size = entries.length
  const hashReader = tileHashReader({ size, readTile })
  const { signer } = logKey ?? authority.keys.log
  const { origin } = authority.authority.root.log
  const note = await signCheckpoint({
    checkpoint: { origin, size, root: rootAt({ size, hashReader }), extensions: [] },
    publicKey: signer.publicKey,
    sign: (message) => signNoteBytes(signer, message),
  })
  const texts = entries.map((_, index) =>
    formatTlogProof({
      index,
      proof: inclusionProof({ index, size, hashReader }),
      checkpoint: note,
    }),
  )
  return { note, texts }
}

/** The event signed again, as a connector of this key would. */
export function reattest(caseId: string, input: { event: CaseEvent; key: TestKey }): CaseEvent {
  const { attestation: _, ...rest } = input.event as CaseEvent & { attestation: unknown }
  const { keyId, signer } = input.key
  return attestWith(caseId, { keyId, sign: signer.sign })(rest)
}

/** Names that a packet may have, of files that belong to no entry of it. */
export const STRAY = [
  ...['proofs/0099.tlog-proof', 'statements/0001.json', 'entries/0000.json'],
  ...['emergency-uses/ent_bank/0001.tlog-proof', 'fences/partner/com_acme/00001.json'],
  'mandates/01KB0000000000000000000000/0001.tlog-proof',
]

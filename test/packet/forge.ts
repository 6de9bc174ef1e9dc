/**
 * Forgers of packets, from the clumsy to the insider: `reseal` fixes the manifest's hashes after files were
 * changed; `forge` rewrites the case itself and, holding the key of the log, rebuilds chain, log, checkpoint,
 * proofs, report and manifest around it, so that only what persons and connectors signed stands in the way.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { attestWith } from '../../src/domain/attestation.js'
import { type Digest, digestOf } from '../../src/domain/digest.js'
import type { CaseEvent } from '../../src/domain/shapes/event.js'
import { signNoteBytes } from '../../src/keys/sign.js'
import { signCheckpoint } from '../../src/ledger/checkpoint.js'
import { chain, leafOf, readEntry, type StoredEntry } from '../../src/ledger/entry.js'
import { inclusionProof } from '../../src/ledger/proof.js'
import { rootAt } from '../../src/ledger/subtree.js'
import { newTiles, tileHashReader, tilesIn } from '../../src/ledger/tile.js'
import { tilePath } from '../../src/ledger/tile-path.js'
import { formatTlogProof } from '../../src/ledger/tlog-proof.js'
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
} from '../../src/packet/files.js'
import { openPacket } from '../../src/packet/open.js'
import { readRecorded, toldByBundles } from '../../src/packet/told.js'
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

export interface Written {
  readonly at: string
  /** As the entry had it, so that what names the entry by its hash still does. */
  readonly salt?: string
  body: CaseEvent
}

export const writtenIn = (files: Files): Written[] =>
  [...files].flatMap(([name, bytes]) => {
    if (!name.startsWith('entries/')) return []
    const { entry } = must(readEntry(bytes))
    return [{ at: entry.at, salt: entry.salt, body: entry.body as CaseEvent }]
  })

export interface Forging {
  readonly bytes: Uint8Array
  readonly authority: TestAuthority
  /** Rewrites what the case's entries say. */
  readonly rewrite: (written: Written[]) => readonly Written[]
  /** Signs the forged checkpoint; by default the log's own key. */
  readonly logKey?: TestKey
}

export async function forge(forging: Forging): Promise<Uint8Array> {
  const { bytes, rewrite } = forging
  const packet = openPacket(bytes)
  if (!('files' in packet)) throw new Error('only a good packet can be forged')
  const { caseId } = packet.manifest
  const entries = rechain(caseId, rewrite(writtenIn(packet.files)))
  const { note, texts } = await relog(forging, entries)
  const kept = [...packet.files].filter(
    ([name]) => !/^(entries|proofs)\//.test(name) && ![README, REPORT, MANIFEST].includes(name),
  )
  const evidence = new Map([
    ...kept,
    ...entries.map(({ entry, bytes: exact }) => [entryFile(entry.seq), exact] as const),
    ...texts.map((text, index) => [proofFile(index + 1), utf8ToBytes(text)] as const),
    [CHECKPOINT, utf8ToBytes(note)] as const,
  ])
  const recorded = entries.map((stored) => must(readRecorded(stored)))
  const { bundles, reasons, names } = packet
  const told = {
    ...{ caseId, recorded, reasons, names, indexes: entries.map((_, index) => index) },
    log: { origin: forging.authority.authority.root.log.origin, size: entries.length },
    ...toldByBundles({ bundles, recorded }),
  }
  return writeArchive(compose(told, evidence))
}

function rechain(stream: string, written: readonly Written[]): StoredEntry[] {
  const entries: StoredEntry[] = []
  for (const { at, body, salt = someSalt() } of written) {
    const head: Digest | null = entries.at(-1)?.hash ?? null
    entries.push(
      ...chain({ stream, seq: entries.length, head, at, salt: () => salt, bodies: [body] }),
    )
  }
  return entries
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

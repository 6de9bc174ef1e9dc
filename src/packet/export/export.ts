/**
 * exportPacket: the evidence of one case out of the store, under a role that may read the side store.
 * Waits until every entry of it is under one signed checkpoint, then collects what the entries name.
 * It takes bundles and packs as they are: whether they deserve belief is the verifier's question.
 */

import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { Digest } from '../../domain/bytes/digest.js'
import type { Recorded } from '../../domain/case/case.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Root } from '../../domain/shapes/authority.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { openCheckpoint } from '../../ledger/checkpoint.js'
import { cosignersOf } from '../../ledger/cosignature.js'
import { checkChain, entryHash, readEntry, type StoredEntry } from '../../ledger/entry.js'
import { formatTlogProof, type TlogProof } from '../../ledger/tlog-proof.js'
import type { Db } from '../../store/db.js'
import { refusePurged } from '../../store/evidence/retention.js'
import { awaitProofs, isSigned, type Log, logOf } from '../../store/log/proof.js'
import { logAsStored } from '../../store/log/successors.js'
import { isWitnessed } from '../../store/log/witnesses.js'
import { type Files, writeArchive } from '../archive.js'
import { readUnverified } from '../bundles.js'
import { compose } from '../compose.js'
import {
  authorityFile,
  CHECKPOINT,
  documentFile,
  entryFile,
  isCaseStream,
  jsonFile,
  NAMES,
  policyFolder,
  proofFile,
  REASONS,
  sideEntryFile,
  sideProofFile,
} from '../files.js'
import { readRecorded, toldByBundles } from '../told.js'
import {
  type Bundles,
  collectBundles,
  collectDocuments,
  collectNames,
  collectPacks,
  collectReasons,
  type SideRow,
} from './collect.js'
import { collectAllSides } from './collect-review.js'
import { consistencyFiles, gapsBeside, withLog } from './export-successors.js'

export interface ExportDeps {
  /** Under a role that may read entries, tiles, authority, packs and the side store. */
  readonly db: Db
  /** The log as this process trusts it. */
  readonly log: Log
  /** Emits `checkpoint` when a new signed head is published. */
  readonly published: EventTarget
  /** Milliseconds to wait for the checkpoint over the last entry. */
  readonly proofWithinMs: number
}

/** For whom: a partner's own copy names no person and quotes no reason; its proofs are the same. */
export type Reader = 'partner' | 'enterprise'

export interface ExportedPacket {
  /** File name, `countersign-….zip`. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** Refuses CASE_UNKNOWN, PURGED, EVIDENCE_TAMPERED, ENTRY_MISSING, or PROOF_MISSING while the log lags behind. */
export async function exportPacket(
  deps: Omit<ExportDeps, 'log'> & { readonly verify: Verify },
  input: { readonly caseId: string; readonly reader: Reader },
): Promise<ExportedPacket | Refusal> {
  const { caseId, reader } = input
  const purged = await refusePurged(deps.db, caseId)
  if (purged !== null) return purged
  const own = await gather(deps.db, caseId)
  if (isRefusal(own)) return own
  const root = rootNamedIn(own.bundles)
  if (isRefusal(root)) return root
  const log = await logFor(deps.db, { root, verify: deps.verify })
  if (isRefusal(log)) return log
  const gathered = await withLog(deps.db, { gathered: own, log })
  const proofs = await provenUnderOne({ ...deps, log }, hashesOf(gathered))
  if (isRefusal(proofs)) return proofs
  const files = await packetFiles({ db: deps.db, log }, { gathered, proofs, reader })
  if (isRefusal(files)) return files
  const name = `countersign-${caseId.replaceAll(':', '-')}.zip`
  return { name, bytes: writeArchive(files) }
}

/** What the store holds of one case: its own entries and the streams beside it. */
export interface Gathered {
  readonly caseId: string
  readonly entries: readonly StoredEntry[]
  readonly recorded: readonly Recorded[]
  readonly sides: readonly SideRow[]
  /** Its events, and those of the cases that a review used. */
  readonly used: readonly Recorded[]
  readonly bundles: Bundles
}

export async function gather(db: Db, caseId: string): Promise<Gathered | Refusal> {
  const entries = await readCaseEntries(db, caseId)
  if (isRefusal(entries)) return entries
  const recorded = recordedOf(entries)
  if (isRefusal(recorded)) return recorded
  const sides = await collectAllSides(db, { caseId, recorded })
  // What cases of a review used has to be there as well.
  const used = [...sides.flatMap(caseEntry), ...recorded]
  const bundles = await collectBundles(db, { recorded: used, sides })
  return { caseId, entries, recorded, sides, used, bundles }
}

/** In the order in which `packetFiles` takes their proofs. */
export const hashesOf = ({ entries, sides }: Gathered): readonly Digest[] =>
  [...entries, ...sides].map(({ bytes }) => entryHash(bytes))

/** The files of the packet of one case whose proofs are all against one checkpoint. */
export async function packetFiles(
  { db, log }: Pick<ExportDeps, 'db' | 'log'>,
  input: {
    readonly gathered: Gathered
    readonly proofs: readonly TlogProof[]
    readonly reader: Reader
  },
): Promise<Files | Refusal> {
  const { gathered, proofs, reader } = input
  const { caseId, entries, recorded, sides, used, bundles } = gathered
  const note = proofs[0]?.checkpoint ?? ''
  const opened = openCheckpoint({ note, ...log })
  if (isRefusal(opened)) return opened
  const { origin, size } = opened.checkpoint
  const packs = await collectPacks(db, { bundles, recorded: used })
  const { reasons, names } = await collectPersonal(db, { bundles, recorded, reader })
  const documents = await collectDocuments(db, recorded)
  const indexes = proofs.slice(0, entries.length).map(({ index }) => index)
  const told = {
    ...{
      caseId,
      recorded,
      indexes,
      reasons,
      names,
      log: { origin, size, cosigners: cosignersOf(note, log.verifier) },
      gaps: gapsBeside(sides, indexes),
    },
    ...toldByBundles({ bundles, recorded }),
  }
  const evidence = new Map([
    ...(await consistencyFiles(db, { sides, size })),
    [CHECKPOINT, utf8ToBytes(note)] as const,
    [REASONS, jsonFile(reasons)] as const,
    [NAMES, jsonFile(names)] as const,
    ...entryFiles({ entries, sides, proofs }),
    ...[...documents].map(([digest, bytes]) => [documentFile(digest), bytes] as const),
    ...[...bundles].map(([hash, bundle]) => [authorityFile(hash), jsonFile(bundle)] as const),
    ...[...packs].flatMap(([hash, files]) =>
      Object.entries(files).map(
        ([path, text]) => [`${policyFolder(hash)}${path}`, utf8ToBytes(text)] as const,
      ),
    ),
  ])
  return compose(told, evidence)
}

/** Of the newest bundle in the packet, by which a verifier goes, whatever key the log has since. */
function rootNamedIn(bundles: Bundles): Root | Refusal {
  const newest = [...bundles.values()].at(-1)
  const root = newest === undefined ? refuse('AUTHORITY_INVALID', '/') : readUnverified.root(newest)
  return isRefusal(root) ? root : root.payload
}

/** The log that the root names or, where its key signed one, the log that follows it. */
async function logFor(
  db: Db,
  by: { readonly root: Root; readonly verify: Verify },
): Promise<Log | Refusal> {
  const last = await logAsStored(db, by)
  if (isRefusal(last)) return last
  return (await isSigned(db, last)) ? last : logOf(by.root, by.verify)
}

/** Witnesses answer within milliseconds, or are missing: then the packet says so, and does not wait for them. */
const COSIGNED_WITHIN_MS = 3000

/** Proofs against one signed head: one that the witnesses cosigned, if there are any who do. */
export async function provenUnderOne(
  { db, log, published, proofWithinMs: withinMs }: ExportDeps,
  hashes: readonly Digest[],
): Promise<readonly TlogProof[] | Refusal> {
  const waiting = { hashes, log, published }
  const signed = await awaitProofs(db, { ...waiting, withinMs, said: 'not yet' })
  if (isRefusal(signed) || !(await isWitnessed(db))) return signed
  const cosigned = await awaitProofs(db, {
    ...{ ...waiting, withinMs: COSIGNED_WITHIN_MS, heads: 'witnessed', said: 'at commit' },
  })
  if (!isRefusal(cosigned) || cosigned.refused !== 'PROOF_MISSING') return cosigned
  return awaitProofs(db, { ...waiting, withinMs, said: 'at commit' })
}

/** A side entry of a case, as an event. */
function caseEntry({ stream, bytes }: SideRow): readonly Recorded[] {
  const stored = isCaseStream(stream) ? readEntry(bytes) : null
  const one = stored === null || isRefusal(stored) ? null : readRecorded(stored)
  return one === null || isRefusal(one) ? [] : [one]
}

const collectPersonal = async (
  db: Db,
  of: {
    readonly bundles: Bundles
    readonly recorded: readonly Recorded[]
    readonly reader: Reader
  },
) =>
  of.reader === 'partner'
    ? { reasons: {}, names: {} }
    : { reasons: await collectReasons(db, of.recorded), names: await collectNames(db, of) }

async function readCaseEntries(db: Db, caseId: string): Promise<readonly StoredEntry[] | Refusal> {
  const { rows } = await db.query<{ bytes: Buffer }>(
    `select e.bytes from entries e join cases c on c.case_id = e.stream
      where e.stream = $1 order by e.seq`,
    [caseId],
  )
  if (rows.length === 0) return refuse('CASE_UNKNOWN', '/caseId')
  return checkChain(
    caseId,
    rows.map(({ bytes }) => new Uint8Array(bytes)),
  )
}

function recordedOf(entries: readonly StoredEntry[]): readonly Recorded[] | Refusal {
  const recorded: Recorded[] = []
  for (const stored of entries) {
    const one = readRecorded(stored)
    if (isRefusal(one)) return one
    recorded.push(one)
  }
  return recorded
}

/** Each entry's exact bytes and its proof, both named by its number. */
function entryFiles(input: {
  readonly entries: readonly StoredEntry[]
  readonly sides: readonly SideRow[]
  readonly proofs: readonly TlogProof[]
}): Files {
  const { entries, sides, proofs } = input
  const texts = proofs.map((proof) => utf8ToBytes(formatTlogProof(proof)))
  const none = new Uint8Array()
  return new Map([
    ...entries.flatMap(({ entry, bytes }, index) => [
      [entryFile(entry.seq), bytes] as const,
      [proofFile(entry.seq), texts[index] ?? none] as const,
    ]),
    ...sides.flatMap(({ stream, seq, bytes }, index) => [
      [sideEntryFile(stream, seq), new Uint8Array(bytes)] as const,
      [sideProofFile(stream, seq), texts[entries.length + index] ?? none] as const,
    ]),
  ])
}

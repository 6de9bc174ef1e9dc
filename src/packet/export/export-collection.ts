/**
 * exportCollection: the evidence of every case that a query asks for, out of the store. What is taken away is recorded
 * before it is handed over, and the record is in it: with the same evidence and the same head of the log, the same bytes.
 */

import { utf8ToBytes } from '@noble/hashes/utils.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { headOf, isAskedFor, populationDigest } from '../../domain/review/evidence-query.js'
import type { AuthorityReference } from '../../domain/shapes/basic.js'
import type { EvidenceQuery } from '../../domain/shapes/ops-event.js'
import { openCheckpoint } from '../../ledger/checkpoint.js'
import type { StoredEntry } from '../../ledger/entry.js'
import { formatTlogProof, type TlogProof } from '../../ledger/tlog-proof.js'
import { casesAskedFor, recordExported } from '../../store/evidence/exports.js'
import { purgedCases } from '../../store/evidence/retention.js'
import { type Files, MAX_BYTES, MAX_FILES, writeArchive } from '../archive.js'
import { composeCollection, gapsOf, insideOf, keysIn } from '../collection.js'
import {
  type Collected,
  EXPORT_ENTRY,
  EXPORT_PROOF,
  memberOf,
  placed,
} from '../collection-files.js'
import {
  type ExportDeps,
  type ExportedPacket,
  type Gathered,
  gather,
  hashesOf,
  packetFiles,
  provenUnderOne,
} from './export.js'
import { withLog } from './export-successors.js'

/** More cases than an archive could hold are not even read. */
const MOST_CASES = 1000

export interface ExportCollection {
  readonly query: EvidenceQuery
  readonly enterprise: string
  readonly personId: string
  readonly authority: AuthorityReference
}

/** Refuses CASE_UNKNOWN when the query asks for no case, TOO_LARGE for more than one archive holds, and what `exportPacket` refuses. */
export async function exportCollection(
  deps: ExportDeps,
  input: ExportCollection,
): Promise<ExportedPacket | Refusal> {
  const all = await gatherAll(deps, input.query)
  if (isRefusal(all)) return all
  const { gathered, purged } = all
  const { query, personId, authority } = input
  const recorded = await recordExported(deps.db, {
    type: 'EvidenceExported',
    ...{ query, personId, authority, cases: gathered.length },
    ...(purged === 0 ? {} : { purged }),
    population: populationDigest(gathered.map((one) => headOf(one.caseId, one.recorded))),
  })
  const hashes = [recorded.hash, ...gathered.flatMap(hashesOf)]
  const proofs = await provenUnderOne(deps, hashes)
  if (isRefusal(proofs)) return proofs
  const files = await evidenceFiles(deps, { gathered, recorded, proofs })
  if (isRefusal(files)) return files
  const collected = collectedOf({ deps, input, gathered, recorded, proofs, files })
  if (isRefusal(collected)) return collected
  const composed = composeCollection(collected, files)
  if (!fits(composed)) return tooLarge
  const name = `countersign-collection-${recorded.hash.slice('sha256:'.length, 23)}.zip`
  return { name, bytes: writeArchive(composed) }
}

const tooLarge = refuse('TOO_LARGE', '', 'more than one archive holds; ask for a shorter period')

const fits = (files: Files): boolean =>
  files.size <= MAX_FILES &&
  [...files.values()].reduce((total, bytes) => total + bytes.length, 0) <= MAX_BYTES

/** What is left of the cases asked for, and how many of them were let go. */
async function gatherAll(
  { db, log }: ExportDeps,
  query: EvidenceQuery,
): Promise<{ readonly gathered: readonly Gathered[]; readonly purged: number } | Refusal> {
  const candidates = await casesAskedFor(db, { query, limit: MOST_CASES + 1 })
  if (candidates.length > MOST_CASES) return tooLarge
  const gathered: Gathered[] = []
  const gone = await purgedCases(db)
  let purged = 0
  for (const caseId of candidates) {
    const one = await gather(db, caseId)
    if (isRefusal(one)) return one
    if (!isAskedFor(query, one.recorded)) continue
    if (gone.has(caseId)) purged += 1
    else gathered.push(await withLog(db, { gathered: one, log }))
  }
  if (gathered.length > 0) return { gathered, purged }
  return purged === 0
    ? refuse('CASE_UNKNOWN', '', 'the query asks for no case')
    : refuse('PURGED', '', 'every case that the query asks for was let go under the policy')
}

interface Proven {
  readonly gathered: readonly Gathered[]
  readonly recorded: StoredEntry
  /** Of the entry of the export, then of each case in turn. */
  readonly proofs: readonly TlogProof[]
}

async function evidenceFiles(
  deps: ExportDeps,
  { gathered, recorded, proofs }: Proven,
): Promise<Files | Refusal> {
  const [own] = proofs
  const files = new Map<string, Uint8Array>([
    [EXPORT_ENTRY, recorded.bytes],
    [EXPORT_PROOF, utf8ToBytes(own === undefined ? '' : formatTlogProof(own))],
  ])
  let from = 1
  for (const one of gathered) {
    const until = from + one.entries.length + one.sides.length
    const made = await packetFiles(deps, {
      ...{ gathered: one, proofs: proofs.slice(from, until), reader: 'enterprise' },
    })
    if (isRefusal(made)) return made
    for (const [name, bytes] of placed(one.caseId, made)) files.set(name, bytes)
    from = until
  }
  return files
}

function collectedOf(
  of: Proven & {
    readonly deps: ExportDeps
    readonly input: ExportCollection
    readonly files: Files
  },
): Collected | Refusal {
  const { deps, input, gathered, recorded, proofs, files } = of
  const opened = openCheckpoint({ note: proofs[0]?.checkpoint ?? '', ...deps.log })
  if (isRefusal(opened)) return opened
  const { origin, size } = opened.checkpoint
  let from = 1
  const members = gathered.map(({ caseId, entries, sides, recorded: events }) => {
    const indexes = proofs.slice(from, from + entries.length).map(({ index }) => index)
    from += entries.length + sides.length
    return memberOf({ caseId, recorded: events, indexes })
  })
  return {
    ...{ members, enterprise: input.enterprise, query: input.query, requester: input.personId },
    generatedAt: recorded.entry.at,
    keys: keysIn(files),
    gaps: gapsOf(files),
    log: { origin, size, inside: insideOf(files) },
  }
}

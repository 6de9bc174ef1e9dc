/**
 * composeCollection: the packets of a query -> the files of their collection. README, population and manifest follow
 * from the rest, so composing the same evidence again gives the same bytes; the verifier does so and compares.
 */

import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type Digest, digestOf } from '../domain/bytes/digest.js'
import { isRefusal } from '../domain/refusal.js'
import { AuthorityBundle } from '../domain/shapes/authority.js'
import { readEntry } from '../ledger/entry.js'
import { parseTlogProof } from '../ledger/tlog-proof.js'
import type { Files } from './archive.js'
import { readUnverified } from './bundles.js'
import { type Collected, type CollectionManifest, POPULATION } from './collection-files.js'
import { jsonFile, LOG_ENTRY, MANIFEST, README, readJson, TOOL } from './files.js'
import { populationCsv } from './report/population.js'
import { collectionReadme } from './report/readme.js'
import { readText } from './verify/open.js'
import { gapIn } from './verify/verify-successors.js'

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

/** The manifest's own statements, file hashes and tool aside. */
export const collectionSummary = (of: Collected): Omit<CollectionManifest, 'files' | 'tool'> => ({
  v: 1,
  type: 'countersign-collection',
  enterprise: of.enterprise,
  query: of.query,
  requester: of.requester,
  generatedAt: of.generatedAt,
  counts: {
    cases: of.members.length,
    entries: sum(of.members.map(({ recorded }) => recorded.length)),
    decisions: sum(of.members.map(({ state }) => Object.keys(state.decisions).length)),
    refusals: sum(of.members.map(({ state }) => state.refusals)),
  },
  log: { size: of.log.size, inside: of.log.inside },
})

/** README and population. */
export const composeCollected = (of: Collected): Files =>
  new Map([
    [README, utf8ToBytes(collectionReadme({ ...of, summary: collectionSummary(of) }))],
    [POPULATION, utf8ToBytes(populationCsv(of.members))],
  ])

/** All files of the collection: the packets' files, what people read, and the manifest of both. */
export function composeCollection(of: Collected, evidence: Files): Files {
  const files = new Map([...evidence, ...composeCollected(of)])
  const hashes = [...files].map(([name, bytes]): [string, Digest] => [name, digestOf(bytes)])
  const manifest: CollectionManifest = {
    ...collectionSummary(of),
    tool: TOOL,
    files: Object.fromEntries(hashes),
  }
  return files.set(MANIFEST, jsonFile(manifest))
}

/** How many records of the log are those of entries in here, as their proofs say. */
export const insideOf = (files: Files): number =>
  new Set(
    [...files].flatMap(([name, bytes]) => {
      const text = name.endsWith('.tlog-proof') ? readText(bytes) : null
      const proof = text === null ? null : parseTlogProof(text)
      return proof === null || isRefusal(proof) ? [] : [proof.index]
    }),
  ).size

/** What is missing from the log for ever, as its own entries say. */
export const gapsOf = (files: Files): readonly string[] =>
  [...files].flatMap(([name, bytes]) => {
    const stored = LOG_ENTRY.test(name) ? readEntry(bytes) : null
    return stored === null || isRefusal(stored) ? [] : gapIn(stored, [Number.POSITIVE_INFINITY])
  })

/** One bundle under demonstration keys makes it a demonstration. */
export const keysIn = (files: Files): Collected['keys'] => {
  const bundles = [...files].filter(([name]) => name.startsWith('authority/'))
  const isProduction = ([name, bytes]: readonly [string, Uint8Array]): boolean => {
    const bundle = readJson(AuthorityBundle, { name, bytes })
    const root = isRefusal(bundle) ? bundle : readUnverified.root(bundle)
    return !isRefusal(root) && root.payload.purpose === 'production'
  }
  return bundles.every(isProduction) ? 'production' : 'demonstration'
}

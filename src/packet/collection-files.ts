/**
 * What a collection is made of: its file names and the shapes of its own files. A *collection* is the evidence of every
 * case of one query: the packets of those cases under one checkpoint, with what they share (authority, policy, side
 * streams, documents, the checkpoint) held once; the population as a table; and the entry that says who took it away.
 */
import { z } from 'zod'
import type { CaseState, Recorded } from '../domain/case/case.js'
import { fold } from '../domain/case/evolve.js'
import { Count, DigestText, EnterpriseId, PersonId, Time } from '../domain/shapes/basic.js'
import type { CaseOpened } from '../domain/shapes/event.js'
import { EvidenceQuery } from '../domain/shapes/ops-event.js'
import type { Files } from './archive.js'
import { OWN_NAME, SHARED_NAME } from './files.js'

export const POPULATION = 'population.csv'
export const EXPORT_ENTRY = 'export.json'
export const EXPORT_PROOF = 'export.tlog-proof'

const CASE =
  'cases/[a-z-]{3,24}/com_[a-z0-9-]{1,48}/(?:nhi|com|ent)_[a-z0-9-]{1,48}/[0-9A-HJKMNP-TV-Z]{26}'

/** The whole allow-list of a collection. */
export const COLLECTION_NAME = new RegExp(
  `^(?:README\\.txt|manifest\\.json|population\\.csv|export\\.(?:json|tlog-proof)|${CASE}/${OWN_NAME}|${SHARED_NAME})$`,
)
const IN_CASE = new RegExp(`^(${CASE})/(.+)$`)

export const caseFolder = (caseId: string): string => `cases/${caseId.replaceAll(':', '/')}/`

export const CollectionManifest = z.strictObject({
  v: z.literal(1),
  type: z.literal('countersign-collection'),
  tool: z.string().regex(/^countersign\/[0-9A-Za-z.+-]{1,40}$/),
  enterprise: EnterpriseId,
  query: EvidenceQuery,
  requester: PersonId,
  /** Time of the entry that records the export. */
  generatedAt: Time,
  counts: z.strictObject({ cases: Count, entries: Count, decisions: Count, refusals: Count }),
  /** How large the log was, and how many of its records are those of entries in here. */
  log: z.strictObject({ size: Count, inside: Count }),
  /** SHA-256 of every other file, by name. */
  files: z.record(z.string().max(200), DigestText),
})
export type CollectionManifest = z.infer<typeof CollectionManifest>

/** One case of the population, as its entries say. */
export interface Member {
  readonly caseId: string
  readonly recorded: readonly Recorded[]
  readonly indexes: readonly number[]
  readonly state: CaseState
  readonly opened: CaseOpened | null
}

export const memberOf = (told: Pick<Member, 'caseId' | 'recorded' | 'indexes'>): Member => {
  const { caseId, recorded, indexes } = told
  const state = fold(caseId, recorded)
  return { caseId, recorded, indexes, state, opened: state.opened }
}

/** Everything that manifest, README and population are made from; exporter and verifier make them alike. */
export interface Collected {
  readonly members: readonly Member[]
  readonly enterprise: string
  readonly query: EvidenceQuery
  readonly requester: string
  readonly generatedAt: string
  readonly keys: 'production' | 'demonstration'
  /** Which entries of the log are lost for ever, a line for each gap. */
  readonly gaps: readonly string[]
  readonly log: { readonly origin: string; readonly size: number; readonly inside: number }
}

const OWN = new RegExp(`^${OWN_NAME}$`)

/** The files of one packet, under the names that they have in a collection. */
export const placed = (caseId: string, packet: Files): Files =>
  new Map(
    [...packet].map(([name, bytes]) => [
      OWN.test(name) ? `${caseFolder(caseId)}${name}` : name,
      bytes,
    ]),
  )

/** The folders of cases that a collection has, sorted as its cases are, each with the packet's own files. */
export function foldersOf(files: Files): ReadonlyMap<string, Files> {
  const folders = new Map<string, Map<string, Uint8Array>>()
  for (const [name, bytes] of files) {
    const [, folder, own] = IN_CASE.exec(name) ?? []
    if (folder === undefined || own === undefined) continue
    const known = folders.get(folder) ?? new Map<string, Uint8Array>()
    folders.set(folder, known.set(own, bytes))
  }
  return new Map([...folders].sort(([left], [right]) => (idOf(left) < idOf(right) ? -1 : 1)))
}

/** Folders and ids are not in one order: `svc1` comes before `svc10` as a folder, and after it in an id. */
const idOf = (folder: string): string => folder.replaceAll('/', ':')

const SHARED = new RegExp(`^${SHARED_NAME}$`)

/** What no case has to itself. */
export const sharedOf = (files: Files): Files =>
  new Map([...files].filter(([name]) => SHARED.test(name)))

/**
 * verifyCollection: is this collection what it says? Each case is verified as a packet of its own, under the same
 * checkpoint; belongs to the query; and is one of those, at that length, which the export's own entry in the log names.
 * That the exporter left out no case of the query cannot be told from inside.
 */

import { canonical } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { headOf, isAskedFor, populationDigest } from '../../domain/review/evidence-query.js'
import { EvidenceExported } from '../../domain/shapes/ops-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { readEntry } from '../../ledger/entry.js'
import { type Files, readArchive } from '../archive.js'
import { collectionSummary, composeCollected, gapsOf, insideOf, keysIn } from '../collection.js'
import {
  COLLECTION_NAME,
  type Collected,
  CollectionManifest,
  caseFolder,
  EXPORT_ENTRY,
  EXPORT_PROOF,
  foldersOf,
  type Member,
  memberOf,
  sharedOf,
} from '../collection-files.js'
import { CHECKPOINT, MANIFEST, PacketManifest, readJson } from '../files.js'
import { isThisRelease, noticeOf } from '../newer.js'
import { listingProblems, openFiles, type Packet, readText } from './open.js'
import {
  type Head,
  inOneLine,
  type Problem,
  problemOf,
  type Verdict,
  type Verified,
  type VerifyPacket,
  verifyOpened,
} from './verify.js'
import { provenIndex } from './verify-entries.js'
import { verifyOnce } from './verify-once.js'
import { SINGLE_PARTY } from './verify-witnesses.js'

export interface CollectionVerdict extends Omit<Verdict, 'caseId'> {
  /** How many cases, and which query they answer; null when the collection could not be read so far. */
  readonly cases: number
  readonly query: CollectionManifest['query'] | null
}

/** UNTRUSTED: the bytes. Total: any bytes get a verdict. */
export const verifyCollection = (input: VerifyPacket): CollectionVerdict =>
  inOneLine(input.bytes, judgeCollection(input).verdict)

/** What a collection says, worth as much as its verdict. */
export interface Judged {
  readonly verdict: CollectionVerdict
  readonly opened: Collection | null
  readonly members: readonly Member[]
}

/** UNTRUSTED: the bytes. */
export function judgeCollection(input: VerifyPacket): Judged {
  const opened = openCollection(input.bytes)
  if (!('cases' in opened)) {
    const verdict = verdictOf({ problems: opened.map(problemOf) })
    return { verdict, opened: null, members: [] }
  }
  const once = { ...input, verify: verifyOnce(input.verify) }
  const cases = [...opened.cases].map(([caseId, packet]) => verifyCase(once, { caseId, packet }))
  const problems = cases.flatMap(({ problems: found }) => found)
  const members = cases.flatMap(({ member }) => member ?? [])
  const head = cases.find((one) => one.head !== null)?.head ?? null
  const outer =
    head === null || members.length < cases.length ? [] : wholeProblems({ opened, members, head })
  const verdict = verdictOf({
    ...{ opened, members, head },
    problems: [...problems, ...outer.map(problemOf)],
    verdict: cases[0]?.verdict ?? null,
  })
  return { verdict, opened, members }
}

export interface Collection {
  readonly files: Files
  readonly manifest: CollectionManifest
  /** The packet of each case, by case id, sorted. */
  readonly cases: ReadonlyMap<string, Packet>
}

/** UNTRUSTED: the bytes. Afterwards each case has the files of a packet, and every file belongs to a case or to the collection. */
export function openCollection(bytes: Uint8Array): Collection | readonly Refusal[] {
  const files = readArchive({ bytes, allowed: COLLECTION_NAME })
  if (isRefusal(files)) return [files]
  const manifest = readJson(CollectionManifest, { name: MANIFEST, bytes: files.get(MANIFEST) })
  if (isRefusal(manifest)) return [manifest]
  const shared = sharedOf(files)
  const cases = new Map<string, Packet>()
  const problems = [...listingProblems(files, manifest)]
  const used = new Set<string>()
  for (const [folder, own] of foldersOf(files)) {
    const packet = openCase({ folder, own, shared })
    if ('files' in packet) cases.set(packet.manifest.caseId, packet)
    else problems.push(...packet)
    if ('files' in packet) for (const name of packet.files.keys()) used.add(name)
  }
  const stray = [...shared.keys()].filter((name) => !used.has(name))
  if (problems.length > 0) return problems
  if (stray.length > 0)
    return stray.map((name) => refuse('PACKET_INVALID', name, 'it belongs to no case'))
  return cases.size === 0
    ? [refuse('ENTRY_MISSING', 'cases', 'the collection has no case')]
    : { files, manifest, cases }
}

/** The packet of one folder: its own files, and of the shared ones those that its manifest lists. */
function openCase(at: {
  readonly folder: string
  readonly own: Files
  readonly shared: Files
}): Packet | readonly Refusal[] {
  const { folder, own, shared } = at
  const inFolder = ({ refused, where, detail }: Refusal): Refusal =>
    refuse(refused, `${folder}/${where}`, detail)
  const manifest = readJson(PacketManifest, { name: MANIFEST, bytes: own.get(MANIFEST) })
  if (isRefusal(manifest)) return [inFolder(manifest)]
  if (caseFolder(manifest.caseId) !== `${folder}/`)
    return [refuse('WRONG_CASE', `${folder}/${MANIFEST}`, 'the folder is named after another case')]
  const listed = [...shared].filter(([name]) => Object.hasOwn(manifest.files, name))
  const packet = openFiles(new Map([...own, ...listed]))
  return 'files' in packet ? packet : packet.map(inFolder)
}

interface VerifiedCase {
  readonly verdict: Verdict
  readonly problems: readonly Problem[]
  readonly member: Member | null
  readonly head: Head | null
}

function verifyCase(
  input: VerifyPacket,
  { caseId, packet }: { readonly caseId: string; readonly packet: Packet },
): VerifiedCase {
  const { verdict, told, head }: Verified = verifyOpened(input, packet)
  const folder = caseFolder(caseId)
  const problems = verdict.problems.map((one) => ({ ...one, where: `${folder}${one.where}` }))
  return { verdict, problems, head, member: told === null ? null : memberOf(told) }
}

interface Whole {
  readonly opened: Collection
  readonly members: readonly Member[]
  readonly head: Head
}

/** Afterwards the cases are those of the query, of the table and of the entry that records the export. */
function wholeProblems({ opened, members, head }: Whole): readonly Refusal[] {
  const { files, manifest } = opened
  const strangers = members
    .filter(({ recorded }) => !isAskedFor(manifest.query, recorded))
    .map(({ caseId }) => refuse('WRONG_CASE', caseFolder(caseId), 'the query does not ask for it'))
  const generatedAt = exportProblems({ opened, members, head })
  if (typeof generatedAt !== 'string') return [...strangers, ...generatedAt]
  const collected: Collected = {
    ...{ members, query: manifest.query, requester: manifest.requester, generatedAt },
    enterprise: members[0]?.opened?.enterprise ?? '',
    keys: keysIn(files),
    gaps: gapsOf(files),
    log: {
      ...{ origin: head.checkpoint.origin, size: head.checkpoint.size, inside: insideOf(files) },
    },
  }
  const { tool, files: _, ...stated } = manifest
  const other =
    canonical(stated) === canonical(collectionSummary(collected))
      ? []
      : [refuse('PACKET_INVALID', MANIFEST, 'it states something else than the cases')]
  const readable = [...(isThisRelease(tool) ? composeCollected(collected) : [])]
    .filter(([name, bytes]) => !Buffer.from(bytes).equals(files.get(name) ?? new Uint8Array()))
    .map(([name]) => refuse('PACKET_INVALID', name, 'it says something else than the cases'))
  return [...strangers, ...other, ...readable]
}

/** The time of the export's entry, which is in the log and names exactly these cases; or why not. */
function exportProblems({ opened, members, head }: Whole): string | readonly Refusal[] {
  const { files, manifest } = opened
  const stored = readEntry(files.get(EXPORT_ENTRY) ?? new Uint8Array())
  if (isRefusal(stored)) return [refuse('EVIDENCE_TAMPERED', EXPORT_ENTRY, stored.detail)]
  const event = parseAs(EvidenceExported)(stored.entry.body)
  if (isRefusal(event) || stored.entry.stream !== 'ops')
    return [refuse('EVIDENCE_TAMPERED', EXPORT_ENTRY, 'not the entry of an export')]
  const proven = provenIndex(
    { files, checkpoint: head.checkpoint },
    {
      ...{ where: EXPORT_ENTRY, proof: EXPORT_PROOF, hash: stored.hash },
      note: readText(files.get(CHECKPOINT)),
    },
  )
  if (isRefusal(proven)) return [proven]
  const heads = members.map(({ caseId, recorded }) => headOf(caseId, recorded))
  if (event.cases !== members.length || event.population !== populationDigest(heads))
    return [refuse('ENTRY_MISSING', EXPORT_ENTRY, 'other cases were exported than are in here')]
  const same =
    canonical(event.query) === canonical(manifest.query) && event.personId === manifest.requester
  return same
    ? stored.entry.at
    : [refuse('PACKET_INVALID', MANIFEST, 'another query, or another requester, was recorded')]
}

function verdictOf(of: {
  readonly problems: readonly Problem[]
  readonly opened?: Collection
  readonly members?: readonly Member[]
  readonly head?: Head | null
  readonly verdict?: Verdict | null
}): CollectionVerdict {
  const { problems, opened, head = null, verdict = null } = of
  const manifest = opened?.manifest ?? null
  const verified = problems.length === 0 && manifest !== null
  const { entries, decisions, refusals } = manifest?.counts ?? {
    ...{ entries: 0, decisions: 0, refusals: 0 },
  }
  return {
    verdict: verified ? 'VERIFIED' : 'NOT VERIFIED',
    ...{ entries, decisions, refusals, problems },
    cases: opened?.cases.size ?? 0,
    query: manifest?.query ?? null,
    checkpoint: head?.checkpoint.size ?? null,
    keys: opened === undefined ? 'unknown' : keysIn(opened.files),
    log: head?.vkey ?? null,
    ...(verdict === null
      ? SINGLE_PARTY
      : { witnesses: verdict.witnesses, cosigned: verdict.cosigned, quorum: verdict.quorum }),
    words:
      verified && opened !== undefined
        ? [
            ...noticeOf(manifest.tool),
            ...wordsOf(manifest),
            ...wordsOfPurged(opened.files),
            ...gapsOf(opened.files),
          ]
        : [],
  }
}

const wordsOf = ({
  counts,
  log,
  requester,
  generatedAt,
}: CollectionManifest): readonly string[] => [
  `Taken away at ${generatedAt} by ${requester}, as the log says; none of its ${counts.cases} cases was dropped since.`,
  `Of the ${log.size} records of the log, ${log.inside} are those of entries in here; that none of the others is of a case of the query is the exporter's word.`,
]

/** What the entry of the export says of cases that are not in here. */
function wordsOfPurged(files: Files | undefined): readonly string[] {
  const stored = readEntry(files?.get(EXPORT_ENTRY) ?? new Uint8Array())
  const event = isRefusal(stored) ? stored : parseAs(EvidenceExported)(stored.entry.body)
  const purged = isRefusal(event) ? 0 : (event.purged ?? 0)
  return purged === 0
    ? []
    : [`${purged} cases of the query are not in here: policy had let them go before.`]
}

/** Whether the bytes are a collection at all; what is neither is refused as a packet. */
export function isCollection(bytes: Uint8Array): boolean {
  const files = readArchive({ bytes, allowed: COLLECTION_NAME })
  return !isRefusal(files) && files.has(EXPORT_ENTRY)
}

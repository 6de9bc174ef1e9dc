/**
 * verifyPacket: is this packet what it says, on nothing but its bytes and the trusted root keys? Pure:
 * no file, clock or network. From the outside in: archive, hashes, authority, checkpoint, proofs,
 * chain, attestations, and then the case itself, folded again with every entry reproduced by the core.
 * A *verdict* is VERIFIED only without a single problem.
 */
import { fromBase64 } from '../../domain/bytes/base64.js'
import { personCommitment, reasonDigest } from '../../domain/bytes/commitment.js'
import { canonical } from '../../domain/bytes/digest.js'
import type { Recorded } from '../../domain/case/case.js'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../../domain/refusal.js'
import type { Trust } from '../../domain/shapes/authority.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { type OpenedCheckpoint, openCheckpoint } from '../../ledger/checkpoint.js'
import { cosignersOf } from '../../ledger/cosignature.js'
import type { StoredEntry } from '../../ledger/entry.js'
import { ed25519Verifier, formatVkey } from '../../ledger/note-key.js'
import { packHash } from '../../packs/load.js'
import { type Believed, believe } from '../bundles.js'
import { composeReading, summaryOf } from '../compose.js'
import {
  CHECKPOINT,
  entryFile,
  LOG_ENTRY,
  MANIFEST,
  NAMES,
  policyFolder,
  proofFile,
  REASONS,
  STATEMENTS,
  sideStreamsIn,
} from '../files.js'
import { isThisRelease, newerThanThis, noticeOf } from '../newer.js'
import { wordsOf } from '../report/words.js'
import { personsOf, readRecorded, reasonDigestOf, show, type Told, toldByBundles } from '../told.js'
import { judgeAgain } from './judge-again.js'
import { openPacket, type Packet, readText } from './open.js'
import { verifyStream } from './verify-entries.js'
import { type ReadEntry, readEntryOnce, verifyOnce } from './verify-once.js'
import { verifySides } from './verify-sides.js'
import { gapsIn, judgeSuccessors, logFollowed, successionProblems } from './verify-successors.js'
import {
  SINGLE_PARTY,
  verifiersOf,
  type Witnessed,
  witnessedBy,
  witnessesIn,
} from './verify-witnesses.js'

export interface Problem {
  readonly code: RefusalCode
  /** The file of the packet, `entries/0007.json`; empty for the archive as a whole. */
  readonly where: string
  readonly detail: string
}

export interface Verdict extends Witnessed {
  readonly verdict: 'VERIFIED' | 'NOT VERIFIED'
  /** Empty when the packet could not be read so far. */
  readonly caseId: string
  readonly entries: number
  readonly decisions: number
  readonly refusals: number
  /** Size of the log at the checkpoint; null when no checkpoint verifies. */
  readonly checkpoint: number | null
  readonly keys: 'production' | 'demonstration' | 'unknown'
  readonly problems: readonly Problem[]
  /** The verifier key of the log, as the trusted root states it: what a witness of this log is given. */
  readonly log: string | null
  /** The five answers, when verified; nothing otherwise. */
  readonly words: readonly string[]
}

export interface VerifyPacket {
  readonly bytes: Uint8Array
  /** From the verifier's own configuration, never from the packet. */
  readonly trust: Trust
  readonly verify: Verify
}

/** UNTRUSTED: the bytes. Total: any bytes get a verdict. */
export function verifyPacket(input: VerifyPacket): Verdict {
  const packet = openPacket(input.bytes)
  const verdict = 'files' in packet ? verifyOpened(input, packet).verdict : unreadable(packet)
  return inOneLine(input.bytes, verdict)
}

/** What this release cannot judge because a newer one made it is one problem, which says so. */
export function inOneLine<Any extends Pick<Verdict, 'verdict' | 'problems'>>(
  bytes: Uint8Array,
  verdict: Any,
): Any {
  if (verdict.verdict === 'VERIFIED') return verdict
  const newer = newerThanThis(bytes, verdict.problems[0])
  return newer === null ? verdict : { ...verdict, problems: [problemOf(newer)] }
}

/** A verdict, and what it rests on. */
export interface Verified {
  readonly verdict: Verdict
  readonly told: Told | null
  readonly head: Head | null
}

export function verifyOpened(input: Omit<VerifyPacket, 'bytes'>, packet: Packet): Verified {
  const { caseId, counts } = packet.manifest
  const { problems, head, told } = checkEvidence(input, packet)
  const verdict: Verdict = {
    verdict: problems.length === 0 ? 'VERIFIED' : 'NOT VERIFIED',
    caseId,
    ...counts,
    checkpoint: head?.checkpoint.size ?? null,
    keys: told?.keys ?? 'unknown',
    problems: problems.map(problemOf),
    log: head?.vkey ?? null,
    ...(head?.witnessed ?? SINGLE_PARTY),
    words:
      problems.length === 0 && told !== null
        ? [...noticeOf(packet.manifest.tool), ...wordsOf(show(told))]
        : [],
  }
  return { verdict, told, head }
}

export const problemOf = ({ refused, where, detail }: Refusal): Problem => ({
  code: refused,
  where,
  detail,
})

export const unreadable = (problems: readonly Refusal[]): Verdict => ({
  verdict: 'NOT VERIFIED',
  ...{ caseId: '', entries: 0, decisions: 0, refusals: 0, checkpoint: null, keys: 'unknown' },
  problems: problems.map(problemOf),
  log: null,
  ...SINGLE_PARTY,
  words: [],
})

interface Checked {
  readonly problems: readonly Refusal[]
  readonly head: Head | null
  readonly told: Told | null
}

function checkEvidence(input: Omit<VerifyPacket, 'bytes'>, packet: Packet): Checked {
  const { files, bundles, packs, manifest } = packet
  const { trust } = input
  const verify = verifyOnce(input.verify)
  const readEntry = readEntryOnce()
  const believed = believe({ bundles, packs, trust, verify })
  const times = timesOf(packet, readEntry)
  const disbelieved = authorityProblems({ packet, believed, times })
  const statements = judgeSuccessors({ files, readEntry, trust, verify })
  const head = openHead({ packet, believed, verify, trust, statements, at: times.at(-1) ?? '' })
  if (isRefusal(head)) return { problems: [...disbelieved, head], head: null, told: null }
  const { checkpoint } = head
  const { caseId } = manifest
  const count = countEntries(packet)
  const reading = { files, checkpoint, readEntry }
  const stream = verifyStream({
    ...{ ...reading, stream: caseId, entryFile, proofFile, count, unreadable: 'problem' },
  })
  const recorded = recordedOf(stream.entries)
  const outer = [...disbelieved, ...stream.problems, ...recorded.problems]
  if (stream.problems.length + recorded.problems.length > 0 || count === 0)
    return { problems: count === 0 ? [...outer, noEntries] : outer, head, told: null }
  const sides = verifySides(reading)
  const succession = successionProblems(sides, reading)
  const { indexes } = stream
  const told: Told = {
    ...{ caseId, recorded: recorded.recorded, indexes },
    ...{ reasons: packet.reasons, names: packet.names },
    log: { origin: checkpoint.origin, size: checkpoint.size, cosigners: head.cosigners },
    gaps: gapsIn(sides, indexes),
    ...toldByBundles({ bundles, recorded: recorded.recorded }),
  }
  const inner = judgeAgain({
    ...{ caseId, recorded: recorded.recorded, indexes },
    ...{ sides, files, believed, verify },
  })
  const readable = readingProblems({ packet, told, believed, times })
  return { problems: [...outer, ...succession, ...inner, ...readable], head, told }
}

const noEntries = refuse('ENTRY_MISSING', entryFile(1), 'the packet has no entries')

const ENTRY = /^entries\/0*([1-9][0-9]*)\.json$/

/** As many as the highest number among the entry files: a gap below it is a missing entry. */
const countEntries = ({ files }: Packet): number =>
  [...files.keys()].reduce((most, name) => Math.max(most, Number(ENTRY.exec(name)?.[1] ?? 0)), 0)

/** The times that the entries state, of the case and beside it but for the log itself, each once and in order; what they are worth is checked with the entries. */
function timesOf(packet: Packet, readEntry: ReadEntry): readonly string[] {
  const times = [...packet.files].flatMap(([name, bytes]) => {
    const isBeside = sideStreamsIn([name]).length > 0 && !LOG_ENTRY.test(name)
    const isEntry = ENTRY.test(name) || isBeside
    const stored = isEntry ? readEntry(bytes) : null
    return stored === null || isRefusal(stored) ? [] : [stored.entry.at]
  })
  return [...new Set(times)].sort()
}

function recordedOf(entries: readonly StoredEntry[]) {
  const recorded: Recorded[] = []
  const problems: Refusal[] = []
  for (const stored of entries) {
    const one = readRecorded(stored)
    if (isRefusal(one)) problems.push(refuse(one.refused, entryFile(stored.entry.seq), one.detail))
    else recorded.push(one)
  }
  return { recorded, problems }
}

interface Believing {
  readonly packet: Packet
  readonly believed: Believed
  readonly times: readonly string[]
}

/** Afterwards each bundle is believed at the time of some entry, and each pack is named by such a bundle. */
function authorityProblems({ packet, believed, times }: Believing): readonly Refusal[] {
  const bundles = [...packet.bundles.keys()].flatMap((hash) => {
    // From the last to the first: most bundles are believed at both, and then in between.
    const ends = [...times.slice(-1), ...times]
    const refusals = ends.map((at) => believed.refusalOf(hash, at))
    const [last] = refusals
    return refusals.includes(null) || last === undefined || last === null ? [] : [last]
  })
  const named = new Set(
    times.flatMap((at) =>
      believed.inForce(at, 'taking-away').flatMap(({ packs }) => packs.map(({ hash }) => hash)),
    ),
  )
  const packs = [...packet.packs].flatMap(([hash, files]) => {
    if (packHash(files) !== hash)
      return [refuse('POLICY_INVALID', policyFolder(hash), 'not the pack of this hash')]
    return named.has(hash) ? [] : [refuse('POLICY_UNSIGNED', policyFolder(hash))]
  })
  return [...bundles, ...packs]
}

/** The signed head that the packet rests on. */
export interface Head {
  readonly checkpoint: OpenedCheckpoint['checkpoint']
  readonly vkey: string
  readonly cosigners: readonly string[]
  readonly witnessed: Witnessed
}

/** Afterwards the log's own key, as the newest root in force or in its grace states it, signed this checkpoint for this origin, or for that of a log that follows it. */
function openHead(input: {
  readonly packet: Packet
  readonly believed: Believed
  readonly verify: Verify
  readonly trust: Trust
  readonly statements: ReturnType<typeof judgeSuccessors>
  readonly at: string
}): Head | Refusal {
  const { packet, believed, verify, statements, at } = input
  const [authority] = believed.inForce(at, 'taking-away')
  if (authority === undefined)
    return refuse('AUTHORITY_INVALID', CHECKPOINT, 'no trusted root states the key of the log')
  const note = readText(packet.files.get(CHECKPOINT) ?? new Uint8Array())
  const said = note?.split('\n')[0] ?? ''
  const named = logFollowed(authority.root, { ...statements, origin: said })
  if (isRefusal(named)) return named
  const { origin, key } = named
  const publicKey = fromBase64(key.publicKey)
  if (publicKey?.length !== 32 || key.alg !== 'ed25519')
    return refuse('KEY_WEAK', CHECKPOINT, 'the key of the log is not an Ed25519 key')
  if (note === null) return refuse('PROOF_INVALID', CHECKPOINT)
  const policy = witnessesIn(input.trust)
  if (isRefusal(policy)) return policy
  const verifier = ed25519Verifier({ name: origin, publicKey, verify })
  const witnesses = verifiersOf(policy, verify)
  const opened = openCheckpoint({ note, origin, verifier, witnesses })
  if (isRefusal(opened)) return refuse('PROOF_INVALID', CHECKPOINT, opened.detail)
  return {
    checkpoint: opened.checkpoint,
    vkey: formatVkey({ name: origin, publicKey }),
    cosigners: cosignersOf(note, verifier),
    witnessed: witnessedBy(policy, { note, verifiers: witnesses }),
  }
}

/** Afterwards what people read, and what the manifest counts, follows from the evidence. */
function readingProblems({
  packet,
  told,
  believed,
  times,
}: Believing & { readonly told: Told }): readonly Refusal[] {
  const problems: Refusal[] = []
  const { tool, files: _, ...stated } = packet.manifest
  if (canonical(stated) !== canonical(summaryOf(told)))
    problems.push(refuse('PACKET_INVALID', MANIFEST, 'it states something else than the entries'))
  const composed = composeReading(told)
  // Another release writes them in words of its own, which this one cannot write again.
  for (const [name, bytes] of isThisRelease(tool) ? composed : [])
    if (!Buffer.from(bytes).equals(packet.files.get(name) ?? new Uint8Array()))
      problems.push(refuse('PACKET_INVALID', name, 'it says something else than the entries'))
  for (const name of packet.files.keys())
    if (name.startsWith(STATEMENTS) && !composed.has(name))
      problems.push(refuse('PACKET_INVALID', name, 'a statement that no connector made'))
  const signed = told.recorded.flatMap(({ event }) =>
    event.type === 'DecisionAdmitted' ? [reasonDigestOf(event)] : [],
  )
  for (const [digest, reason] of Object.entries(told.reasons))
    if (reasonDigest(reason) !== digest || !signed.some((known) => known === digest))
      problems.push(refuse('PACKET_INVALID', REASONS, 'a reason that nobody signed'))
  const authorities = times.flatMap((at) => believed.inForce(at, 'taking-away'))
  for (const [personId, name] of Object.entries(told.names)) {
    const commitment = personCommitment({ personId, ...name })
    const known = authorities.some(
      ({ persons }) => persons.get(personId)?.commitment === commitment,
    )
    if (!known || !personsOf(told.recorded).includes(personId))
      problems.push(
        refuse('PACKET_INVALID', NAMES, 'a name to which the authority is not committed'),
      )
  }
  return problems
}

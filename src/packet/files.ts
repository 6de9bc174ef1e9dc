/**
 * What a packet is made of: its file names and the shapes of its own files. A *packet* is the evidence
 * of one case: the exact entries, the authority bundles and policy packs that they name, the *side
 * streams* that bear on it (fences that stopped it, mandates that it used, containments of an incident, the demand or review that it disputes, the uses of emergency access, the cases that a review is drawn from or in which the rights of a drill were exercised, the successor logs), the documents that a partner handed in, a proof for each entry against one checkpoint, and what people read (README.txt,
 * report.html). manifest.json lists every other file; a file is listed, named as here, or the packet is refused.
 */
import { z } from 'zod'
import { canonicalBytes, type Digest } from '../domain/bytes/digest.js'
import { type Refusal, refuse } from '../domain/refusal.js'
import { CaseId, Count, DigestText, EnterpriseId, PersonId, Time } from '../domain/shapes/basic.js'

/** Name and version of the program that exports. */
export const TOOL = 'countersign/0.1.0'

export const README = 'README.txt'
export const MANIFEST = 'manifest.json'
export const CHECKPOINT = 'checkpoint'
export const REASONS = 'reasons.json'
export const NAMES = 'names.json'
export const REPORT = 'report.html'
/** The folder of the in-toto statements, each named by the number of its entry. */
export const STATEMENTS = 'statements/'

const HEX = '[0-9a-f]{64}'
const PACK_NAME = '[a-z0-9][a-z0-9-]{0,62}'
const SEQ = '[0-9]{4,9}'
const ULID = '[0-9A-HJKMNP-TV-Z]{26}'
const COMPANY = 'com_[a-z0-9-]{1,48}'
const LOGS = 'logs/ent_[a-z0-9-]{1,48}'
const SIDE = `(?:fences/(?:partner|system|identity)/[a-z]{3}_[a-z0-9-]{1,48}|mandates/${ULID}|emergency-uses/ent_[a-z0-9-]{1,48}|${LOGS}|[a-z-]{3,24}s/${COMPANY}/(?:nhi|com|ent)_[a-z0-9-]{1,48}/${ULID})`

/** What is a packet's own. */
export const OWN_NAME = `(?:README\\.txt|manifest\\.json|reasons\\.json|names\\.json|report\\.html|(?:entries|statements)/${SEQ}\\.json|proofs/${SEQ}\\.tlog-proof)`
/** What is named after its content, or by its place in a stream or log: under one checkpoint the same in every packet. */
export const SHARED_NAME = `(?:checkpoint|authority/${HEX}\\.json|documents/${HEX}|${SIDE}/${SEQ}\\.(?:json|tlog-proof)|${LOGS}/${SEQ}\\.consistency|policy/${HEX}/(?:(?:pack|(?:rules|tests)/${PACK_NAME})\\.yaml|cedar/(?:${PACK_NAME}\\.cedar|schema\\.cedarschema)))`

/** The whole allow-list: nothing else has a place in a packet. */
export const PACKET_NAME = new RegExp(`^(?:${OWN_NAME}|${SHARED_NAME})$`)

export const padded = (seq: number): string => String(seq).padStart(4, '0')
const hexOf = (hash: Digest): string => hash.slice('sha256:'.length)

export const entryFile = (seq: number): string => `entries/${padded(seq)}.json`
export const proofFile = (seq: number): string => `proofs/${padded(seq)}.tlog-proof`
export const statementFile = (seq: number): string => `${STATEMENTS}${padded(seq)}.json`
export const authorityFile = (hash: Digest): string => `authority/${hexOf(hash)}.json`
export const policyFolder = (hash: Digest): string => `policy/${hexOf(hash)}/`

export const documentFile = (digest: Digest): string => `documents/${hexOf(digest)}`
/** The document that a file of this name holds; null for another name. */
export const documentNamed = (name: string): Digest | null =>
  name.startsWith('documents/') ? `sha256:${name.slice('documents/'.length)}` : null

/** Whether a stream is a case: `<kind>:<company>:<scope>:<ulid>`. */
export const isCaseStream = (stream: string): boolean => CaseId.safeParse(stream).success

/** The folder of a side stream, `fence:<kind>:<id>`, `mandate:<id>`, `emergency-use:<enterprise>` or a case id. */
export const sideFolder = (stream: string): string => {
  const [name, ...rest] = stream.split(':')
  return `${name}s/${rest.join('/')}/`
}
export const sideEntryFile = (stream: string, seq: number): string =>
  `${sideFolder(stream)}${padded(seq)}.json`
export const sideProofFile = (stream: string, seq: number): string =>
  `${sideFolder(stream)}${padded(seq)}.tlog-proof`

/** That the log of the checkpoint extends what was left of the one before. */
export const consistencyFile = (stream: string, seq: number): string =>
  `${sideFolder(stream)}${padded(seq)}.consistency`
/** An entry with which a successor log begins. */
export const LOG_ENTRY = new RegExp(`^${LOGS}/${SEQ}\\.json$`)

const IN_SIDE = new RegExp(`^(${SIDE})/${SEQ}\\.json$`)

/** The side streams of which the packet has entries, sorted. */
export const sideStreamsIn = (names: Iterable<string>): readonly string[] => {
  const folders = [...names].flatMap((name) => IN_SIDE.exec(name)?.[1] ?? [])
  return [...new Set(folders)]
    .sort()
    .map((folder) => folder.replace('s/', '/').replaceAll('/', ':'))
}

export const PacketManifest = z.strictObject({
  v: z.literal(1),
  type: z.literal('countersign-packet'),
  tool: z.string().regex(/^countersign\/[0-9A-Za-z.+-]{1,40}$/),
  caseId: CaseId,
  enterprise: EnterpriseId,
  /** Time of the case's last entry: two exports of the same evidence are the same bytes. */
  generatedAt: Time,
  counts: z.strictObject({ entries: Count, decisions: Count, refusals: Count }),
  /** Where the case's entries stand in the log, and how large the log was. */
  log: z.strictObject({ first: Count, last: Count, size: Count }),
  /** SHA-256 of every other file, by name. */
  files: z.record(z.string().max(200), DigestText),
})
export type PacketManifest = z.infer<typeof PacketManifest>

/** Reasons by their digest, as far as the side store still has them. */
export const Reasons = z.record(
  DigestText,
  z.strictObject({ salt: z.string().max(200), reason: z.string().max(10_000) }),
)
export type Reasons = z.infer<typeof Reasons>

/** Names by person id, as far as the side store still has them. */
export const Names = z.record(
  PersonId,
  z.strictObject({ salt: z.string().max(200), name: z.string().max(300) }),
)
export type Names = z.infer<typeof Names>

export const jsonFile = canonicalBytes

/** UNTRUSTED: a file of a packet. Afterwards it is the one spelling (RFC 8785) of a value of this shape. */
export function readJson<Schema extends z.ZodType>(
  schema: Schema,
  file: { readonly name: string; readonly bytes: Uint8Array | undefined },
): z.output<Schema> | Refusal {
  const { name, bytes } = file
  if (bytes === undefined) return refuse('PACKET_INVALID', name, 'the file is missing')
  const parsed = schema.safeParse(parse(bytes))
  if (!parsed.success) return refuse('PACKET_INVALID', name, 'not of the shape of this file')
  // The shapes hold no transform and no optional field with a default: what was parsed is what was written.
  const same = Buffer.from(canonicalBytes(parsed.data)).equals(bytes)
  return same ? parsed.data : refuse('PACKET_INVALID', name, 'not canonical JSON')
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return undefined
  }
}

/**
 * What belongs into the packet of a case besides its entries: the bundles and packs that its entries
 * used, the side streams that they rest on, and from the erasable side store the names and reasons that are left.
 */

import { packInForce } from '../../domain/approval/count.js'
import { bundleHash } from '../../domain/authority/authority-as-of.js'
import { personCommitment, reasonDigest } from '../../domain/bytes/commitment.js'
import type { Digest } from '../../domain/bytes/digest.js'
import type { Recorded } from '../../domain/case/case.js'
import { documentsNamed } from '../../domain/plans/demand.js'
import { emergencyStream } from '../../domain/policy/emergency.js'
import { isRefusal } from '../../domain/refusal.js'
import { measuredFrom } from '../../domain/rights/drill.js'
import { fencesAround } from '../../domain/rights/fence.js'
import { mandateStream } from '../../domain/rights/mandate-record.js'
import { AuthorityBundle, PeopleSection } from '../../domain/shapes/authority.js'
import type { CaseEvent, CaseOpened } from '../../domain/shapes/event.js'
import { Fenced } from '../../domain/shapes/fence-event.js'
import { MandateEvent } from '../../domain/shapes/mandate-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { openEnvelope } from '../../domain/signed/envelope.js'
import { readEntry } from '../../ledger/entry.js'
import type { PackFiles } from '../../packs/load.js'
import { readUnverified } from '../bundles.js'
import type { Names, Reasons } from '../files.js'
import { personsOf, reasonDigestOf } from '../told.js'

/** What is asked of the store: PostgreSQL, under a role that may read the side store. */
export interface Db {
  readonly query: <Row extends object>(
    text: string,
    values: readonly unknown[],
  ) => Promise<{ readonly rows: readonly Row[] }>
}

export type Bundles = ReadonlyMap<Digest, AuthorityBundle>

/**
 * The bundle that the case opened under, every one installed from then until its last entry, and those that
 * the side streams name, however old.
 */
export async function collectBundles(
  db: Db,
  of: { readonly recorded: readonly Recorded[]; readonly sides: readonly SideRow[] },
): Promise<Bundles> {
  const { recorded, sides } = of
  const named = recorded.flatMap(({ event }) =>
    'authority' in event ? [event.authority.version] : [],
  )
  const beside = sides.flatMap(({ bytes }) => namedBeside(bytes) ?? [])
  const { rows } = await db.query<{ bundle: unknown }>(
    `select a.bundle from authority a
      where a.version = any($4) or (a.version >= $1 and (a.version = any($2) or a.version in (
        select (convert_from(e.bytes, 'UTF8')::jsonb -> 'body' ->> 'version')::int from entries e
         where e.stream = 'authority' and convert_from(e.bytes, 'UTF8')::jsonb ->> 'at' <= $3)))
      order by a.version`,
    [Math.min(...named), named, recorded.at(-1)?.at ?? '', beside],
  )
  const bundles = new Map<Digest, AuthorityBundle>()
  for (const row of rows) {
    const bundle = parseAs(AuthorityBundle)(row.bundle)
    const hash = isRefusal(bundle) ? bundle : bundleHash(bundle)
    if (!isRefusal(bundle) && !isRefusal(hash)) bundles.set(hash, bundle)
  }
  return bundles
}

/** A mandate is taken back, and a fence raised, under a bundle that may long be out of date. */
function namedBeside(bytes: Uint8Array): number | null {
  const stored = readEntry(bytes)
  if (isRefusal(stored)) return null
  const { body } = stored.entry
  if (body.type === 'MandateRevoked') {
    const event = parseAs(MandateEvent)(body)
    return !isRefusal(event) && event.type === 'MandateRevoked' ? event.authority.version : null
  }
  const fenced = parseAs(Fenced)(body)
  return isRefusal(fenced) ? null : (fenced.under?.version ?? null)
}

/** The packs that some of the bundles name as in force at the time of some entry, as far as they are stored. */
export async function collectPacks(
  db: Db,
  used: { readonly bundles: Bundles; readonly recorded: readonly Recorded[] },
): Promise<ReadonlyMap<Digest, PackFiles>> {
  const times = new Set(used.recorded.map(({ at }) => at))
  const hashes = [...used.bundles.values()].flatMap((bundle) => {
    const policy = readUnverified.policy(bundle)
    if (isRefusal(policy)) return []
    return [...times].flatMap((at) => packInForce(policy.payload, at)?.hash ?? [])
  })
  const { rows } = await db.query<{ hash: Digest; files: PackFiles }>(
    'select hash, files from packs where hash = any($1)',
    [[...new Set(hashes)]],
  )
  return new Map(rows.map(({ hash, files }) => [hash, files]))
}

const isFenced = (event: CaseEvent): boolean =>
  event.type === 'CaseFenced' || ('code' in event && event.code === 'FENCED')

/** The streams beside the case that its entries rest on: fences that stopped or opened it or stand around it, mandates that it used, the demand that it disputes. */
export async function sideStreamsOf(
  db: Db,
  recorded: readonly Recorded[],
): Promise<readonly string[]> {
  const opened = recorded[0]?.event
  if (opened?.type !== 'CaseOpened') return []
  const stopped = recorded.some(({ event }) => isFenced(event))
  const fences = stopped ? fencesAround(opened).map(({ kind, id }) => `fence:${kind}:${id}`) : []
  const mandates = recorded.flatMap(({ event }) =>
    event.type === 'GateSatisfied' && event.mandateId !== null
      ? [mandateStream(event.mandateId)]
      : [],
  )
  const { asked } = opened
  const lifted = recorded.flatMap(({ event }) =>
    event.type === 'Planned' && event.plan.about.kind === 'lift'
      ? event.plan.about.fences.map(({ scope }) => `fence:${scope.kind}:${scope.id}`)
      : [],
  )
  const around = await aroundIncident(db, recorded)
  const cut = asked.kind === 'contain' ? await fenceNamed(db, asked.fenceId) : []
  const disputed = asked.kind === 'dispute' ? [asked.demand] : []
  const emergency = asked.kind === 'break-glass' ? aroundEmergency(opened) : []
  const exercised = exercisedIn(recorded)
  const all = [fences, mandates, lifted, around, cut, disputed, exercised, emergency].flat()
  return [...new Set(all)].sort()
}

/** What a drill measured: the fence around its canary, and the cases that its entries name. */
function exercisedIn(recorded: readonly Recorded[]): readonly string[] {
  return recorded.flatMap(({ event }) => {
    if (event.type === 'Planned' && event.plan.about.kind === 'drill')
      return [`fence:identity:${event.plan.about.canary}`]
    if (event.type === 'OperationObserved' && event.op === 'open-exercises')
      return Object.values(event.observed)
    if (event.type !== 'GateOpened' || recorded[0]?.event.type !== 'CaseOpened') return []
    const isDrill = recorded[0].event.asked.kind === 'drill'
    return isDrill ? measuredFrom(event.preState).flatMap(({ caseId }) => caseId ?? []) : []
  })
}

/** Every use of emergency access, and the fences around the identity, of which none stood when it was granted. */
const aroundEmergency = (opened: CaseOpened): readonly string[] => [
  emergencyStream(opened.enterprise),
  ...fencesAround(opened, 'open').map(({ kind, id }) => `fence:${kind}:${id}`),
]

/** Who responded to an incident: the fences around what is in scope, and its containments. */
async function aroundIncident(db: Db, recorded: readonly Recorded[]): Promise<readonly string[]> {
  const planned = recorded.find(({ event }) => event.type === 'Planned')?.event
  if (planned?.type !== 'Planned' || planned.plan.about.kind !== 'incident') return []
  const { inScope, scopes } = planned.plan.about
  const { rows } = await db.query<{ stream: string }>(
    "select case_id as stream from cases where kind = 'contain' and scope_id = any($1)",
    [inScope],
  )
  return [
    ...scopes.map(({ kind, id }) => `fence:${kind}:${id}`),
    ...rows.map(({ stream }) => stream),
  ]
}

async function fenceNamed(db: Db, fenceId: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ stream: string }>(
    `select stream from entries
      where type = 'Fenced'
        and (convert_from(bytes, 'UTF8')::json -> 'body' -> 'fenceId')::text = to_json($1::text)::text`,
    [fenceId],
  )
  return rows.map(({ stream }) => stream)
}

export interface SideRow {
  readonly stream: string
  readonly seq: number
  readonly bytes: Uint8Array
}

/** Their rows up to the case's last entry, in the order of their streams; what is no entry keeps its place. */
export async function collectSides(
  db: Db,
  recorded: readonly Recorded[],
): Promise<readonly SideRow[]> {
  const streams = await sideStreamsOf(db, recorded)
  return entriesOf(db, { streams, until: recorded.at(-1)?.at ?? '' })
}

/** The rows of these streams up to a time, in the order of the streams; what is no entry keeps its place. */
export async function entriesOf(
  db: Db,
  of: { readonly streams: readonly string[]; readonly until: string },
): Promise<readonly SideRow[]> {
  const { streams, until } = of
  if (streams.length === 0) return []
  const { rows } = await db.query<{ stream: string; seq: number; bytes: Buffer }>(
    'select stream, seq, bytes from entries where stream = any($1) order by stream, seq',
    [streams],
  )
  const isLater = ({ bytes }: SideRow): boolean => {
    const stored = readEntry(bytes)
    return !isRefusal(stored) && stored.entry.at > until
  }
  return streams.flatMap((stream) => {
    const own = rows.filter((row) => row.stream === stream)
    const end = own.findIndex(isLater)
    return end < 0 ? own : own.slice(0, end)
  })
}

/** Documents that claims of the case handed in, as far as they have not been erased. */
export async function collectDocuments(
  db: Db,
  recorded: readonly Recorded[],
): Promise<ReadonlyMap<Digest, Uint8Array>> {
  const { rows } = await db.query<{ digest: Digest; bytes: Buffer }>(
    'select digest, bytes from documents_side where digest = any($1) order by digest',
    [documentsNamed(recorded)],
  )
  return new Map(rows.map(({ digest, bytes }) => [digest, new Uint8Array(bytes)]))
}

/** Reasons whose salted digest was signed, as far as they have not been erased. */
export async function collectReasons(db: Db, recorded: readonly Recorded[]): Promise<Reasons> {
  const digests = recorded.flatMap(({ event }) =>
    event.type === 'DecisionAdmitted' ? (reasonDigestOf(event) ?? []) : [],
  )
  const { rows } = await db.query<{ digest: Digest; salt: string; reason: string }>(
    'select digest, salt, reason from reasons_side where digest = any($1) order by digest',
    [digests],
  )
  return Object.fromEntries(
    rows
      .filter((row) => reasonDigest(row) === row.digest)
      .map(({ digest, salt, reason }) => [digest, { salt, reason }]),
  )
}

/** Commitments to names in the bundles, by person. UNTRUSTED until the bundles are verified. */
export const commitmentsOf = (bundles: Bundles): ReadonlySet<string> =>
  new Set(
    [...bundles.values()].flatMap((bundle) => {
      const envelope = bundle.sections.people
      const opened = openEnvelope({ envelope, kind: 'section', parse: parseAs(PeopleSection) })
      return isRefusal(opened) ? [] : opened.payload.persons.map(({ commitment }) => commitment)
    }),
  )

/** Names to which the authority is committed, as far as they have not been erased. */
export async function collectNames(
  db: Db,
  of: { readonly bundles: Bundles; readonly recorded: readonly Recorded[] },
): Promise<Names> {
  const commitments = commitmentsOf(of.bundles)
  const { rows } = await db.query<{ person_id: string; salt: string; name: string }>(
    'select person_id, salt, name from persons_side where person_id = any($1) order by person_id',
    [personsOf(of.recorded)],
  )
  return Object.fromEntries(
    rows
      .filter(({ person_id: personId, salt, name }) =>
        commitments.has(personCommitment({ personId, salt, name })),
      )
      .map(({ person_id, salt, name }) => [person_id, { salt, name }]),
  )
}

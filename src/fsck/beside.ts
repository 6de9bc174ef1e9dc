/**
 * What stands beside the cases: streams of fences, mandates and emergency uses, each signature in them judged again, and
 * each use and lifting behind a grant of the case that it names; the rows that help to find them; and what of the erasable
 * side store is left, which is what was committed to or it is nothing.
 */

import type { Authority } from '../domain/authority/authority.js'
import { personCommitment, reasonDigest } from '../domain/bytes/commitment.js'
import { digestOf } from '../domain/bytes/digest.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import { readMandate } from '../domain/rights/mandate.js'
import { Envelope } from '../domain/shapes/envelope.js'
import { parseAs } from '../domain/shapes/parse.js'
import { verifyEmergencies } from '../packet/verify/verify-emergencies.js'
import { verifyFences } from '../packet/verify/verify-fences.js'
import { verifyMandates } from '../packet/verify/verify-mandates.js'
import type { Believing, SideEntry } from '../packet/verify/verify-sides.js'
import { type Found, tampered } from '../store/case/inspect.js'
import type { Tx } from '../store/db.js'
import { foundIn } from './found.js'

export type Streams = ReadonlyMap<string, readonly SideEntry[]>

export interface Beside extends Believing {
  /** Those beside the cases, each whole. */
  readonly streams: Streams
  /** The case and step of each grant that an entry of a case gives. */
  readonly granted: ReadonlyMap<string, { readonly caseId: string; readonly stepId: string }>
}

export async function checkBeside(tx: Tx, of: Beside): Promise<readonly Found[]> {
  const sides = { entries: of.streams, problems: [] }
  const judged: readonly Refusal[] = [
    ...verifyFences(of, sides).problems,
    ...verifyMandates(of, sides).problems,
    ...verifyEmergencies(of, sides).problems,
  ]
  return [
    ...judged.map((problem) => foundIn('store', problem)),
    ...ungranted(of),
    ...(await wrongFences(tx, of.streams)),
    ...(await wrongMandates(tx, of.streams)),
  ]
}

const bodiesIn = (streams: Streams, kind: string) =>
  [...streams].flatMap(([stream, entries]) =>
    stream.startsWith(`${kind}:`)
      ? entries.map(({ stored: { entry } }) => ({ stream, seq: entry.seq, body: entry.body }))
      : [],
  )

/** Uses of mandates and liftings of fences of which no case has the grant. */
function ungranted({ streams, granted }: Beside): readonly Found[] {
  const rests = [...bodiesIn(streams, 'mandate'), ...bodiesIn(streams, 'fence')].filter(
    ({ body }) => body.type === 'MandateUsed' || body.type === 'FenceLifted',
  )
  return rests.flatMap(({ stream, seq, body }) => {
    const grant = granted.get(String(body.grantId))
    return grant !== undefined && grant.caseId === body.caseId
      ? []
      : [tampered(stream, `/${seq}`, 'the case that it names has no such grant')]
  })
}

/** The row that gates hold counts the fences that its stream has. */
async function wrongFences(tx: Tx, streams: Streams): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ stream: string; epoch: number }>(
    "select 'fence:' || kind || ':' || id as stream, epoch from fences",
  )
  const raised = new Map<string, number>()
  for (const { stream, body } of bodiesIn(streams, 'fence'))
    raised.set(stream, (raised.get(stream) ?? 0) + (body.type === 'Fenced' ? 1 : 0))
  const said = new Map(rows.map(({ stream, epoch }) => [stream, epoch]))
  return [...new Set([...raised.keys(), ...said.keys()])].flatMap((stream) =>
    said.has(stream) && said.get(stream) === (raised.get(stream) ?? 0)
      ? []
      : [tampered(stream, '/row', 'its row counts other fences than its entries')],
  )
}

/** Each mandate that was given is listed, until when it says itself, and no other is. */
async function wrongMandates(tx: Tx, streams: Streams): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ stream: string; not_after: string }>(
    "select 'mandate:' || mandate_id as stream, not_after from mandates",
  )
  const given = new Map<string, string | null>()
  for (const { stream, body } of bodiesIn(streams, 'mandate'))
    if (body.type === 'MandateGiven' && !given.has(stream))
      given.set(stream, untilOf(body.envelope))
  const said = new Map(rows.map((row) => [row.stream, row.not_after]))
  return [...new Set([...given.keys(), ...said.keys()])]
    .filter((stream) => given.get(stream) !== said.get(stream))
    .map((stream) => tampered(stream, '/row', 'it is listed otherwise than it was given'))
}

function untilOf(sent: unknown): string | null {
  const envelope = parseAs(Envelope)(sent)
  const mandate = isRefusal(envelope) ? envelope : readMandate(envelope)
  return isRefusal(mandate) ? null : mandate.notAfter
}

/** Rows that name no case of the store. */
export async function checkOrphans(tx: Tx, cases: ReadonlySet<string>): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ subject: string; place: string }>(
    `select case_id as subject, '/row' as place from cases
     union all select case_id, '/grants/' || grant_id from grants
     union all select case_id, '/outbox/' || id from outbox
     union all select coalesce(case_id, 'none'), '/requests/' || key from requests
     union all select case_id, '/page' from page_items
     order by 1, 2`,
  )
  return rows
    .filter(({ subject }) => !cases.has(subject))
    .map(({ subject, place }) => tampered(subject, place, 'there is no such case'))
}

/** Secrets sealed under a grant that no case gives. */
export async function checkSealed(tx: Tx, granted: Beside['granted']): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ grant_id: string }>('select distinct grant_id from sealed')
  return rows
    .filter(({ grant_id }) => !granted.has(grant_id))
    .map(({ grant_id }) => tampered('sealed', `/${grant_id}`, 'no case has such a grant'))
}

/** What may be erased: as long as it is there, it is what was committed to. */
export async function checkErasable(
  tx: Tx,
  authorities: readonly Authority[],
): Promise<readonly Found[]> {
  const { rows: reasons } = await tx.query<{ digest: string; salt: string; reason: string }>(
    'select digest, salt, reason from reasons_side',
  )
  const { rows: documents } = await tx.query<{ digest: string; bytes: Buffer }>(
    'select digest, bytes from documents_side',
  )
  const { rows: names } = await tx.query<{ person_id: string; salt: string; name: string }>(
    'select person_id, salt, name from persons_side',
  )
  const isKnown = ({ person_id: personId, salt, name }: (typeof names)[number]) =>
    authorities.some(
      ({ persons }) =>
        persons.get(personId)?.commitment === personCommitment({ personId, salt, name }),
    )
  return [
    ...reasons
      .filter((row) => reasonDigest(row) !== row.digest)
      .map(({ digest }) => tampered('reasons', `/${digest}`, 'not the reason of this digest')),
    ...documents
      .filter(({ digest, bytes }) => digestOf(new Uint8Array(bytes)) !== digest)
      .map(({ digest }) => tampered('documents', `/${digest}`, 'not the document of this digest')),
    ...names
      .filter((row) => !isKnown(row))
      .map(({ person_id }) =>
        tampered('persons', `/${person_id}`, 'a name to which no authority is committed'),
      ),
  ]
}

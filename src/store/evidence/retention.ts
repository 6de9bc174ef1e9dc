/**
 * Holds, and purging by policy: the texts, deliveries and secrets that are kept beside the entries of a closed case go once
 * its rules let them and no hold keeps them. Entries hold opaque ids and salted digests only and stay, so log, packets from
 * before and whatever rests on the case stay as they were. All of it is in the stream `ops`, whose lock puts holds and
 * purges in order.
 */
import type { Authority } from '../../domain/authority/authority.js'
import type { Digest } from '../../domain/bytes/digest.js'
import { documentsNamed } from '../../domain/plans/demand.js'
import { judgeHold, letGo, type Standing, standingHolds } from '../../domain/policy/retention.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Envelope, Hold } from '../../domain/shapes/envelope.js'
import { CaseEvent, type CaseOpened } from '../../domain/shapes/event.js'
import {
  CasesPurged,
  HoldPlaced,
  HoldReleased,
  MOST_PURGED,
  type PurgedCase,
} from '../../domain/shapes/ops-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { Pack } from '../../domain/shapes/policy.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { readEntry, type StoredEntry } from '../../ledger/entry.js'
import { type AuthoritySource, referenceTo } from '../authority/authority.js'
import { append, type End, lockEnd } from '../case/apply.js'
import { type Db, type Tx, transaction } from '../db.js'
import { reasonsIn } from './erasure.js'

const STREAM = 'ops'

const storedOf = (rows: readonly { readonly bytes: Buffer }[]): readonly StoredEntry[] =>
  rows.flatMap(({ bytes }) => {
    const stored = readEntry(new Uint8Array(bytes))
    return isRefusal(stored) ? [] : [stored]
  })

const HOLDS = ['HoldPlaced', 'HoldReleased']

/** What was placed and released, in order, each at its time. */
async function holdEvents(
  db: Db | Tx,
): Promise<readonly { readonly at: string; readonly event: HoldPlaced | HoldReleased }[]> {
  const { rows } = await db.query<{ bytes: Buffer }>(
    'select bytes from entries where stream = $1 and type = any($2) order by seq',
    [STREAM, HOLDS],
  )
  return storedOf(rows).flatMap(({ entry: { at, body } }) => {
    const placed = parseAs(HoldPlaced)(body)
    const event = isRefusal(placed) ? parseAs(HoldReleased)(body) : placed
    return isRefusal(event) ? [] : [{ at, event }]
  })
}

const standingIn = async (db: Db | Tx): Promise<readonly Standing[]> =>
  standingHolds((await holdEvents(db)).map(({ event }) => event))

/** The holds in force, each with when it was placed. */
export async function listHolds(
  db: Db,
): Promise<readonly (Standing & { readonly placedAt: string })[]> {
  const events = await holdEvents(db)
  const standing = standingHolds(events.map(({ event }) => event)).map(({ holdId }) => holdId)
  return events.flatMap(({ at, event }) =>
    event.type === 'HoldPlaced' && standing.includes(event.holdId)
      ? [{ holdId: event.holdId, scope: event.scope, placedAt: at }]
      : [],
  )
}

/** UNTRUSTED: the envelope. Afterwards an officer's hold stands, or is released; the same one again changes nothing. */
export const recordHold = (
  db: Db,
  by: {
    readonly envelope: Envelope
    readonly authority: AuthoritySource
    readonly verify: Verify
  },
): Promise<Hold | Refusal> =>
  transaction(db, async (tx) => {
    const { envelope, verify } = by
    const locked = await lockEnd(tx, STREAM)
    const { at } = locked
    const authority = await by.authority.current(tx, { at, lock: 'share' })
    if (isRefusal(authority)) return authority
    const hold = judgeHold({ envelope, authority, verify, at })
    if (isRefusal(hold)) return hold
    const { holdId, scope, act } = hold
    const events = (await holdEvents(tx)).map(({ event }) => event)
    const own = events.filter((event) => event.holdId === holdId)
    if (own.some((event) => event.envelope.payload === envelope.payload)) return hold
    const standing = standingHolds(own).find((one) => one.holdId === holdId)
    if (act === 'place' && own.length > 0) return refuse('REPLAYED', '/holdId')
    const isThis = standing?.scope.kind === scope.kind && standing.scope.id === scope.id
    if (act === 'release' && !isThis)
      return refuse('NOT_DUE', '/holdId', 'no hold of this id stands around this')
    const said = { holdId, envelope, authority: referenceTo(authority) }
    const body =
      act === 'place' ? { type: 'HoldPlaced', scope, ...said } : { type: 'HoldReleased', ...said }
    await append(tx, { locked, bodies: [body] })
    return hold
  })

export interface Purging {
  readonly authority: Authority
  readonly pack: { readonly pack: Pack; readonly hash: Digest }
  readonly by: string
  /** A rehearsal says what would go and changes nothing. */
  readonly mode: 'rehearsal' | 'purge'
}

export interface Purge {
  readonly cases: readonly PurgedCase[]
  /** Due by policy, but kept by a hold. */
  readonly held: readonly Refusal[]
  readonly removed: CasesPurged['removed']
}

const NOTHING = { reasons: 0, documents: 0, deliveries: 0, secrets: 0 } as const

/** At most a hundred cases at a time, those that closed first before the others. */
export const purge = (db: Db, asked: Purging): Promise<Purge> =>
  transaction(db, async (tx) => {
    const { authority, by } = asked
    const locked = await lockEnd(tx, STREAM)
    const found = await dueIn(tx, { ...asked, at: locked.at })
    if (asked.mode === 'rehearsal' || found.cases.length === 0)
      return { ...found, removed: NOTHING }
    const removed = await remove(tx, found.cases)
    const body: CasesPurged = {
      ...{ type: 'CasesPurged', cases: [...found.cases], pack: asked.pack.hash },
      ...{ removed, by, authority: referenceTo(authority) },
    }
    await append(tx, { locked, bodies: [body] })
    return { ...found, removed }
  })

async function dueIn(
  tx: Tx,
  { pack, at }: Purging & Pick<End, 'at'>,
): Promise<Omit<Purge, 'removed'>> {
  const holds = await standingIn(tx)
  const gone = await purgedCases(tx)
  const { rows } = await tx.query<{ caseId: string; opened: Buffer; closed: Buffer }>(
    `select c.case_id as "caseId", o.bytes as opened, e.bytes as closed
       from cases c join entries o on o.stream = c.case_id and o.seq = 1
                    join entries e on e.stream = c.case_id and e.type = 'CaseClosed'
      where c.phase = 'closed' order by right(c.case_id, 26)`,
    [],
  )
  const cases: PurgedCase[] = []
  const held: Refusal[] = []
  for (const row of rows) {
    const closing = readEntry(new Uint8Array(row.closed))
    const opened = openedIn(row.opened)
    if (gone.has(row.caseId) || opened === null || isRefusal(closing)) continue
    const closed = { at: closing.entry.at, hash: closing.hash }
    const one = letGo({ opened, closed, pack: pack.pack, holds, at })
    if (!isRefusal(one) && cases.length < MOST_PURGED) cases.push(one)
    else if (isRefusal(one) && one.refused === 'HELD') held.push(one)
  }
  return { cases, held }
}

function openedIn(bytes: Buffer): CaseOpened | null {
  const stored = readEntry(new Uint8Array(bytes))
  const event = isRefusal(stored) ? stored : parseAs(CaseEvent)(stored.entry.body)
  return isRefusal(event) || event.type !== 'CaseOpened' ? null : event
}

/** Every case that was purged, with the entry that says so. */
export async function purgedCases(
  db: Db | Tx,
): Promise<ReadonlyMap<string, PurgedCase & { readonly at: string }>> {
  const { rows } = await db.query<{ bytes: Buffer }>(
    `select bytes from entries where stream = $1 and type = 'CasesPurged' order by seq`,
    [STREAM],
  )
  return new Map(
    storedOf(rows).flatMap(({ entry: { at, body } }) => {
      const event = parseAs(CasesPurged)(body)
      return isRefusal(event) ? [] : event.cases.map((one) => [one.caseId, { ...one, at }] as const)
    }),
  )
}

/** Null for a case of which everything is still kept. */
export async function refusePurged(db: Db, caseId: string): Promise<Refusal | null> {
  const gone = (await purgedCases(db)).get(caseId)
  if (gone === undefined) return null
  const why = `at ${gone.at}, ${gone.keptMs / 86_400_000} days after it closed, by ${gone.rules.join(', ')}`
  return refuse('PURGED', '/caseId', `it was let go ${why}; packets from before still verify`)
}

/** What is kept beside the entries of these cases, by digest or grant. */
export async function keptBeside(tx: Tx, caseIds: readonly string[]) {
  const { rows } = await tx.query<{ bytes: Buffer }>(
    `select bytes from entries where stream = any($1) and type in ('DecisionAdmitted', 'ClaimRecorded')`,
    [caseIds],
  )
  const { rows: others } = await tx.query<{ bytes: Buffer }>(
    `select bytes from entries where type = 'ClaimRecorded' and stream <> all($1)`,
    [caseIds],
  )
  const claimed = documentsNamed(eventsIn(rows))
  // The same document may have been handed in for a case that is kept.
  const elsewhere = new Set(documentsNamed(eventsIn(others)))
  return { reasons: reasonsIn(rows), documents: claimed.filter((one) => !elsewhere.has(one)) }
}

const eventsIn = (rows: readonly { readonly bytes: Buffer }[]) =>
  storedOf(rows).flatMap(({ entry }) => {
    const event = parseAs(CaseEvent)(entry.body)
    return isRefusal(event) ? [] : [{ event }]
  })

async function remove(tx: Tx, cases: readonly PurgedCase[]): Promise<CasesPurged['removed']> {
  const caseIds = cases.map(({ caseId }) => caseId)
  const { reasons, documents } = await keptBeside(tx, caseIds)
  const counted = async (sql: string, values: readonly string[]): Promise<number> =>
    (await tx.query(sql, [values])).rowCount ?? 0
  const { rows } = await tx.query<{ secrets: number }>('select purge_secrets($1) as secrets', [
    caseIds,
  ])
  return {
    reasons: await counted('delete from reasons_side where digest = any($1)', reasons),
    documents: await counted('delete from documents_side where digest = any($1)', documents),
    deliveries: await counted(
      'delete from sealed s using grants g where g.grant_id = s.grant_id and g.case_id = any($1)',
      caseIds,
    ),
    secrets: rows[0]?.secrets ?? 0,
  }
}

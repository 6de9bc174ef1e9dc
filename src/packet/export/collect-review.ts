/**
 * What the review of a partner is drawn from: the cases of the partner in the period, every case about an identity
 * that its contracts cover since the last look, the review before, and what all of them rest on. As of one size of
 * the log the answer is always the same, whenever it is asked.
 */
import type { Recorded } from '../../domain/case/case.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { TargetKind } from '../../domain/shapes/basic.js'
import type { ReviewTerms } from '../../domain/shapes/review.js'
import { readEntry } from '../../ledger/entry.js'
import { readRecorded } from '../told.js'
import type { SideEntry } from '../verify/verify-sides.js'
import { collectSides, type Db, entriesOf, sideStreamsOf } from './collect.js'

export interface ReviewScope extends ReviewTerms {
  /** The review itself. */
  readonly caseId: string
  readonly partnerId: string
  /** Whose looks are compared. */
  readonly identities: readonly string[]
  readonly logSize: number
}

/** The scope of a review that was planned; null for every other case. */
export function reviewIn(caseId: string, recorded: readonly Recorded[]): ReviewScope | null {
  const planned = recorded.find(({ event }) => event.type === 'Planned')?.event
  if (planned?.type !== 'Planned' || planned.plan.about.kind !== 'partner-review') return null
  const { from, until, logSize } = planned.plan.about
  const identities = recorded.flatMap(({ event }) =>
    event.type === 'TargetSeen' && event.identityId !== null ? [event.identityId] : [],
  )
  return { caseId, partnerId: planned.plan.scope.id, from, until, logSize, identities }
}

const AT = (entry: string) => `convert_from(${entry}.bytes, 'UTF8')::jsonb ->> 'at'`
const BELOW = 'join leaves l on l.hash = e.hash and l.index < $1'

/** Cases of the partner with something in the period. */
async function actedIn(db: Db, of: ReviewScope): Promise<readonly string[]> {
  const { rows } = await db.query<{ stream: string }>(
    `select c.case_id as stream from cases c join entries o on o.stream = c.case_id and o.seq = 1
      where (c.company_id = $2
             or convert_from(o.bytes, 'UTF8')::jsonb #>> '{body,requester,companyId}' = $2)
        and exists (select 1 from entries e ${BELOW} where e.stream = c.case_id
                      and ${AT('e')} >= $3 and ${AT('e')} < $4)`,
    [of.logSize, of.partnerId, of.from, of.until],
  )
  return rows.map(({ stream }) => stream)
}

/** The newest review of the partner that was signed, and when it opened. */
async function previousOf(
  db: Db,
  of: ReviewScope,
): Promise<{ readonly stream: string; readonly at: string } | null> {
  const { rows } = await db.query<{ stream: string; at: string }>(
    `select c.case_id as stream, ${AT('o')} as at
       from cases c join entries o on o.stream = c.case_id and o.seq = 1
       join entries e on e.stream = c.case_id and e.type = 'CaseClosed' ${BELOW}
      where c.kind = 'partner-review' and c.scope_id = $2 and c.outcome = 'completed' and c.case_id <> $3
      order by right(c.case_id, 26) desc limit 1`,
    [of.logSize, of.partnerId, of.caseId],
  )
  return rows[0] ?? null
}

/** Cases on the targets about these identities since then, and the last one before that saw each of them. */
async function onTargets(
  db: Db,
  of: ReviewScope & { readonly since: string },
): Promise<readonly string[]> {
  const { rows } = await db.query<{ stream: string }>(
    `select c.case_id as stream from cases c
      where c.kind = any($2) and c.scope_id = any($3)
        and exists (select 1 from entries e ${BELOW} where e.stream = c.case_id and ${AT('e')} >= $4)
     union
     select stream from (
       select distinct on (c.scope_id) c.case_id as stream
         from cases c join entries e on e.stream = c.case_id and e.type = 'GateOpened' ${BELOW}
        where c.kind = any($2) and c.scope_id = any($3) and ${AT('e')} < $4
        order by c.scope_id, l.index desc) before`,
    [of.logSize, TargetKind.options, of.identities, of.since],
  )
  return rows.map(({ stream }) => stream)
}

/** Every stream that the review is drawn from, in order. */
export async function reviewStreams(db: Db, of: ReviewScope): Promise<readonly string[] | Refusal> {
  const acted = await actedIn(db, of)
  const previous = await previousOf(db, of)
  const targets = await onTargets(db, { ...of, since: previous?.at ?? of.from })
  const streams = new Set([...acted, ...targets, ...(previous === null ? [] : [previous.stream])])
  const placed = await placedEntries(db, { streams: acted, logSize: of.logSize })
  for (const entries of placed.values()) {
    const recorded = recordedOf(entries)
    if (isRefusal(recorded)) return recorded
    for (const stream of await sideStreamsOf(db, recorded)) streams.add(stream)
  }
  streams.delete(of.caseId)
  return [...streams].sort()
}

/** The entries of these streams below this index of the log. */
export async function placedEntries(
  db: Db,
  of: { readonly streams: readonly string[]; readonly logSize: number },
): Promise<ReadonlyMap<string, readonly SideEntry[]>> {
  const { rows } = await db.query<{ stream: string; bytes: Buffer; index: string }>(
    `select e.stream, e.bytes, l.index from entries e ${BELOW}
      where e.stream = any($2) order by e.stream, e.seq`,
    [of.logSize, of.streams],
  )
  const placed = new Map<string, SideEntry[]>()
  for (const { stream, bytes, index } of rows) {
    const stored = readEntry(new Uint8Array(bytes))
    // What is no entry keeps its place and says nothing.
    if (isRefusal(stored)) continue
    placed.set(stream, [...(placed.get(stream) ?? []), { stored, index: Number(index) }])
  }
  return placed
}

/** UNTRUSTED: entries of one case. Afterwards each is a strict case event. */
export function recordedOf(entries: readonly SideEntry[]): readonly Recorded[] | Refusal {
  const recorded: Recorded[] = []
  for (const { stored } of entries) {
    const one = readRecorded(stored)
    if (isRefusal(one)) return one
    recorded.push(one)
  }
  return recorded
}

/** The side streams of any case, with those that a review is drawn from, up to the case's last entry. */
export async function collectAllSides(
  db: Db,
  of: { readonly caseId: string; readonly recorded: readonly Recorded[] },
): ReturnType<typeof collectSides> {
  const review = reviewIn(of.caseId, of.recorded)
  if (review === null) return collectSides(db, of.recorded)
  const streams = await reviewStreams(db, review)
  if (isRefusal(streams)) return []
  const own = await sideStreamsOf(db, of.recorded)
  const all = [...new Set([...streams, ...own])].sort()
  return entriesOf(db, { streams: all, until: of.recorded.at(-1)?.at ?? '' })
}

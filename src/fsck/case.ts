/**
 * One case of the store: judged again as a packet of it would be, its list row compared with the fold of its entries,
 * and what other tables hold of it (grants, sealed secrets, signals, fence rows, pages) compared with what the entries say.
 */

import { canonical, type Digest, digest } from '../domain/bytes/digest.js'
import type { Recorded } from '../domain/case/case.js'
import { fold } from '../domain/case/evolve.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import { fencesAround } from '../domain/rights/fence.js'
import type { CaseEvent, CaseOpened } from '../domain/shapes/event.js'
import { entryHash, readEntry } from '../ledger/entry.js'
import { believe } from '../packet/bundles.js'
import {
  collectBundles,
  collectDocuments,
  collectPacks,
  type SideRow,
} from '../packet/export/collect.js'
import { collectAllSides } from '../packet/export/collect-review.js'
import { successorRows } from '../packet/export/export-successors.js'
import { documentFile } from '../packet/files.js'
import { readRecorded } from '../packet/told.js'
import { judgeAgain } from '../packet/verify/judge-again.js'
import { verifyOnce } from '../packet/verify/verify-once.js'
import type { SideEntry } from '../packet/verify/verify-sides.js'
import { standingOf } from '../store/case/apply.js'
import { type Found, tampered } from '../store/case/inspect.js'
import { rowOf } from '../store/case/open-case.js'
import type { Tx } from '../store/db.js'
import { purgedCases } from '../store/evidence/retention.js'
import { type By, foundIn } from './found.js'
import { PLACE } from './streams.js'

export interface CaseChecked {
  readonly events: readonly Recorded[]
  readonly found: readonly Found[]
}

/** `entries` are the whole stream of the case, checked as such. */
export async function checkCase(
  tx: Tx,
  asked: By & { readonly caseId: string; readonly entries: readonly SideEntry[] },
): Promise<CaseChecked> {
  const { caseId, entries } = asked
  const events: Recorded[] = []
  for (const { stored } of entries) {
    const one = readRecorded(stored)
    if (isRefusal(one))
      return { events: [], found: [tampered(caseId, `/${stored.entry.seq}`, 'no event of a case')] }
    events.push(one)
  }
  const [first] = events
  if (first?.event.type !== 'CaseOpened')
    return { events, found: [tampered(caseId, '/1', 'a case begins with its opening')] }
  const of = { caseId, events, opened: first.event }
  return {
    events,
    found: [
      ...(await judged(tx, { ...asked, events })),
      ...(await wrongRow(tx, of)),
      ...(await wrongGrants(tx, of)),
      ...(await wrongSealed(tx, of)),
      ...(await wrongSignals(tx, of)),
      ...(await wrongRequests(tx, of)),
      ...(await wrongPages(tx, of)),
      ...(await fencesMissing(tx, of)),
    ],
  }
}

/** A case that makes the judge fail is a finding of that case and hides no other. */
async function judged(
  tx: Tx,
  of: By & {
    readonly caseId: string
    readonly entries: readonly SideEntry[]
    readonly events: readonly Recorded[]
  },
): Promise<readonly Found[]> {
  const { caseId, events, trust } = of
  const collected = await collectAllSides(tx, { caseId, recorded: events })
  const beside = [...collected, ...(await successorRows(tx))]
  const sides = { entries: await placed(tx, beside), problems: [] }
  const bundles = await collectBundles(tx, { recorded: events, sides: collected })
  const packs = await collectPacks(tx, { bundles, recorded: events })
  const documents = await collectDocuments(tx, events)
  const files = new Map([...documents].map(([named, bytes]) => [documentFile(named), bytes]))
  const verify = verifyOnce(of.verify)
  const believed = believe({ bundles, packs, trust, verify })
  const indexes = of.entries.map(({ index }) => index)
  try {
    const problems = judgeAgain({
      ...{ caseId, recorded: events, indexes, sides, files, believed, verify },
    })
    return problems.map((problem) => foundIn(caseId, problem))
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no reason'
    return [foundIn(caseId, refuse('JUDGEMENT_DIFFERS', '', `it cannot be judged: ${why}`))]
  }
}

/** Streams beside the case, each entry with where the log has it. */
async function placed(
  tx: Tx,
  rows: readonly SideRow[],
): Promise<ReadonlyMap<string, readonly SideEntry[]>> {
  const hashes = rows.map(({ bytes }) => entryHash(new Uint8Array(bytes)))
  const { rows: places } = await tx.query<{ hash: Digest; place: string }>(
    `select h.hash, ${PLACE} as place from unnest($1::text[]) h (hash)
       left join leaves l on l.hash = h.hash left join unsequenced u on u.hash = h.hash`,
    [hashes],
  )
  const known = new Map(places.map(({ hash, place }) => [hash, Number(place)]))
  const sides = new Map<string, SideEntry[]>()
  for (const { stream, bytes } of rows) {
    const stored = readEntry(new Uint8Array(bytes))
    const own = sides.get(stream) ?? []
    sides.set(stream, own)
    if (!isRefusal(stored)) own.push({ stored, index: known.get(stored.hash) ?? -1 })
  }
  return sides
}

interface Of {
  readonly caseId: string
  readonly events: readonly Recorded[]
  readonly opened: CaseOpened
}

/** Column by column, the row is what the opening and the fold of the entries make of it. */
async function wrongRow(tx: Tx, { caseId, events, opened }: Of): Promise<readonly Found[]> {
  const { rows } = await tx.query<Record<string, unknown>>(
    'select * from cases where case_id = $1',
    [caseId],
  )
  const [row] = rows
  if (row === undefined) return [tampered(caseId, '/row', 'the case is in no list')]
  const state = fold(caseId, events)
  const standing = standingOf({ state, at: events.at(-1)?.at ?? '' })
  const expected: Record<string, unknown> = { ...rowOf(opened), ...standing }
  return Object.entries(expected).flatMap(([column, value]) =>
    canonical(value) === canonical(row[column])
      ? []
      : [tampered(caseId, `/row/${column}`, 'the row says something else than the entries')],
  )
}

const eventsOf = <Type extends CaseEvent['type']>(events: readonly Recorded[], type: Type) =>
  events.flatMap(({ seq, event }) =>
    event.type === type ? [{ seq, event: event as Extract<CaseEvent, { type: Type }> }] : [],
  )

/** A row of each grant, and none besides. */
async function wrongGrants(tx: Tx, { caseId, events }: Of): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ grant_id: string }>(
    `select grant_id, fencing_token::int, step_id, plan_hash, round from grants where case_id = $1`,
    [caseId],
  )
  const stored = new Map(rows.map((row) => [row.grant_id, row]))
  const found = eventsOf(events, 'Granted').flatMap(({ seq, event }) => {
    const { grantId, fencingToken, stepId, planHash, round } = event
    const row = stored.get(grantId)
    stored.delete(grantId)
    const said = {
      ...{ grant_id: grantId, fencing_token: fencingToken },
      ...{ step_id: stepId, plan_hash: planHash, round },
    }
    if (row === undefined)
      return [tampered(caseId, `/${seq}`, `the row of grant ${grantId} is gone`)]
    return canonical(row) === canonical(said)
      ? []
      : [tampered(caseId, `/${seq}`, `the row of grant ${grantId} says something else`)]
  })
  const orphans = [...stored.keys()].map((grantId) =>
    tampered(caseId, `/grants/${grantId}`, 'no entry of the case grants it'),
  )
  return [...found, ...orphans]
}

/** What was sealed for a consumer is what the offer of the task says, unless policy let it go. */
async function wrongSealed(tx: Tx, { caseId, events }: Of): Promise<readonly Found[]> {
  const offered = eventsOf(events, 'TaskOffered')
  if (offered.length === 0) return []
  const { rows } = await tx.query<{ grant_id: string; consumer_id: string; jwe: string }>(
    'select grant_id, consumer_id, jwe from sealed where grant_id = any($1)',
    [offered.map(({ event }) => event.grantId)],
  )
  const found = offered.flatMap(({ seq, event }) => {
    const own = rows.filter((row) => row.grant_id === event.grantId)
    const sealed = Object.fromEntries(own.map((row) => [row.consumer_id, digest(row.jwe)]))
    return canonical(sealed) === canonical(event.sealed)
      ? []
      : [tampered(caseId, `/${seq}`, 'what was sealed for its consumers is gone or altered')]
  })
  const excused = found.length > 0 && rows.length === 0 && (await purgedCases(tx)).has(caseId)
  return excused ? [] : found
}

/** A signal that waits tells nothing that the case does not hold. */
async function wrongSignals(tx: Tx, { caseId, events }: Of): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ id: string; signal: string; payload: Record<string, unknown> }>(
    'select id, signal, payload from outbox where case_id = $1 order by id',
    [caseId],
  )
  if (rows.length === 0) return []
  const admitted = eventsOf(events, 'DecisionAdmitted').map(({ event }) =>
    canonical(event.envelope),
  )
  const held = new Set(events.map((one) => canonical(one)))
  return rows.flatMap(({ id, signal, payload }) => {
    const { envelope, news = [], ...rest } = payload
    const decides = signal === 'decide'
    const good =
      Object.keys(rest).length === 0 &&
      (decides
        ? envelope !== undefined && admitted.includes(canonical(envelope))
        : envelope === undefined) &&
      Array.isArray(news) &&
      news.every((one) => held.has(canonical(one)))
    return good ? [] : [tampered(caseId, `/outbox/${id}`, 'it tells what the case does not hold')]
  })
}

/** What was asked under an idempotency key is what the case was opened as. */
async function wrongRequests(tx: Tx, { caseId, opened }: Of): Promise<readonly Found[]> {
  const { rows } = await tx.query<{ key: string; digest: string }>(
    'select key, digest from requests where case_id = $1',
    [caseId],
  )
  const { changeReference, ...requester } = opened.requester
  const { asked, scope, change } = opened
  const request = digest({ asked, scope, change, requester, changeReference })
  return rows
    .filter((row) => row.digest !== request)
    .map(({ key }) =>
      tampered(caseId, `/requests/${key}`, 'the case was opened as another request'),
    )
}

/** The items of a page of a campaign are listed as the page has them, and nowhere else. */
async function wrongPages(tx: Tx, { caseId, opened }: Of): Promise<readonly Found[]> {
  const { rows } = await tx.query<Record<string, unknown>>(
    `select identity_id, owner_id, campaign_id, page from page_items where case_id = $1
      order by identity_id`,
    [caseId],
  )
  const { asked } = opened
  const items =
    asked.kind === 'recertify'
      ? [...asked.identities].sort().map((id) => ({
          ...{ identity_id: id, owner_id: asked.ownerId },
          ...{ campaign_id: asked.campaignId, page: asked.page },
        }))
      : []
  return canonical(items) === canonical(rows)
    ? []
    : [tampered(caseId, '/page', 'the items of the page are listed otherwise')]
}

/** Every fence that a gate of the case holds has a row to hold. */
async function fencesMissing(tx: Tx, { caseId, opened }: Of): Promise<readonly Found[]> {
  const scopes = fencesAround(opened, 'open')
  const { rows } = await tx.query<{ kind: string; id: string }>(
    'select kind, id from fences where (kind, id) in (select * from unnest($1::text[], $2::text[]))',
    [scopes.map(({ kind }) => kind), scopes.map(({ id }) => id)],
  )
  return scopes
    .filter(({ kind, id }) => !rows.some((row) => row.kind === kind && row.id === id))
    .map(({ kind, id }) =>
      tampered(caseId, `/fences/${kind}/${id}`, 'the row that gates hold is gone'),
    )
}

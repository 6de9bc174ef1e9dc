/**
 * Who is involved in a case, read under locks: in an incident whoever raised a fence around it or signed a containment,
 * in an emergency whoever asked for it or approved it. What is read here is held until the transaction ends, so that a fence is either seen or stands later in the log.
 */

import {
  type Containing,
  containingOf,
  type Responding,
  respondersOf,
} from '../../domain/admission/incident.js'
import type { Authority } from '../../domain/authority/authority.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { FenceScope } from '../../domain/shapes/envelope.js'
import { CaseEvent } from '../../domain/shapes/event.js'
import { FenceEvent } from '../../domain/shapes/fence-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { readEntry, type StoredEntry } from '../../ledger/entry.js'
import type { Tx } from '../db.js'
import type { Memory } from '../log/memory.js'
import { type HeldInvolved, type HoldingUses, holdUses } from '../streams/emergency-uses.js'
import { type Believing, ensureFences, isBelieved } from '../streams/fences.js'
import { readSides } from '../streams/side-streams.js'

const nobody: HeldInvolved = { involved: [], uses: [], recordUse: () => Promise.resolve() }

/** Nobody and nothing in most kinds of case. Only the connector's role may hold the rows. */
export async function holdInvolved(
  tx: Tx,
  input: HoldingUses & { readonly caseId: string },
): Promise<HeldInvolved | Refusal> {
  const { caseId } = input
  if (caseId.startsWith('break-glass:')) return holdUses(tx, input)
  if (!caseId.startsWith('incident:')) return nobody
  const involved = await holdResponders(tx, input)
  return isRefusal(involved) ? involved : { ...nobody, involved }
}

/** Nobody before an incident is planned. */
async function holdResponders(
  tx: Tx,
  input: Believing & { readonly caseId: string; readonly memory: Memory },
): Promise<readonly string[] | Refusal> {
  const planned = await plannedOf(tx, input.caseId)
  if (planned === null || isRefusal(planned)) return planned ?? []
  const { about } = planned.plan
  if (about.kind !== 'incident') return []
  const { inScope, scopes } = about
  const today = await input.authority.today(tx)
  if (isRefusal(today)) return today
  const { authority } = today
  const fences = await holdRaised(tx, { ...input, scopes, authority })
  if (isRefusal(fences)) return fences
  const containments = await holdContainments(tx, inScope)
  if (isRefusal(containments)) return containments
  const { openedAt } = planned
  return respondersOf({ fences, containments, inScope, openedAt, authority })
}

async function plannedOf(tx: Tx, caseId: string) {
  const entries = await readEntries(tx, { streams: [caseId], parse: parseAs(CaseEvent) })
  if (isRefusal(entries)) return entries
  const planned = entries.find(({ event }) => event.type === 'Planned')?.event
  const openedAt = entries[0]?.at ?? ''
  return planned?.type === 'Planned' ? { plan: planned.plan, openedAt } : null
}

/**
 * Every fence of these scopes as its entry states it, with its liftings that a connector signed. Who signed it is
 * judged where it is raised and by the verifier; what somebody else adds here can only keep people out.
 */
async function holdRaised(
  tx: Tx,
  input: Pick<Believing, 'verify'> & {
    readonly memory: Memory
    readonly scopes: readonly FenceScope[]
    readonly authority: Authority
  },
): Promise<readonly Responding[] | Refusal> {
  const { scopes } = input
  await ensureFences(tx, scopes)
  await tx.query(
    `select 1 from fences where (kind, id) in (select * from unnest($1::text[], $2::text[]))
      order by kind, id for share`,
    [scopes.map(({ kind }) => kind), scopes.map(({ id }) => id)],
  )
  const streams = scopes.map(({ kind, id }) => `fence:${kind}:${id}`)
  const sides = await readSides(tx, { streams, memory: input.memory })
  if (isRefusal(sides)) return sides
  const entries = [...sides.values()].flatMap((side) => side.entries.flatMap(fenceEventIn))
  const believes = isBelieved(input)
  return entries.flatMap(({ event: fence }) =>
    fence.type === 'FenceLifted'
      ? []
      : {
          fence,
          lifted: entries.flatMap(({ at, event }) =>
            event.type === 'FenceLifted' && event.fenceId === fence.fenceId && believes(event)
              ? [{ identityId: event.identityId, at }]
              : [],
          ),
        },
  )
}

const fenceEventIn = ({ entry }: StoredEntry) => {
  const event = parseAs(FenceEvent)(entry.body)
  return isRefusal(event) ? [] : [{ at: entry.at, event }]
}

/** The containments of these identities, whose streams are held too. */
async function holdContainments(
  tx: Tx,
  inScope: readonly string[],
): Promise<readonly Containing[] | Refusal> {
  const { rows } = await tx.query<{ stream: string }>(
    `select stream from streams where stream in (
        select case_id from cases where kind = 'contain' and scope_id = any($1))
      order by stream for share`,
    [inScope],
  )
  const streams = rows.map(({ stream }) => stream)
  const entries = await readEntries(tx, { streams, parse: parseAs(CaseEvent) })
  if (isRefusal(entries)) return entries
  return streams.flatMap(
    (stream) =>
      containingOf(entries.filter((item) => item.stream === stream).map(({ event }) => event)) ??
      [],
  )
}

async function readEntries<Event>(
  tx: Tx,
  from: {
    readonly streams: readonly string[]
    readonly parse: (body: unknown) => Event | Refusal
  },
) {
  const { rows } = await tx.query<{ stream: string; bytes: Buffer }>(
    'select stream, bytes from entries where stream = any($1) order by stream, seq',
    [from.streams],
  )
  const read: { readonly stream: string; readonly at: string; readonly event: Event }[] = []
  for (const { stream, bytes } of rows) {
    const stored = readEntry(bytes)
    if (isRefusal(stored)) return refuse('EVIDENCE_TAMPERED', `/${stream}`)
    const event = from.parse(stored.entry.body)
    if (isRefusal(event)) return refuse('EVIDENCE_TAMPERED', `/${stream}`)
    read.push({ stream, at: stored.entry.at, event })
  }
  return read
}

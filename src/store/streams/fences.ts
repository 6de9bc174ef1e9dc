/**
 * Fences: the kill switch. A row per scope exists so that the gate can hold it; the truth is the
 * fence's own entries. Raising one takes the row exclusively, so it is acknowledged only when no gate
 * that could still pass is open. It needs neither Temporal nor the signer.
 */

import type { Authority } from '../../domain/authority/authority.js'
import { judgedUnder } from '../../domain/authority/grace.js'
import { isAttestedBy } from '../../domain/case/attestation.js'
import { fence as fenceCase } from '../../domain/decide/ending.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import {
  cuts,
  fencesAround,
  judgeFence,
  type Standing,
  standingIn,
} from '../../domain/rights/fence.js'
import type { Envelope, Fence, FenceScope } from '../../domain/shapes/envelope.js'
import type { CaseOpened } from '../../domain/shapes/event.js'
import { FenceEvent, type FenceLifted } from '../../domain/shapes/fence-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { readEntry, type StoredEntry } from '../../ledger/entry.js'
import type { AuthoritySource } from '../authority/authority.js'
import { append, applyIn, openedOf } from '../case/apply.js'
import { type Db, now, prepared, type Tx, transaction } from '../db.js'
import type { Memory } from '../log/memory.js'
import { lockSide, readSides, type Side } from './side-streams.js'

export interface HeldFences {
  readonly raised: Standing | null
}

const streamOf = (scope: FenceScope): string => `fence:${scope.kind}:${scope.id}`

/** Makes the rows that a gate of this case will hold. */
export async function ensureFences(tx: Tx, scopes: readonly FenceScope[]): Promise<void> {
  if (scopes.length === 0) return
  await tx.query(
    'insert into fences (kind, id) select * from unnest($1::text[], $2::text[]) on conflict do nothing',
    [scopes.map((scope) => scope.kind), scopes.map((scope) => scope.id)],
  )
}

/** Whose liftings are believed: what a connector that the root of this process names has signed. */
export interface Believing {
  readonly authority: AuthoritySource
  readonly verify: Verify
}

/** The case whose fences are asked for, as its opening says, and how far their streams were seen before. */
export interface Around extends Believing {
  readonly opened: CaseOpened | null
  /** The step that they may stop; null: whichever. */
  readonly stepId: string | null
  readonly memory: Memory | null
}

/**
 * Holds the case's fences for the transaction. A missing row, or a fence that was not lifted for this identity,
 * stops: clearing a row does not lift what its entries say, and deleting a row or an entry is not lifting either.
 */
export const holdFences = (
  tx: Tx,
  input: Around & { readonly memory: Memory },
): Promise<HeldFences | Refusal> => readFences(tx, { ...input, hold: 'yes' })

/** Only the connector's role may hold the rows; whoever reads them without decides nothing that a fence must stop. */
async function readFences(
  tx: Tx,
  input: Around & { readonly hold: 'yes' | 'no' },
): Promise<HeldFences | Refusal> {
  const { opened } = input
  const scopes = opened === null ? [] : fencesAround(opened, input.stepId)
  if (opened === null || scopes.length === 0) return { raised: null }
  // One order for everybody who holds several rows.
  const [held, streams] = await Promise.all([
    tx.query<{ kind: string; id: string; epoch: number }>(
      prepared(
        `select kind, id, epoch from fences
          where (kind, id) in (select * from unnest($1::text[], $2::text[]))
          order by kind, id ${input.hold === 'yes' ? 'for share' : ''}`,
        [scopes.map(({ kind }) => kind), scopes.map(({ id }) => id)],
      ),
    ),
    readSides(tx, { streams: scopes.map(streamOf), memory: input.memory }),
  ])
  if (isRefusal(streams)) return streams
  const standingOf = standingFor(tx, { ...input, identityId: opened.scope.id })
  for (const scope of scopes) {
    const side = streams.get(streamOf(scope))
    const row = held.rows.find(({ kind, id }) => kind === scope.kind && id === scope.id)
    const raised = side?.types.filter((type) => type === 'Fenced') ?? []
    if (row?.epoch !== raised.length) return { raised: { scope, fenceId: NO_FENCE, speed: 'stop' } }
    const standing = await standingOf(scope, eventsOf(side))
    if (isRefusal(standing)) return standing
    const [first] = standing
    if (first !== undefined) return { raised: first }
  }
  return { raised: null }
}

/** Named where the row says that there is a fence, and no entry does. */
const NO_FENCE = '0'.repeat(26)

/** What is no event of a fence was written past every door, and bears on nothing. */
const eventsOf = (side: Side | undefined): readonly FenceEvent[] =>
  (side?.entries ?? []).flatMap(({ entry }) => {
    const event = parseAs(FenceEvent)(entry.body)
    return isRefusal(event) ? [] : [event]
  })

/** Tests whether a connector that the root of this process names signed this lifting. */
export const isBelieved =
  (by: { readonly authority: Authority; readonly verify: Verify }) =>
  (event: FenceLifted): boolean =>
    isAttestedBy({ ...by, caseId: event.caseId, event })

/** Who lifted a fence is known under a bundle that ran out too: what is read here lets nobody do anything. */
const READING = { lock: 'none', purpose: 'taking-away' } as const

/** What stands for the identity in one stream after another; the authority is read once, where there is a fence at all. */
function standingFor(tx: Tx, of: Believing & { readonly identityId: string }) {
  const { identityId, verify } = of
  let believed: Authority | null = null
  return async (
    scope: FenceScope,
    events: readonly FenceEvent[],
  ): Promise<readonly Standing[] | Refusal> => {
    if (events.length === 0) return []
    const authority =
      believed ?? (await of.authority.current(tx, { at: await now(tx), ...READING }))
    if (isRefusal(authority)) return authority
    believed = authority
    const believes = isBelieved({ authority, verify })
    return standingIn({ scope, events, identityId, believes })
  }
}

/** Every fence of these scopes that stands for the identity. */
export async function standingAround(
  tx: Tx,
  input: Believing & { readonly scopes: readonly FenceScope[]; readonly identityId: string },
): Promise<readonly Standing[] | Refusal> {
  const streams = await readSides(tx, { streams: input.scopes.map(streamOf), memory: null })
  if (isRefusal(streams)) return streams
  const standingOf = standingFor(tx, input)
  const all: Standing[] = []
  for (const scope of input.scopes) {
    const standing = await standingOf(scope, eventsOf(streams.get(streamOf(scope))))
    if (isRefusal(standing)) return standing
    all.push(...standing)
  }
  return all
}

/** Afterwards a fence of this id, whose signature is judged again, cuts this identity. */
export async function isCut(
  tx: Tx,
  of: {
    readonly fenceId: string
    readonly identityId: string
    readonly authority: Authority
    readonly verify: Verify
  },
): Promise<boolean> {
  const { fenceId, identityId, authority, verify } = of
  const { rows } = await tx.query<{ bytes: Buffer }>(
    `select bytes from entries
      where type = 'Fenced'
        and (convert_from(bytes, 'UTF8')::json -> 'body' -> 'fenceId')::text = to_json($1::text)::text`,
    [fenceId],
  )
  return rows.some(({ bytes }) => {
    const stored = readEntry(bytes)
    const event = isRefusal(stored) ? stored : parseAs(FenceEvent)(stored.entry.body)
    if (isRefusal(stored) || isRefusal(event) || event.type !== 'Fenced') return false
    const { envelope } = event
    const fence = judgeFence({ envelope, authority, verify, at: stored.entry.at })
    if (isRefusal(fence) || fence.fenceId !== fenceId) return false
    return cuts(fence, { authority, identityId })
  })
}

/** Lifts a fence for one identity, once. Only the connector's role may write it, and only its signature makes it count. */
export async function liftFence(
  db: Db,
  input: { readonly scope: FenceScope; readonly lifted: FenceLifted },
): Promise<'lifted' | 'already' | Refusal> {
  const { scope, lifted } = input
  return transaction(db, async (tx) => {
    const locked = await lockSide(tx, { stream: streamOf(scope), make: false, memory: null })
    if (isRefusal(locked)) return locked
    const isOf = (type: string) => locked.entries.filter(({ entry }) => entry.body.type === type)
    if (!isOf('Fenced').some(({ entry }) => entry.body.fenceId === lifted.fenceId))
      return refuse('ENTRY_MISSING', '/fenceId', 'no such fence was raised')
    const known = isOf('FenceLifted').some(
      ({ entry }) => entry.body.fenceId === lifted.fenceId && entry.body.grantId === lifted.grantId,
    )
    if (known) return 'already'
    await append(tx, { locked, bodies: [lifted] })
    return 'lifted'
  })
}

export interface RaiseFence extends Believing {
  readonly envelope: Envelope
}

/**
 * UNTRUSTED: the envelope. Afterwards an owner or duty person signed it, and no older grant in its scope can be consumed.
 * A bundle that ran out within its grace says who they are.
 */
export async function raiseFence(db: Db, input: RaiseFence): Promise<Fence | Refusal> {
  const today = await input.authority.today(db, 'taking-away')
  if (isRefusal(today)) return today
  const { authority, at } = today
  const fence = judgeFence({ ...input, authority, at })
  if (isRefusal(fence)) return fence
  const { envelope } = input
  const raised = await transaction(db, (tx) => raiseIn(tx, { fence, envelope, authority }))
  if (isRefusal(raised)) return raised
  await tellCases(db, fence.scope)
  return fence
}

async function raiseIn(
  tx: Tx,
  input: { fence: Fence; envelope: Envelope; authority: Authority },
): Promise<Refusal | null> {
  const { type: _, ...fence } = input.fence
  const { kind, id } = fence.scope
  await ensureFences(tx, [fence.scope])
  // Waits for every gate that holds the row. The same fence again changes nothing: rows and entries count the same.
  await tx.query('select 1 from fences where kind = $1 and id = $2 for update', [kind, id])
  const locked = await lockSide(tx, { stream: streamOf(fence.scope), make: true, memory: null })
  if (isRefusal(locked)) return locked
  const { fenceId } = fence
  const isKnown = ({ entry }: StoredEntry) =>
    entry.body.type === 'Fenced' && entry.body.fenceId === fenceId
  if (locked.entries.some(isKnown)) return null
  const under = judgedUnder(input.authority, locked.at)
  const expired = under.expiredAt === undefined ? {} : { under }
  const body = { type: 'Fenced', ...fence, envelope: input.envelope, ...expired }
  await append(tx, { locked, bodies: [body] })
  return null
}

/** Tells the workflows of open cases in scope; the fence holds whether they hear it or not. */
async function tellCases(db: Db, scope: FenceScope): Promise<void> {
  const column = { identity: 'scope_id', partner: 'company_id', system: 'system_id' }[scope.kind]
  await db.query(
    `insert into outbox (case_id, signal, payload)
     select case_id, 'changed', '{}' from cases where phase = 'open' and ${column} = $1`,
    [scope.id],
  )
  await db.query("select pg_notify('outbox', '')")
}

/**
 * Closes a case over which a fence stands, for whoever drives it; the gate refuses it either way. One read
 * when none stands. A fence raised a moment later is noticed at the next call.
 */
export async function noticeFence(
  db: Db,
  input: Believing & { readonly caseId: string },
): Promise<'none' | 'noticed' | Refusal> {
  const { caseId } = input
  const { rowCount } = await db.query(
    prepared(
      `select 1 from cases c join fences f
          on (f.kind, f.id) in ((c.scope_kind, c.scope_id), ('partner', c.company_id), ('system', c.system_id))
        where c.case_id = $1 and c.phase = 'open' and f.epoch <> 0 limit 1`,
      [caseId],
    ),
  )
  if (rowCount === 0) return 'none'
  return transaction(db, async (tx) => {
    const opened = await openedOf(tx, caseId)
    const fences = await readFences(tx, {
      ...input,
      opened,
      stepId: null,
      memory: null,
      hold: 'no',
    })
    if (isRefusal(fences)) return fences
    const { raised } = fences
    if (raised === null) return 'none'
    const applied = await applyIn<'noticed' | Refusal>(tx, {
      caseId,
      decide: ({ state }) => {
        const events = fenceCase(state, raised)
        return isRefusal(events) ? { events: [], answer: events } : { events, answer: 'noticed' }
      },
    })
    return isRefusal(applied) ? applied : applied.answer
  })
}

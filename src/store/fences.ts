/**
 * Fences: the kill switch. A row per scope exists so that the gate can hold it; the truth is the
 * fence's own entries. Raising one takes the row exclusively, so it is acknowledged only when no gate
 * that could still pass is open. It needs neither Temporal nor the signer.
 */
import { fence as fenceCase } from '../domain/decide/ending.js'
import type { Verify } from '../domain/envelope.js'
import { fencesAround, judgeFence } from '../domain/fence.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import type { Envelope, Fence, FenceScope } from '../domain/shapes/envelope.js'
import type { CaseOpened } from '../domain/shapes/event.js'
import { append, applyIn, lockStream } from './apply.js'
import type { AuthoritySource } from './authority.js'
import { type Db, now, type Tx, transaction } from './db.js'

export interface HeldFences {
  readonly raised: { readonly scope: FenceScope; readonly fenceId: string } | null
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

/**
 * Holds the case's fences for the transaction. A missing row, or any entry of a fence, stops: clearing
 * a row does not lift what its entries say, and deleting a row is not lifting either.
 */
export const holdFences = (tx: Tx, caseId: string): Promise<HeldFences> =>
  readFences(tx, { caseId, hold: 'yes' })

/** Only the connector's role may hold the rows; whoever reads them without decides nothing that a fence must stop. */
async function readFences(
  tx: Tx,
  input: { readonly caseId: string; readonly hold: 'yes' | 'no' },
): Promise<HeldFences> {
  const { rows } = await tx.query<{ body: CaseOpened }>(
    "select convert_from(bytes, 'UTF8')::jsonb -> 'body' as body from entries where stream = $1 and seq = 1",
    [input.caseId],
  )
  const opened = rows[0]?.body
  if (opened === undefined) return { raised: null }
  const scopes = fencesAround(opened)
  // One order for everybody who holds several rows.
  const [held, entries] = await Promise.all([
    tx.query<{ kind: string; id: string; epoch: number }>(
      `select kind, id, epoch from fences
        where (kind, id) in (select * from unnest($1::text[], $2::text[]))
        order by kind, id ${input.hold === 'yes' ? 'for share' : ''}`,
      [scopes.map(({ kind }) => kind), scopes.map(({ id }) => id)],
    ),
    tx.query<{ stream: string; id: string }>(
      `select distinct on (stream) stream, convert_from(bytes, 'UTF8')::jsonb -> 'body' ->> 'fenceId' as id
         from entries where stream = any($1) order by stream, seq desc`,
      [scopes.map(streamOf)],
    ),
  ])
  for (const scope of scopes) {
    const row = held.rows.find(({ kind, id }) => kind === scope.kind && id === scope.id)
    const fenceId = entries.rows.find(({ stream }) => stream === streamOf(scope))?.id
    if (fenceId !== undefined || row?.epoch !== 0)
      return { raised: { scope, fenceId: fenceId ?? '0'.repeat(26) } }
  }
  return { raised: null }
}

export interface RaiseFence {
  readonly envelope: Envelope
  readonly authority: AuthoritySource
  readonly verify: Verify
}

/** UNTRUSTED: the envelope. Afterwards an owner or duty person signed it, and no older grant in its scope can be consumed. */
export async function raiseFence(db: Db, input: RaiseFence): Promise<Fence | Refusal> {
  const at = await now(db)
  const authority = await input.authority.current(db, { at, lock: 'none' })
  if (isRefusal(authority)) return authority
  const fence = judgeFence({ ...input, authority, at })
  if (isRefusal(fence)) return fence
  const raised = await transaction(db, (tx) => raiseIn(tx, { fence, envelope: input.envelope }))
  if (isRefusal(raised)) return raised
  await tellCases(db, fence.scope)
  return fence
}

async function raiseIn(
  tx: Tx,
  input: { fence: Fence; envelope: Envelope },
): Promise<Refusal | null> {
  const { type: _, ...fence } = input.fence
  const { kind, id } = fence.scope
  await ensureFences(tx, [fence.scope])
  await tx.query('update fences set epoch = epoch + 1 where kind = $1 and id = $2', [kind, id])
  const locked = await lockStream(tx, { stream: streamOf(fence.scope), make: true })
  if (isRefusal(locked)) return locked
  const known = locked.entries.some(({ entry }) => entry.body.fenceId === fence.fenceId)
  const body = { type: 'Fenced', ...fence, envelope: input.envelope }
  if (!known) await append(tx, { locked, bodies: [body] })
  return null
}

/** Tells the workflows of open cases in scope; the fence holds whether they hear it or not. */
async function tellCases(db: Db, scope: FenceScope): Promise<void> {
  const column = { identity: 'identity_id', partner: 'company_id', system: 'system_id' }[scope.kind]
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
export async function noticeFence(db: Db, caseId: string): Promise<'none' | 'noticed' | Refusal> {
  const { rowCount } = await db.query(
    `select 1 from cases c join fences f
        on (f.kind, f.id) in (('identity', c.identity_id), ('partner', c.company_id), ('system', c.system_id))
      where c.case_id = $1 and c.phase = 'open' and f.epoch <> 0 limit 1`,
    [caseId],
  )
  if (rowCount === 0) return 'none'
  return transaction(db, async (tx) => {
    const { raised } = await readFences(tx, { caseId, hold: 'no' })
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

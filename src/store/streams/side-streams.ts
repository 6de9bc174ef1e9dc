/**
 * Streams beside the cases, of fences and mandates, that a gate judges by. They stay readable whatever
 * somebody put into them: what is no entry keeps its place and says nothing. The connector holds them to its
 * *memory*; whoever reads without one decides nothing that has to hold.
 */
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { checkLinks, type Link, type StoredEntry } from '../../ledger/entry.js'
import { type End, lockRows } from '../case/apply.js'
import type { Db, Tx } from '../db.js'
import type { Memory } from '../log/memory.js'

export interface Side {
  readonly links: readonly Link[]
  readonly entries: readonly StoredEntry[]
  /** What each row calls itself. */
  readonly types: readonly string[]
}

export interface LockedSide extends End {
  readonly entries: readonly StoredEntry[]
}

interface Reading {
  /** Null for who does not keep one. */
  readonly memory: Memory | null
}

/** Each of these streams, empty where there is none; EVIDENCE_TAMPERED where one is not what was seen before. */
export async function readSides(
  db: Db | Tx,
  { streams, memory }: Reading & { readonly streams: readonly string[] },
): Promise<ReadonlyMap<string, Side> | Refusal> {
  const { rows } = await db.query<{ stream: string; type: string; bytes: Buffer }>(
    'select stream, type, bytes from entries where stream = any($1) order by stream, seq',
    [streams],
  )
  const sides = new Map<string, Side>()
  for (const stream of streams) {
    const own = rows.filter((row) => row.stream === stream)
    const links = await seen(memory, { stream, rows: own.map(({ bytes }) => bytes) })
    if (isRefusal(links)) return links
    const types = own.map(({ type }) => type)
    sides.set(stream, { links, entries: entriesOf(links), types })
  }
  return sides
}

/** Locks the stream for this transaction and reads it; `make` creates an empty one first. */
export async function lockSide(
  tx: Tx,
  input: Reading & { readonly stream: string; readonly make: boolean },
): Promise<LockedSide | Refusal> {
  const locked = await lockRows(tx, input)
  if (isRefusal(locked)) return locked
  const { stream, memory } = input
  const links = await seen(memory, { stream, rows: locked.rows })
  if (isRefusal(links)) return links
  const head = links.at(-1)?.hash ?? null
  return { stream, at: locked.at, seq: links.length, head, entries: entriesOf(links) }
}

/**
 * Afterwards the use that this grant arose from, or is, stands in the stream and is remembered outside the
 * database: asked before the grant is used, so that a use that had an effect cannot be taken back.
 */
export async function rememberUse(
  db: Db,
  of: {
    readonly stream: string
    readonly type: 'MandateUsed' | 'EmergencyUsed'
    readonly grantId: string
    readonly memory: Memory
  },
): Promise<Refusal | null> {
  const { stream, type, grantId, memory } = of
  const sides = await readSides(db, { streams: [stream], memory })
  if (isRefusal(sides)) return sides
  const entries = sides.get(stream)?.entries ?? []
  return entries.some(({ entry: { body } }) => body.type === type && body.grantId === grantId)
    ? null
    : refuse('EVIDENCE_TAMPERED', `/${stream}`, 'the use that belongs to the grant is gone')
}

async function seen(
  memory: Memory | null,
  of: { readonly stream: string; readonly rows: readonly Uint8Array[] },
): Promise<readonly Link[] | Refusal> {
  const links = checkLinks(of.stream, of.rows)
  if (isRefusal(links)) return links
  return (await memory?.stream(of.stream, links)) ?? links
}

const entriesOf = (links: readonly Link[]): readonly StoredEntry[] =>
  links.flatMap(({ stored }) => (isRefusal(stored) ? [] : [stored]))

/**
 * Cases that this process holds: entries that it read, checked, and folded once. At every use the store says, in
 * the statement that reads, whether they are still the very tuples that were read; then only what came after is
 * read, and otherwise the whole case, anew. Nothing held is believed without that answer.
 */
import type { CaseState, Recorded } from '../../domain/case/case.js'
import { evolve, fold } from '../../domain/case/evolve.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { followChain, type StoredEntry } from '../../ledger/entry.js'
import { type Db, prepared, type Tx } from '../db.js'
import { eventOf, type KnownEntries } from './known-entries.js'

/** A case as its rows say, checked from its first entry to its last. */
export interface CaseRead {
  readonly at: string
  readonly entries: readonly StoredEntry[]
  readonly recorded: readonly Recorded[]
  readonly state: CaseState
}

interface Held extends Omit<CaseRead, 'at'> {
  /** The tuple of each entry, as the store names them. */
  readonly tuples: readonly string[]
  readonly bytes: number
}

export interface HeldCases {
  /** UNTRUSTED: rows. `lock` holds the case for the transaction. CASE_UNKNOWN, or EVIDENCE_TAMPERED when it is no chain of strict events. */
  readonly read: (
    db: Db | Tx,
    of: { readonly caseId: string; readonly lock: 'yes' | 'no' },
  ) => Promise<CaseRead | Refusal>
}

interface Row {
  readonly at: string
  readonly kept: number
  readonly bytes: Buffer | null
  readonly tuple: string
}

const READ = {
  yes: 'select at, kept, bytes, tuple from lock_case($1, $2, $3) order by seq',
  no: 'select at, kept, bytes, tuple from read_case($1, $2, $3) order by seq',
} as const

/** Holds the cases used last, up to so many bytes of their entries. */
export function heldCases(known: KnownEntries, maxBytes: number): HeldCases {
  const cases = new Map<string, Held>()
  let total = 0
  const forget = (caseId: string): void => {
    total -= cases.get(caseId)?.bytes ?? 0
    cases.delete(caseId)
  }
  const hold = (caseId: string, held: Held): void => {
    forget(caseId)
    cases.set(caseId, held)
    total += held.bytes
    for (const oldest of cases.keys()) {
      if (total <= maxBytes) break
      forget(oldest)
    }
  }
  return {
    read: async (db, { caseId, lock }) => {
      const held = cases.get(caseId) ?? none(caseId)
      const { rows } = await db.query<Row>(
        prepared(READ[lock], [caseId, held.entries.length, held.tuples.join(' ')]),
      )
      const [row] = rows
      if (row === undefined) return refuse('CASE_UNKNOWN', `/${caseId}`)
      const before = row.kept === held.entries.length ? held : none(caseId)
      const grown = grow(before, { caseId, rows, known })
      if (isRefusal(grown)) return grown
      hold(caseId, grown)
      const { entries, recorded, state } = grown
      return { at: row.at, entries, recorded, state }
    },
  }
}

const none = (caseId: string): Held => ({
  ...{ entries: [], recorded: [], tuples: [], bytes: 0 },
  state: fold(caseId, []),
})

/** The case with the entries that came after. */
function grow(
  before: Held,
  input: {
    readonly caseId: string
    readonly rows: readonly Row[]
    readonly known: KnownEntries
  },
): Held | Refusal {
  const { caseId, known } = input
  const rows = input.rows.flatMap(({ bytes, tuple }) => (bytes === null ? [] : [{ bytes, tuple }]))
  if (rows.length === 0) return before
  const entries = followChain(before.entries, {
    ...{ stream: caseId, read: known.read },
    rows: rows.map(({ bytes }) => bytes),
  })
  if (isRefusal(entries)) return entries
  const added = recordedOf(entries.slice(before.entries.length))
  if (isRefusal(added)) return added
  return {
    entries,
    recorded: [...before.recorded, ...added],
    state: added.reduce(evolve, before.state),
    tuples: [...before.tuples, ...rows.map(({ tuple }) => tuple)],
    bytes: rows.reduce((sum, { bytes }) => sum + bytes.length, before.bytes),
  }
}

/** UNTRUSTED: rows. Afterwards each body is a strict case event. */
function recordedOf(entries: readonly StoredEntry[]): readonly Recorded[] | Refusal {
  const recorded: Recorded[] = []
  for (const stored of entries) {
    const { entry, hash } = stored
    const event = eventOf(stored)
    if (isRefusal(event))
      return refuse('EVIDENCE_TAMPERED', `/${entry.stream}/${entry.seq}${event.where}`)
    recorded.push({ seq: entry.seq, hash, at: entry.at, event })
  }
  return recorded
}

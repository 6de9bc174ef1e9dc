/**
 * What a proposed policy would have asked of the cases that there were: each gate of the newest of them under its pack,
 * with the persons of that time. For people who decide on it; nothing is decided by it.
 */
import { isRefusal } from '../../domain/refusal.js'
import { type Hashed, type SimulatedGate, simulateCase } from '../../packs/compare.js'
import { firstEventsSince } from '../case/apply.js'
import { listCases } from '../case/queries.js'
import type { Db } from '../db.js'
import type { AuthoritySource } from './authority.js'

/** The gates of one step of one kind, over all the cases that were looked at. */
export interface Foreseen {
  readonly kind: string
  readonly stepId: string
  readonly cases: number
  readonly stricter: number
  readonly looser: number
  /** Neither the same, nor one of these two. */
  readonly other: number
  /** Would have been refused, or could not have been signed. */
  readonly refused: number
  /** The fewest who could have signed, and how many were needed there. */
  readonly eligible: number
  readonly quorum: number
}

interface Past {
  readonly db: Db
  readonly authority: AuthoritySource
}

const NEWEST = 200
/** An entry is no larger. */
const ONE_ENTRY_BYTES = 64 * 1024

/** By kind and step, in the order of the newest case. */
export async function foresee(past: Past, under: Hashed): Promise<readonly Foreseen[]> {
  const newest = { companyId: null, phase: null, waitingOn: null, before: null, limit: NEWEST }
  const rows = new Map<string, Foreseen>()
  for (const { caseId, kind } of await listCases(past.db, newest))
    for (const gate of await gatesOf(past, { caseId, under })) {
      const key = `${kind} ${gate.stepId}`
      rows.set(key, withGate(rows.get(key) ?? none(kind, gate), gate))
    }
  return [...rows.values()]
}

/** None of a case that does not read, or whose authority is gone: of it nothing can be said. */
async function gatesOf(
  { db, authority }: Past,
  of: { readonly caseId: string; readonly under: Hashed },
): Promise<readonly SimulatedGate[]> {
  const asked = { caseId: of.caseId, after: 0, maxBytes: ONE_ENTRY_BYTES }
  const [first] = (await firstEventsSince(db, asked)).events
  if (first?.event.type !== 'CaseOpened') return []
  const { event: opened, at } = first
  const then = await authority.named(db, { reference: opened.authority, at })
  if (isRefusal(then)) return []
  const gates = simulateCase({ opened, authority: then, at, under: of.under })
  return isRefusal(gates) ? [] : gates
}

const none = (kind: string, { stepId, eligible, quorum }: SimulatedGate): Foreseen => ({
  ...{ kind, stepId, eligible, quorum },
  ...{ cases: 0, stricter: 0, looser: 0, other: 0, refused: 0 },
})

function withGate(row: Foreseen, gate: SimulatedGate): Foreseen {
  const { comparison, refused, eligible, quorum } = gate
  const fewest = eligible - quorum < row.eligible - row.quorum ? { eligible, quorum } : {}
  return {
    ...row,
    ...fewest,
    cases: row.cases + 1,
    stricter: row.stricter + (comparison === 'stricter' ? 1 : 0),
    looser: row.looser + (comparison === 'looser' ? 1 : 0),
    other: row.other + (comparison === 'neither' ? 1 : 0),
    refused: row.refused + (refused === null ? 0 : 1),
  }
}

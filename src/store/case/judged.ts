/**
 * Is this case what it says? Every event that only a connector writes carries the signature of one that the
 * root names, and the opening is the one that its own bundle and pack give. Asked by the gate under its locks,
 * and before anything is done to a target, because rows may be rewritten in between. What was found of an
 * entry's exact bytes is kept with the frozen event that they made.
 */

import { checkOpening } from '../../domain/admission/opening.js'
import type { Authority } from '../../domain/authority/authority.js'
import { purposeOf } from '../../domain/authority/grace.js'
import { canonical } from '../../domain/bytes/digest.js'
import { checkAttestations, isAttested } from '../../domain/case/attestation.js'
import type { Recorded } from '../../domain/case/case.js'
import { type Successor, unresumed } from '../../domain/decide/resume.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { CaseEvent, CaseOpened } from '../../domain/shapes/event.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { AuthoritySource } from '../authority/authority.js'
import type { packSource } from '../authority/packs.js'
import type { Db, Tx } from '../db.js'

export interface JudgedBy {
  readonly authority: AuthoritySource
  readonly packs: ReturnType<typeof packSource>
  readonly verify: Verify
}

export interface Following {
  /** The successor logs that are open, under each of which a case goes on only once it was resumed. */
  readonly successors: readonly Successor[]
}

interface Judging {
  readonly caseId: string
  /** Read strictly from the case's whole chain. */
  readonly recorded: readonly Recorded[]
}

const found = new WeakMap<CaseEvent, string>()
/** Nobody can change a frozen event, so what was found of it stays true. */
const keep = (event: CaseEvent, what: string): void => {
  if (Object.isFrozen(event)) found.set(event, what)
}

/** Null, or EVIDENCE_TAMPERED. Under the connectors of today's root. */
export function checkAttested(
  judging: Judging & { readonly today: Authority; readonly verify: Verify },
): Refusal | null {
  const { caseId, recorded, today, verify } = judging
  const under = (event: CaseEvent): string => {
    const keyid = isAttested(event) ? event.attestation.keyid : ''
    return canonical([caseId, today.connectorKeys.get(keyid) ?? null])
  }
  const fresh = recorded.filter(
    ({ event }) => isAttested(event) && found.get(event) !== under(event),
  )
  const tampered = checkAttestations({ caseId, recorded: fresh, authority: today, verify })
  if (tampered !== null) return tampered
  for (const { event } of fresh) keep(event, under(event))
  return null
}

/** Null, or EVIDENCE_TAMPERED, ENTRIES_LOST for a case that was not resumed, or what reading the opening's own bundle and pack refuses. */
export async function checkOpened(
  db: Db | Tx,
  { caseId, recorded, authority: source, packs, successors }: Judging & JudgedBy & Following,
): Promise<Refusal | null> {
  const [first] = recorded
  if (first?.event.type !== 'CaseOpened') return refuse('EVIDENCE_TAMPERED', '/entries/1')
  const left = unresumed(recorded, successors)
  if (left !== null)
    return refuse('ENTRIES_LOST', `/entries/${left.seq}`, 'the case was not resumed before it')
  const { event, at } = first
  if (found.get(event) === at) return null
  const authority = await openingAuthority(db, { event, at, source })
  if (isRefusal(authority)) return authority
  const loaded = await packs(db, { authority, at })
  if (isRefusal(loaded)) return loaded
  const { pack, hash: packHash } = loaded
  const forged = checkOpening({ event, caseId, authority, pack, packHash, at })
  if (forged === null) keep(event, at)
  return forged
}

/** The bundle that an opening names, as of its time. */
export const openingAuthority = (
  db: Db | Tx,
  of: { readonly event: CaseOpened; readonly at: string; readonly source: AuthoritySource },
): Promise<Authority | Refusal> => {
  const { event, at, source } = of
  return source.named(db, { reference: event.authority, at, purpose: purposeOf(event, null) })
}

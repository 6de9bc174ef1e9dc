/**
 * What Temporal's histories say, beside what the store holds. A workflow decides nothing, but what it was told and what it
 * heard is a second memory: the entries that it was told are in the store, the decisions that it heard were admitted or
 * refused, and a case that it ended is closed. Read before the store is, so that whatever a history says has to be in it.
 */
import { canonical, type Digest } from '../domain/bytes/digest.js'
import type { Recorded } from '../domain/case/case.js'
import { fold } from '../domain/case/evolve.js'
import { isCapped } from '../domain/decide/decision.js'
import { isCaseStream } from '../packet/files.js'
import { eventsSince } from '../store/case/apply.js'
import { digestOfAnything } from '../store/case/cases.js'
import { type Found, tampered } from '../store/case/inspect.js'
import type { Tx } from '../store/db.js'

/** An event of a history, by its id. */
interface At {
  readonly eventId: number
}

/** One run of the workflow of a case, as far as it is evidence. UNTRUSTED: whoever can write to the namespace made it. */
export interface History {
  readonly caseId: string
  readonly runId: string
  /** What it ended with, or null when it has not, or otherwise. */
  readonly outcome: (At & { readonly value: unknown }) | null
  /** Entries that it was told, by the store or a connector. */
  readonly told: readonly (At & { readonly seq: number; readonly hash: string })[]
  /** Numbers of entries that signals said before anybody else told them; believed until the store was asked. */
  readonly said: readonly number[]
  /** Envelopes that it heard before it was told something for the last time. */
  readonly heard: readonly (At & { readonly envelope: unknown })[]
}

export async function checkHistories(
  tx: Tx,
  histories: readonly History[],
): Promise<readonly Found[]> {
  const found: Found[] = []
  const known = new Map<string, readonly Recorded[]>()
  for (const history of histories) {
    const { caseId } = history
    if (!isCaseStream(caseId)) continue
    const events = known.get(caseId) ?? (await eventsSince(tx, { caseId, after: 0 }))
    known.set(caseId, events)
    found.push(...(events.length === 0 ? lost(history) : wrongIn(history, events)))
  }
  return found
}

const foundAt = ({ caseId, runId }: History, { eventId }: At, detail: string): Found =>
  tampered(caseId, `/histories/${runId}/${eventId}`, detail)

/** A workflow that was told nothing may have been started by anybody. */
const lost = (history: History): readonly Found[] => {
  const [first] = history.told
  return first === undefined
    ? []
    : [
        foundAt(
          history,
          first,
          'its workflow was told entries of a case that the store does not have',
        ),
      ]
}

const wrongIn = (history: History, events: readonly Recorded[]): readonly Found[] => [
  ...wronglyTold(history, events),
  ...untold(history),
  ...unheard(history, events),
  ...wronglyEnded(history, events),
]

function wronglyTold(history: History, events: readonly Recorded[]): readonly Found[] {
  const hashes = new Map(events.map(({ seq, hash }) => [seq, hash]))
  return history.told
    .filter(({ seq, hash }) => hashes.get(seq) !== hash)
    .slice(0, 1)
    .map((one) =>
      foundAt(history, one, `it was told an entry ${one.seq} that the store does not hold`),
    )
}

/** A run reads a case from its first entry on, and none is left out. */
function untold(history: History): readonly Found[] {
  const seen = new Set([...history.said, ...history.told.map(({ seq }) => seq)])
  const gap = history.told.find(({ seq }) => seq > 1 && !seen.has(seq - 1))
  return gap === undefined
    ? []
    : [foundAt(history, gap, `it was told entry ${gap.seq}, and never the one before`)]
}

function unheard(history: History, events: readonly Recorded[]): readonly Found[] {
  if (isCapped(fold(history.caseId, events))) return []
  const admitted = new Set<string>()
  const refused = new Set<Digest>()
  for (const { event } of events) {
    if (event.type === 'DecisionAdmitted') admitted.add(canonical(event.envelope))
    if (event.type === 'DecisionRefused') refused.add(event.sent as Digest)
  }
  return history.heard
    .filter(({ envelope }) => !admitted.has(spelled(envelope)))
    .filter(({ envelope }) => !refused.has(digestOfAnything(envelope)))
    .map((one) =>
      foundAt(history, one, 'it heard a decision that was neither admitted nor refused'),
    )
}

function spelled(value: unknown): string {
  try {
    return canonical(value)
  } catch {
    return ''
  }
}

function wronglyEnded(history: History, events: readonly Recorded[]): readonly Found[] {
  const { outcome, caseId } = history
  if (outcome === null || outcome.value === fold(caseId, events).outcome) return []
  return [foundAt(history, outcome, 'it ended the case otherwise than the store has it')]
}

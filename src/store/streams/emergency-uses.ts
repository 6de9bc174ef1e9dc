/**
 * Uses of emergency access in the store: one stream of the enterprise, so that they are counted under one lock. A use
 * is recorded in the transaction of its grant; that it was reviewed, by the next gate that counts.
 */

import type { Authority } from '../../domain/authority/authority.js'
import { matterOf } from '../../domain/authority/matter.js'
import { type Attestor, attested } from '../../domain/case/attestation.js'
import { isOpening } from '../../domain/case/case.js'
import { currentStep } from '../../domain/case/due.js'
import {
  approversIn,
  askerOwes,
  type EmergencyUse,
  emergencyStream,
  emergencyUsesIn,
  settledBy,
  tookPartIn,
} from '../../domain/policy/emergency.js'
import type { Involving } from '../../domain/policy/requirements.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { EmergencyEvent } from '../../domain/shapes/emergency-event.js'
import type { CaseOpened } from '../../domain/shapes/event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { StoredEntry } from '../../ledger/entry.js'
import { append, caseOf, type View } from '../case/apply.js'
import type { JudgedBy } from '../case/judged.js'
import type { Db, Tx } from '../db.js'
import type { Memory } from '../log/memory.js'
import type { Believing } from './fences.js'
import { type LockedSide, lockSide, readSides } from './side-streams.js'

export type HoldingUses = Believing & { readonly attestor: Attestor; readonly memory: Memory }

/** What was read for a gate, and what has to be recorded beside the case when it grants. */
export interface HeldInvolved extends Involving {
  readonly recordUse: (granted: Granting) => Promise<void>
}

/** A step as the gate grants it. */
export interface Granting {
  readonly view: View
  readonly stepId: string
  readonly grantId: string
  readonly decisionIds: readonly string[]
}

/**
 * Every use before this case's own, with what was reviewed in the meantime, held until the transaction ends; and who
 * took part in this one when its review is due.
 */
export async function holdUses(
  tx: Tx,
  input: HoldingUses & { readonly caseId: string },
): Promise<HeldInvolved | Refusal> {
  const { caseId, verify, attestor, memory } = input
  const today = await input.authority.today(tx)
  if (isRefusal(today)) return today
  const { authority } = today
  const stream = emergencyStream(authority.enterprise)
  const locked = await lockSide(tx, { stream, make: true, memory })
  if (isRefusal(locked)) return locked
  const told = tellUses(locked.entries, { authority, verify })
  const settled = (await settledSince(tx, told)).map((event) =>
    attested(event, { ...attestor, caseId: event.caseId }),
  )
  const now = await adding(tx, { locked, bodies: settled })
  const { state, recorded } = await caseOf(tx, caseId)
  return {
    involved: currentStep(state)?.step.stepId === 'review' ? tookPartIn(recorded) : [],
    uses: tellUses(now.entries, { authority, verify }),
    recordUse: async (granting) => {
      const event = useGranted(granting)
      if (event === null) return
      await append(tx, { locked: now, bodies: [attested(event, { ...attestor, caseId })] })
    },
  }
}

async function adding(
  tx: Tx,
  of: { readonly locked: LockedSide; readonly bodies: readonly { readonly type: string }[] },
): Promise<LockedSide> {
  const added = await append(tx, of)
  const { locked } = of
  const head = added.at(-1)?.hash ?? locked.head
  const seq = locked.seq + added.length
  return { ...locked, head, seq, entries: [...locked.entries, ...added] }
}

function useGranted({ view, stepId, grantId, decisionIds }: Granting) {
  const { opened } = view.state
  const askedBy = opened?.requester.personId ?? null
  if (opened === null || askedBy === null || !isOpening(opened, stepId)) return null
  const { caseId, scope } = opened
  const approvedBy = approversIn(view.recorded, decisionIds)
  const identityId = scope.id
  return { type: 'EmergencyUsed' as const, caseId, identityId, grantId, askedBy, approvedBy }
}

/** What the stream says, as far as it is believed. */
function tellUses(
  entries: readonly StoredEntry[],
  by: { readonly authority: Authority; readonly verify: Verify },
): readonly EmergencyUse[] {
  const events = entries.flatMap(({ entry }) => {
    const event = parseAs(EmergencyEvent)(entry.body)
    return isRefusal(event) ? [] : [{ at: entry.at, event }]
  })
  return emergencyUsesIn(events, by)
}

/** Of each use that still counts whether its own case has settled it since. */
async function settledSince(db: Db | Tx, uses: readonly EmergencyUse[]) {
  const open = uses.filter(({ settled }) => settled === 'no')
  const cases = [...new Set(open.map(({ used }) => used.caseId))].sort()
  const found = []
  for (const caseId of cases) {
    const said = settledBy((await caseOf(db, caseId)).state)
    if (said !== null) found.push({ type: 'EmergencySettled' as const, caseId, said })
  }
  return found
}

/** Every use as of now. For reading: a gate counts again, under the lock. */
export async function emergencyUses(
  db: Db | Tx,
  by: { readonly authority: Authority; readonly verify: Verify },
): Promise<readonly EmergencyUse[] | Refusal> {
  const stream = emergencyStream(by.authority.enterprise)
  const sides = await readSides(db, { streams: [stream], memory: null })
  if (isRefusal(sides)) return sides
  const told = tellUses(sides.get(stream)?.entries ?? [], by)
  const settled = new Set((await settledSince(db, told)).map(({ caseId }) => caseId))
  return told.map((use) => (settled.has(use.used.caseId) ? { ...use, settled: 'yes' } : use))
}

/** The refusal of whoever asks for emergency access and owes the review of an earlier use; null for anything else. */
export async function owesReview(
  tx: Tx,
  asking: JudgedBy & { readonly event: CaseOpened },
): Promise<Refusal | null> {
  const { event, verify } = asking
  if (event.asked.kind !== 'break-glass') return null
  const today = await asking.authority.today(tx)
  if (isRefusal(today)) return today
  const { authority, at } = today
  const loaded = await asking.packs(tx, { authority, at })
  if (isRefusal(loaded)) return loaded
  const matter = matterOf(authority, event.scope)
  const uses = await emergencyUses(tx, { authority, verify })
  if (isRefusal(uses)) return uses
  if (isRefusal(matter)) return matter
  const { caseId, change } = event
  const askedBy = event.requester.personId
  const owes = askerOwes({ matter, uses, authority, at, caseId, askedBy, change, ...loaded })
  return isRefusal(owes) ? owes : null
}

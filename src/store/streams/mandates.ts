/**
 * Mandates in the store: a stream each, so that its uses are counted under one lock. The row of the table
 * only helps to find it; deleting the row ends the mandate, and making one up gives none.
 */

import type { Authority } from '../../domain/authority/authority.js'
import { digest } from '../../domain/bytes/digest.js'
import { type Attestor, attested } from '../../domain/case/attestation.js'
import { mandateRequirement } from '../../domain/policy/policy.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import {
  admitMandate,
  judgeRevocation,
  readMandate,
  revokedBy,
} from '../../domain/rights/mandate.js'
import {
  type JudgingUse,
  judgeUse,
  type MandateRecord,
  mandateStream,
  type NamedAuthority,
  type RecordedMandateEvent,
  recordOf,
} from '../../domain/rights/mandate-record.js'
import { type Envelope, type Mandate, MandateRevocation } from '../../domain/shapes/envelope.js'
import { MandateEvent } from '../../domain/shapes/mandate-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { Pack } from '../../domain/shapes/policy.js'
import { openEnvelope } from '../../domain/signed/envelope.js'
import { type AuthoritySource, referenceTo } from '../authority/authority.js'
import { append } from '../case/apply.js'
import type { OpenCaseDeps } from '../case/open-case.js'
import { now, type Tx, transaction } from '../db.js'
import type { Memory } from '../log/memory.js'
import { type LockedSide, lockSide } from './side-streams.js'

/** UNTRUSTED: the envelope. Afterwards the quorum of the policy signed it; the same one twice is given once. */
export async function giveMandate(
  deps: OpenCaseDeps,
  envelope: Envelope,
): Promise<Mandate | Refusal> {
  return transaction(deps.db, async (tx) => {
    const today = await todayIn(deps, tx)
    if (isRefusal(today)) return today
    const { authority, pack, at } = today
    const quorum = mandateRequirement({ authority, pack })
    if (isRefusal(quorum)) return quorum
    const mandate = admitMandate({ envelope, authority, verify: deps.verify, at, quorum })
    if (isRefusal(mandate)) return mandate
    const { mandateId } = mandate
    const locked = await lockSide(tx, {
      stream: mandateStream(mandateId),
      make: true,
      memory: null,
    })
    if (isRefusal(locked)) return locked
    if (locked.entries.length > 0) return sameMandate(locked, { mandate, envelope })
    await tx.query('insert into mandates (mandate_id, not_after) values ($1, $2)', [
      mandateId,
      mandate.notAfter,
    ])
    const body = { type: 'MandateGiven', mandateId, envelope, authority: referenceTo(authority) }
    await append(tx, { locked, bodies: [body] })
    return mandate
  })
}

const sameMandate = (
  locked: LockedSide,
  given: { readonly mandate: Mandate; readonly envelope: Envelope },
): Mandate | Refusal => {
  const [first] = eventsIn(locked)
  const same =
    first?.event.type === 'MandateGiven' && first.event.envelope.payload === given.envelope.payload
  return same ? given.mandate : refuse('REPLAYED', '/mandateId')
}

/** UNTRUSTED: the envelope. Any one signer revokes, once and for ever; no later grant can use the mandate. */
export async function revokeMandate(
  deps: OpenCaseDeps,
  envelope: Envelope,
): Promise<MandateRevocation | Refusal> {
  const opened = openEnvelope({
    envelope,
    kind: 'mandate-revocation',
    parse: parseAs(MandateRevocation),
  })
  if (isRefusal(opened)) return opened
  const { mandateId } = opened.payload
  return transaction(deps.db, async (tx) => {
    const held = await lockRecord(tx, { mandateId, authority: deps.authority, memory: null })
    if (isRefusal(held)) return held
    const { locked, record } = held
    const authority = await deps.authority.current(tx, { at: locked.at, lock: 'none' })
    if (isRefusal(authority)) return authority
    const mandate = readMandate(record.envelope)
    if (isRefusal(mandate)) return mandate
    const { verify } = deps
    const { at } = locked
    const revoked = judgeRevocation({ envelope, authority, verify, at, mandate })
    if (isRefusal(revoked)) return revoked
    if (revokedBy({ ...record, mandate, verify }) >= 0) return revoked
    const body = { type: 'MandateRevoked', mandateId, envelope, authority: referenceTo(authority) }
    await append(tx, { locked, bodies: [body] })
    return revoked
  })
}

async function todayIn(
  deps: OpenCaseDeps,
  tx: Tx,
): Promise<{ authority: Authority; pack: Pack; at: string } | Refusal> {
  const at = await now(tx)
  const authority = await deps.authority.current(tx, { at, lock: 'share' })
  if (isRefusal(authority)) return authority
  const loaded = await deps.packs(tx, { authority, at })
  return isRefusal(loaded) ? loaded : { authority, pack: loaded.pack, at }
}

interface Locking {
  readonly mandateId: string
  readonly authority: AuthoritySource
  /** Null for who does not keep one. */
  readonly memory: Memory | null
}

/** A mandate's stream, locked, and what it says. Refuses MANDATE_INVALID when that is nothing, EVIDENCE_TAMPERED when it said more before. */
async function lockRecord(
  tx: Tx,
  { mandateId, authority, memory }: Locking,
): Promise<{ readonly locked: LockedSide; readonly record: MandateRecord } | Refusal> {
  const invalid = refuse('MANDATE_INVALID', '/mandateId', 'there is no such mandate')
  const locked = await lockSide(tx, { stream: mandateStream(mandateId), make: false, memory })
  if (isRefusal(locked)) return locked.refused === 'CASE_UNKNOWN' ? invalid : locked
  const events = eventsIn(locked)
  const named = await namedIn(tx, { events, authority })
  const record = recordOf({ mandateId, events, named })
  return record === null ? invalid : { locked, record }
}

/** What is no event of a mandate was written past every door, and bears on nothing. */
const eventsIn = ({ entries }: LockedSide): readonly RecordedMandateEvent[] =>
  entries.flatMap(({ entry }) => {
    const event = parseAs(MandateEvent)(entry.body)
    return isRefusal(event) ? [] : [{ at: entry.at, event }]
  })

/** The bundles that the revocations among the events name, each as of its own time. */
async function namedIn(
  tx: Tx,
  of: { readonly events: readonly RecordedMandateEvent[]; readonly authority: AuthoritySource },
): Promise<NamedAuthority> {
  const known = new Map<string, Authority | Refusal>()
  const keyOf: (...of: Parameters<NamedAuthority>) => string = ({ version, hash }, at) =>
    `${version}/${hash}/${at}`
  for (const { event, at } of of.events)
    if (event.type === 'MandateRevoked') {
      const { authority: reference } = event
      known.set(keyOf(reference, at), await of.authority.named(tx, { reference, at }))
    }
  return (reference, at) =>
    known.get(keyOf(reference, at)) ?? refuse('AUTHORITY_INVALID', '/authority')
}

export interface ListedMandate {
  readonly mandate: Mandate
  /** As it was signed. */
  readonly envelope: Envelope
  readonly used: number
  /** Those of the last seven days. */
  readonly lately: MandateRecord['used']
  readonly revoked: 'no' | 'yes'
}

const WEEK_MS = 604_800_000

/** Mandates that have not ended at this time, as their streams say; whether they still hold is asked at each use. */
export async function listMandates(
  { db, authority, verify }: Pick<OpenCaseDeps, 'db' | 'authority' | 'verify'>,
  at: string,
): Promise<readonly ListedMandate[]> {
  return transaction(db, async (tx) => {
    const listed: ListedMandate[] = []
    for (const mandateId of await inForceAt(tx, at)) {
      const held = await lockRecord(tx, { mandateId, authority, memory: null })
      if (isRefusal(held)) continue
      const { record } = held
      const mandate = readMandate(record.envelope)
      if (isRefusal(mandate)) continue
      const revoked = revokedBy({ ...record, mandate, verify }) >= 0 ? 'yes' : 'no'
      const lately = record.used.filter((use) => Date.parse(at) - Date.parse(use.at) < WEEK_MS)
      const { envelope, used } = record
      listed.push({ mandate, envelope, used: used.length, lately, revoked })
    }
    return listed
  })
}

async function inForceAt(tx: Tx, at: string): Promise<readonly string[]> {
  const { rows } = await tx.query<{ mandate_id: string }>(
    'select mandate_id from mandates where not_after > $1 order by mandate_id',
    [at],
  )
  return rows.map((row) => row.mandate_id)
}

/** A use that is asked about, and by what the streams are read. */
export interface Using {
  readonly use: Omit<JudgingUse, 'record'>
  readonly authority: AuthoritySource
  readonly memory: Memory
}

/** The first mandate in force that covers this step now; null when none does. It may be used up by the time it is needed. */
export async function coveringMandate(tx: Tx, using: Using): Promise<string | null> {
  const { use } = using
  for (const mandateId of await inForceAt(tx, use.at)) {
    const held = await lockRecord(tx, { ...using, mandateId })
    if (!isRefusal(held) && !isRefusal(judgeUse({ ...use, record: held.record }))) return mandateId
  }
  return null
}

/** The mandate's stream, locked for this transaction: it covers the step now, and its next use is still to be recorded. */
export interface HeldMandate {
  readonly recordUse: (grantId: string) => Promise<void>
}

export async function holdMandate(
  tx: Tx,
  using: Using & {
    readonly mandateId: string
    readonly caseId: string
    readonly attestor: Attestor
  },
): Promise<HeldMandate | Refusal> {
  const { mandateId, caseId, use, attestor } = using
  const held = await lockRecord(tx, using)
  if (isRefusal(held)) return held
  const { locked, record } = held
  const used = judgeUse({ ...use, record })
  if (isRefusal(used)) return used
  const { stepId } = use
  const { nth } = used
  const follows = locked.head ?? digest(null)
  return {
    recordUse: async (grantId) => {
      const event = { type: 'MandateUsed', mandateId, caseId, stepId, grantId, nth, follows }
      await append(tx, { locked, bodies: [attested(event, { ...attestor, caseId })] })
    },
  }
}

/**
 * Mandates in the store: a stream each, so that its uses are counted under one lock. The row of the table
 * only helps to find it; deleting the row ends the mandate, and making one up gives none.
 */
import type { Authority } from '../domain/authority.js'
import { openEnvelope } from '../domain/envelope.js'
import { admitMandate, judgeRevocation, readMandate } from '../domain/mandate.js'
import {
  type JudgingUse,
  judgeUse,
  type MandateRecord,
  recordOf,
} from '../domain/mandate-record.js'
import { mandateRequirement } from '../domain/policy.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { type Envelope, type Mandate, MandateRevocation } from '../domain/shapes/envelope.js'
import { MandateEvent } from '../domain/shapes/mandate-event.js'
import { parseAs } from '../domain/shapes/parse.js'
import type { Pack } from '../domain/shapes/policy.js'
import { append, type Locked, lockStream } from './apply.js'
import { type Db, now, type Tx, transaction } from './db.js'
import type { OpenCaseDeps } from './open-case.js'

const streamOf = (mandateId: string): string => `mandate:${mandateId}`

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
    const locked = await lockStream(tx, { stream: streamOf(mandateId), make: true })
    if (isRefusal(locked)) return locked
    if (locked.entries.length > 0) return sameMandate(locked, { mandate, envelope })
    await tx.query('insert into mandates (mandate_id, not_after) values ($1, $2)', [
      mandateId,
      mandate.notAfter,
    ])
    const { version, hash } = authority
    const reference = { version, hash }
    const body = { type: 'MandateGiven', mandateId, envelope, authority: reference }
    await append(tx, { locked, bodies: [body] })
    return mandate
  })
}

const sameMandate = (
  locked: Locked,
  given: { readonly mandate: Mandate; readonly envelope: Envelope },
): Mandate | Refusal =>
  recordIn(locked)?.envelope.payload === given.envelope.payload
    ? given.mandate
    : refuse('REPLAYED', '/mandateId')

/** UNTRUSTED: the envelope. Any one signer revokes, for ever; no later grant can use the mandate. */
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
    const held = await lockRecord(tx, mandateId)
    if (held === null) return refuse('MANDATE_INVALID', '/mandateId', 'there is no such mandate')
    const { locked, record } = held
    const authority = await deps.authority.current(tx, { at: locked.at, lock: 'none' })
    if (isRefusal(authority)) return authority
    const mandate = readMandate(record.envelope)
    if (isRefusal(mandate)) return mandate
    const { verify } = deps
    const { at } = locked
    const revoked = judgeRevocation({ envelope, authority, verify, at, mandate })
    if (isRefusal(revoked)) return revoked
    const { version, hash } = authority
    const reference = { version, hash }
    const body = { type: 'MandateRevoked', mandateId, envelope, authority: reference }
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

/** A mandate's stream, locked, and what it says; null when it says nothing that can be believed. */
async function lockRecord(
  tx: Tx,
  mandateId: string,
): Promise<{ readonly locked: Locked; readonly record: MandateRecord } | null> {
  const locked = await lockStream(tx, { stream: streamOf(mandateId), make: false })
  if (isRefusal(locked)) return null
  const record = recordIn(locked)
  return record === null ? null : { locked, record }
}

function recordIn({ entries }: Locked): MandateRecord | null {
  const events = []
  for (const { entry } of entries) {
    const event = parseAs(MandateEvent)(entry.body)
    if (isRefusal(event)) return null
    events.push({ at: entry.at, event })
  }
  return recordOf(events)
}

export interface ListedMandate {
  readonly mandate: Mandate
  /** As it was signed. */
  readonly envelope: Envelope
  readonly used: number
  readonly revoked: 'no' | 'yes'
}

/** Mandates that have not ended at this time, as their streams say; whether they still hold is asked at each use. */
export async function listMandates(db: Db, at: string): Promise<readonly ListedMandate[]> {
  return transaction(db, async (tx) => {
    const listed: ListedMandate[] = []
    for (const mandateId of await inForceAt(tx, at)) {
      const held = await lockRecord(tx, mandateId)
      if (held === null) continue
      const { envelope, used, revocations } = held.record
      const mandate = readMandate(envelope)
      if (isRefusal(mandate)) continue
      const revoked = revocations.length > 0 ? 'yes' : 'no'
      listed.push({ mandate, envelope, used: used.length, revoked })
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

type Using = Omit<JudgingUse, 'record'>

/** The first mandate in force that covers this step now; null when none does. It may be used up by the time it is needed. */
export async function coveringMandate(tx: Tx, using: Using): Promise<string | null> {
  for (const mandateId of await inForceAt(tx, using.at)) {
    const held = await lockRecord(tx, mandateId)
    if (held !== null && !isRefusal(judgeUse({ ...using, record: held.record }))) return mandateId
  }
  return null
}

/** The mandate's stream, locked for this transaction: it covers the step now, and its next use is still to be recorded. */
export interface HeldMandate {
  readonly recordUse: (grantId: string) => Promise<void>
}

export async function holdMandate(
  tx: Tx,
  using: Using & { readonly mandateId: string; readonly caseId: string },
): Promise<HeldMandate | Refusal> {
  const { mandateId, caseId, stepId } = using
  const held = await lockRecord(tx, mandateId)
  if (held === null) return refuse('MANDATE_INVALID', `/${mandateId}`)
  const { locked, record } = held
  const used = judgeUse({ ...using, record })
  if (isRefusal(used)) return used
  return {
    recordUse: async (grantId) => {
      const body = { type: 'MandateUsed', mandateId, caseId, stepId, grantId, nth: used.nth }
      await append(tx, { locked, bodies: [body] })
    },
  }
}

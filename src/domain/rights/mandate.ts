/**
 * A *mandate* is a decision in advance, for cases that do not exist yet. A *use* is one step that would be
 * granted under it instead of by decisions. judgeMandate: does it cover this use, now? It was signed by
 * every person it lists, who satisfy the *quorum* of a policy change between them; it lasts at most 90
 * days and no signer has revoked it; predicate, calendar window and caps hold; a reduce-only one takes
 * access away and nothing else. judgeRevocation: may this envelope revoke it?
 * Needs the time zones of Intl, so it is no part of the workflow bundle.
 */
import { type Authority, inForce, within } from '../authority/authority.js'
import { livePerson } from '../authority/matter.js'
import { type Signed, signerOf } from '../authority/signer.js'
import { clockAt } from '../policy/calendar.js'
import { satisfied } from '../policy/quorum.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { Identity } from '../shapes/authority.js'
import type { CaseKind } from '../shapes/basic.js'
import { type Envelope, Mandate, MandateRevocation } from '../shapes/envelope.js'
import { parseAs } from '../shapes/parse.js'
import type { Requirement } from '../shapes/requirement.js'
import { openEnvelope, type Verify, verifySignature } from '../signed/envelope.js'

const DAY_MS = 86_400_000
const MAX_MANDATE_MS = 90 * DAY_MS

export interface MandateUse {
  readonly kind: CaseKind
  readonly stepId: string
  readonly tier: Identity['tier']
  readonly systemId: string | null
  /** The partner that executes the step; null for what the enterprise carries out itself. */
  readonly companyId: string | null
  /** Null when the case is about more than one. */
  readonly identityId: string | null
  /** What the step does to access: only takes it away, or anything else. */
  readonly effect: 'reduces' | 'other'
}

export interface JudgingMandate {
  readonly envelope: Envelope
  readonly authority: Authority
  readonly verify: Verify
  /** ISO time of the use. */
  readonly at: string
  readonly use: MandateUse
  /** Uses before this one: ever, and on this day of the window's zone (UTC without a window). */
  readonly uses: { readonly total: number; readonly today: number }
  /** All that stand in the record before this use, of whatever mandate. */
  readonly revocations: readonly RecordedRevocation[]
  /** Who must have signed: the requirement of a policy change. */
  readonly quorum: Requirement
}

export interface RecordedRevocation {
  readonly envelope: Envelope
  /** The database's clock when it was recorded. */
  readonly at: string
  /** The bundle that the record names, as of then: a key that has left the bundle since still took it back. */
  readonly authority: Authority | Refusal
}

export interface MandateUsed {
  readonly mandateId: string
  /** This use is number `nth` of `caps.total`. */
  readonly nth: number
}

const invalid = (where: string, detail: string): Refusal => refuse('MANDATE_INVALID', where, detail)

/**
 * UNTRUSTED: the envelope. Afterwards the enterprise's own persons signed in advance for a step like this.
 * Refuses MANDATE_INVALID or NOT_REDUCING, and what reading an envelope, its keys and persons refuses.
 */
export function judgeMandate(judging: JudgingMandate): MandateUsed | Refusal {
  const mandate = admitMandate(judging)
  if (isRefusal(mandate)) return mandate
  const { use, uses, at } = judging
  const refusal =
    (within(mandate, at) ? null : invalid('/notAfter', 'not in force at this time')) ??
    revoked(judging, mandate) ??
    signedByExecutor(judging, mandate) ??
    wrongUse(mandate, use) ??
    outsideWindow(mandate, at) ??
    usedUp(mandate, uses)
  return refusal ?? { mandateId: mandate.mandateId, nth: uses.total + 1 }
}

export type AdmittingMandate = Pick<
  JudgingMandate,
  'envelope' | 'authority' | 'verify' | 'at' | 'quorum'
>

/** UNTRUSTED: the envelope. Afterwards the quorum of a policy change signed this mandate; whether it covers anything is asked at each use. */
export function admitMandate(judging: AdmittingMandate): Mandate | Refusal {
  const signers = whoSigned(judging)
  if (isRefusal(signers)) return signers
  const { envelope, authority } = judging
  const mandate = readMandate(envelope)
  if (isRefusal(mandate)) return mandate
  if (mandate.enterprise !== authority.enterprise) return refuse('WRONG_ENTERPRISE', '/enterprise')
  return wrongSigners({ judging, mandate, signers }) ?? wrongSpan(mandate, judging.at) ?? mandate
}

/** UNTRUSTED: the envelope. What it says, whoever signed it. */
export function readMandate(envelope: Envelope): Mandate | Refusal {
  const opened = openEnvelope({ envelope, kind: 'mandate', parse: parseAs(Mandate) })
  return isRefusal(opened) ? opened : opened.payload
}

/** Afterwards each signature is by a key in force, of a kind that the quorum accepts; whose keys, in order. */
function whoSigned(judging: AdmittingMandate): readonly string[] | Refusal {
  const { envelope, authority, verify, at, quorum } = judging
  const persons: string[] = []
  for (const [index, { keyid }] of envelope.signatures.entries()) {
    const where = `/signatures/${index}/keyid`
    const holder = authority.personKeys.get(keyid)
    if (holder === undefined) return refuse('KEY_UNKNOWN', where)
    const { key, person } = holder
    if (!inForce(key, at)) return refuse('KEY_REVOKED', where)
    const verified = verifySignature({ envelope, index, key, verify })
    if (verified !== true) return verified
    if (quorum.assurance === 'passkey' && key.assurance !== 'passkey')
      return refuse('ASSURANCE_TOO_LOW', where)
    persons.push(person.personId)
  }
  return persons
}

interface SignedMandate {
  readonly judging: AdmittingMandate
  readonly mandate: Mandate
  readonly signers: readonly string[]
}

/** Afterwards exactly the listed persons signed, once each, and they are enough. */
function wrongSigners({ judging, mandate, signers }: SignedMandate): Refusal | null {
  const listed = new Set(mandate.signers)
  const once = new Set(signers).size === signers.length && listed.size === mandate.signers.length
  if (!once || listed.size !== signers.length || !signers.every((signer) => listed.has(signer)))
    return invalid('/signers', 'not signed by exactly the persons it lists, once each')
  for (const personId of listed)
    if (livePerson(judging.authority, personId) === null)
      return refuse('PERSON_DISABLED', '/signers')
  return satisfied({ requirement: judging.quorum, votes: signers })
    ? null
    : refuse('QUORUM_MISSING', '/signers')
}

/** Nobody of the executing company decides, in advance neither. */
const signedByExecutor = (
  { authority, use }: JudgingMandate,
  { signers }: Mandate,
): Refusal | null =>
  use.companyId !== null &&
  signers.some((personId) => authority.persons.get(personId)?.companyId === use.companyId)
    ? refuse('EXECUTOR_COMPANY', '/signers')
    : null

function wrongSpan(mandate: Mandate, at: string): Refusal | null {
  const lasts = Date.parse(mandate.notAfter) - Date.parse(mandate.notBefore)
  if (!(lasts > 0 && lasts <= MAX_MANDATE_MS))
    return invalid('/notAfter', 'a mandate lasts at most 90 days')
  return at < mandate.notAfter ? null : invalid('/notAfter', 'it has ended')
}

/**
 * The first of the recorded revocations that takes this mandate back; -1 when none does. What does not verify
 * under its bundle was refused when it was sent, and revokes nothing; one whose bundle is not at hand counts.
 */
export const revokedBy = (of: {
  readonly revocations: readonly RecordedRevocation[]
  readonly mandate: Mandate
  readonly verify: Verify
}): number =>
  of.revocations.findIndex(
    ({ envelope, at, authority }) =>
      isRefusal(authority) || !isRefusal(judgeRevocation({ ...of, envelope, at, authority })),
  )

/** What stands in the stream counts, whatever its time: a use that read the clock before it waited for the lock comes after it. */
function revoked({ revocations, verify }: JudgingMandate, mandate: Mandate): Refusal | null {
  const index = revokedBy({ revocations, mandate, verify })
  return index < 0 ? null : invalid(`/revocations/${index}`, 'a signer revoked it')
}

export interface JudgingRevocation extends Signed {
  readonly mandate: Mandate
}

/** UNTRUSTED: the envelope. Afterwards one of the mandate's own signers, with a key in force then, takes it back. */
export function judgeRevocation(judging: JudgingRevocation): MandateRevocation | Refusal {
  const { envelope, authority, mandate, at } = judging
  const signer = signerOf(judging)
  if (isRefusal(signer)) return signer
  const opened = openEnvelope({
    envelope,
    kind: 'mandate-revocation',
    parse: parseAs(MandateRevocation),
  })
  if (isRefusal(opened)) return opened
  const { enterprise, mandateId, personId, notBefore, notAfter } = opened.payload
  if (enterprise !== authority.enterprise) return refuse('WRONG_ENTERPRISE', '/enterprise')
  if (personId !== signer.person.personId) return refuse('PERSON_UNKNOWN', '/personId')
  if (mandateId !== mandate.mandateId) return invalid('/mandateId', 'revokes another mandate')
  if (!mandate.signers.includes(personId))
    return refuse('NOT_ALLOWED', '/personId', 'only a signer of the mandate takes it back')
  if (at < notBefore) return refuse('TOO_EARLY', '/notBefore')
  return at < notAfter ? opened.payload : refuse('EXPIRED', '/notAfter')
}

function wrongUse({ covers, effect }: Mandate, use: MandateUse): Refusal | null {
  const named = (list: readonly string[] | null, one: string | null) =>
    list === null || (one !== null && list.includes(one))
  const checks = {
    kinds: named(covers.kinds, use.kind),
    steps: named(covers.steps, use.stepId),
    tiers: named(covers.tiers, use.tier),
    systems: named(covers.systems, use.systemId),
    partners: named(covers.partners, use.companyId),
    identities: named(covers.identities, use.identityId),
  }
  const miss = Object.entries(checks).find(([, good]) => !good)
  if (miss !== undefined) return invalid(`/covers/${miss[0]}`, 'does not cover this step')
  return effect === 'reduce-only' && use.effect !== 'reduces'
    ? refuse('NOT_REDUCING', '/effect')
    : null
}

/** Wall-clock minutes [from, to) in the window's zone; a window past midnight belongs to the day it begins on. */
function outsideWindow({ window }: Mandate, at: string): Refusal | null {
  if (window === null) return null
  const { fromMinute: from, toMinute: to, weekdays } = window
  if (from === to) return invalid('/window', 'the window is empty')
  const local = clockAt(at, window.zone)
  if (local === null) return invalid('/window/zone', 'no such time zone')
  const { weekday, minute } = local
  const dayBefore = weekday === 1 ? 7 : weekday - 1
  const day = from > to && minute < to ? dayBefore : weekday
  const inside = from < to ? from <= minute && minute < to : from <= minute || minute < to
  return inside && weekdays.includes(day) ? null : invalid('/window', 'outside its window')
}

/** The calendar day of a time in a zone; a zone that is none has no days, and everything is of one day. */
export const dayIn = (zone: string, at: string): string => clockAt(at, zone)?.date ?? ''

const isCount = (uses: number): boolean => Number.isSafeInteger(uses) && uses >= 0

/** A count that is none covers nothing: what cannot be counted is not capped. */
function usedUp({ caps }: Mandate, { total, today }: JudgingMandate['uses']): Refusal | null {
  if (!isCount(total) || !isCount(today)) return invalid('/caps', 'the uses are not counted')
  if (total >= caps.total) return invalid('/caps/total', `used ${total} times`)
  return today >= caps.perDay ? invalid('/caps/perDay', `used ${today} times today`) : null
}

/**
 * Retention: how long what can be erased of a closed case is kept, and the *holds* that keep it longer. The same question
 * is asked when it is purged and by whoever computes the store again.
 *   retentionOf  pack + case -> for how long, by which rules; null: for ever
 *   judgeHold    may this envelope place or release a hold? An officer's may
 *   letGo        may what is kept of this case go now?
 */
import type { Authority } from '../authority/authority.js'
import { signerOf } from '../authority/signer.js'
import type { Digest } from '../bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import { isOfPartner } from '../review/evidence-query.js'
import { type Envelope, Hold, type HoldScope } from '../shapes/envelope.js'
import type { CaseOpened } from '../shapes/event.js'
import type { HoldPlaced, HoldReleased, PurgedCase } from '../shapes/ops-event.js'
import { parseAs } from '../shapes/parse.js'
import type { Pack } from '../shapes/policy.js'
import { openEnvelope, type Verify } from '../signed/envelope.js'
import { matches } from './policy.js'

/** By all matching rules, the longest; one that names none keeps for ever. */
export function retentionOf(
  pack: Pack,
  { asked, tier, systemId, change }: CaseOpened,
): { readonly ms: number; readonly rules: readonly string[] } | null {
  const rules = pack.rules.filter((rule) =>
    matches(rule, { kind: asked.kind, tier, systemId, change }),
  )
  const spans = rules.flatMap(({ retention }) => retention ?? [])
  if (rules.length === 0 || spans.length < rules.length) return null
  return { ms: Math.max(...spans), rules: rules.map(({ id }) => id).sort() }
}

/** UNTRUSTED: the envelope. Afterwards an active officer of the enterprise signed it, for this time. */
export function judgeHold(judging: {
  readonly envelope: Envelope
  readonly authority: Authority
  readonly verify: Verify
  readonly at: string
}): Hold | Refusal {
  const { envelope, authority, at } = judging
  const signer = signerOf(judging)
  if (isRefusal(signer)) return signer
  const opened = openEnvelope({ envelope, kind: 'hold', parse: parseAs(Hold) })
  if (isRefusal(opened)) return opened
  const hold = opened.payload
  const { person } = signer
  if (hold.enterprise !== authority.enterprise) return refuse('WRONG_ENTERPRISE', '/enterprise')
  if (hold.personId !== person.personId) return refuse('PERSON_UNKNOWN', '/personId')
  if (person.status !== 'active') return refuse('PERSON_DISABLED', '/personId')
  if (!person.duties.includes('officer'))
    return refuse('NOT_ALLOWED', '/personId', 'an officer places and releases holds')
  if (at < hold.notBefore) return refuse('TOO_EARLY', '/notBefore')
  return at < hold.notAfter ? hold : refuse('EXPIRED', '/notAfter')
}

export interface Standing {
  readonly holdId: string
  readonly scope: HoldScope
}

/** The holds that were placed and not released. */
export const standingHolds = (
  events: readonly (HoldPlaced | HoldReleased)[],
): readonly Standing[] => {
  const released = new Set(
    events.flatMap((event) => (event.type === 'HoldReleased' ? [event.holdId] : [])),
  )
  return events.flatMap((event) =>
    event.type === 'HoldPlaced' && !released.has(event.holdId) ? [event] : [],
  )
}

const isHeldBy = (opened: CaseOpened, { scope }: Standing): boolean => {
  if (scope.kind === 'case') return opened.caseId === scope.id
  if (scope.kind === 'partner') return isOfPartner(opened, scope.id)
  return opened.scope.kind === 'identity' && opened.scope.id === scope.id
}

export interface LettingGo {
  readonly opened: CaseOpened
  /** Its last word; null while the case is open. */
  readonly closed: { readonly at: string; readonly hash: Digest } | null
  readonly pack: Pack
  readonly holds: readonly Standing[]
  /** ISO time. */
  readonly at: string
}

/** Refuses CASE_OPEN, NO_RULE where no rule lets it go, TOO_EARLY, and HELD, naming the hold. */
export function letGo({ opened, closed, pack, holds, at }: LettingGo): PurgedCase | Refusal {
  const { caseId } = opened
  if (closed === null) return refuse('CASE_OPEN', `/${caseId}`, 'the case is open')
  const retention = retentionOf(pack, opened)
  if (retention === null) return refuse('NO_RULE', `/${caseId}`, 'no rule says how long it is kept')
  const { ms: keptMs, rules } = retention
  const until = new Date(Date.parse(closed.at) + keptMs).toISOString()
  if (at < until) return refuse('TOO_EARLY', `/${caseId}`, `it is kept until ${until}`)
  const hold = holds.find((one) => isHeldBy(opened, one))
  if (hold !== undefined) return refuse('HELD', `/${caseId}`, `the hold ${hold.holdId} keeps it`)
  return { caseId, closedAt: closed.at, closing: closed.hash, rules: [...rules], keptMs }
}

/**
 * Emergency access (break-glass): who may ask for it and for how long, which uses are unreviewed, and what those do
 * to the next. Each raises its quorum and keeps out whoever asked or approved, but never so far that nobody is
 * left: the *last way out* is the least that has to give way, and the requirement says which.
 */

import type { Authority } from '../authority/authority.js'
import type { Matter } from '../authority/matter.js'
import { isAttestedBy } from '../case/attestation.js'
import { type CaseState, countingVotes, type Recorded, stepOf } from '../case/case.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { Asked } from '../shapes/asked.js'
import type { Change } from '../shapes/basic.js'
import type { EmergencyEvent } from '../shapes/emergency-event.js'
import type { CaseOpened, EventOf } from '../shapes/event.js'
import type { Pack } from '../shapes/policy.js'
import type { ResolvedRequirement } from '../shapes/requirement.js'
import type { Verify } from '../signed/envelope.js'
import { emergencyTerms } from './periods.js'
import { accountableFor, preflight } from './policy.js'
import { satisfied } from './quorum.js'

export const emergencyStream = (enterprise: string): string => `emergency-use:${enterprise}`

export interface AskingEmergency {
  readonly authority: Authority
  readonly matter: Matter
  readonly asked: Asked
  readonly requester: { readonly personId: string | null }
  readonly change: Change
  readonly pack: Pack
  readonly at: string
}

/** Null when this emergency may be asked for so, by this requester; of other kinds of case nothing is asked here. */
export function admitEmergency(asking: AskingEmergency): Refusal | null {
  const { authority, matter, asked, requester, change, pack, at } = asking
  if (asked.kind !== 'break-glass') return null
  const { identity, tier, systemId } = matter
  if (!accountableFor(authority, { matter, kind: asked.kind }).includes(requester.personId ?? ''))
    return refuse('NOT_ALLOWED', '/requester/personId', 'nobody who answers for it asks')
  if (identity?.custodian !== null)
    return refuse('NOT_ALLOWED', '/identity/custodian', 'what a partner holds is no way in')
  if (!identity.consumers.some(({ consumerId }) => consumerId === asked.recipient))
    return refuse('NOT_ALLOWED', '/recipient', 'no recipient of this id is registered for it')
  const terms = emergencyTerms(pack, { tier, systemId, change })
  if (terms === null) return refuse('NO_RULE', '/emergency')
  const left = Date.parse(asked.until) - Date.parse(at)
  return left > 0 && left <= terms.longestMs
    ? null
    : refuse('NOT_ALLOWED', '/until', `not within the next ${terms.longestMs} ms`)
}

/** One use of emergency access, as the stream of all of them tells it. */
export interface EmergencyUse {
  readonly used: Extract<EmergencyEvent, { type: 'EmergencyUsed' }>
  readonly at: string
  readonly settled: 'no' | 'yes'
}

/** As far as a connector that the authority names signed it; what anybody else adds settles nothing. */
export function emergencyUsesIn(
  told: readonly { readonly at: string; readonly event: EmergencyEvent }[],
  by: { readonly authority: Authority; readonly verify: Verify },
): readonly EmergencyUse[] {
  const events = told.filter(({ event }) => isAttestedBy({ ...by, caseId: event.caseId, event }))
  const settled = new Set(
    events.flatMap(({ event }) => (event.type === 'EmergencySettled' ? [event.caseId] : [])),
  )
  return events.flatMap(({ at, event }) =>
    event.type === 'EmergencyUsed'
      ? [
          {
            used: event,
            at,
            settled: settled.has(event.caseId) ? ('yes' as const) : ('no' as const),
          },
        ]
      : [],
  )
}

/** Why a use counts no more, as the entries of its case say; null while it counts. A review that declines is one. */
export function settledBy(state: CaseState): 'approved' | 'disapproved' | 'unused' | null {
  const phaseOf = (stepId: string) => stepOf(state, stepId)?.phase
  if (phaseOf('review') === 'performed') return 'approved'
  if (phaseOf('review') === 'declined') return 'disapproved'
  const given = phaseOf('open') === 'performed' || phaseOf('open') === 'undone'
  return state.outcome !== null && !given ? 'unused' : null
}

/** Whoever asked for a use or approved it, and how many uses that are: unreviewed ones, young enough to count, of other cases. */
export function unreviewed(
  uses: readonly EmergencyUse[],
  of: { readonly besides: string; readonly at: string; readonly countsForMs: number },
): { readonly count: number; readonly persons: readonly string[] } {
  const since = new Date(Date.parse(of.at) - of.countsForMs).toISOString()
  const counted = uses.filter(
    ({ used, at, settled }) => settled === 'no' && at >= since && used.caseId !== of.besides,
  )
  const persons = counted.flatMap(({ used }) => [used.askedBy, ...used.approvedBy])
  return { count: counted.length, persons: [...new Set(persons)].sort() }
}

interface Opening {
  readonly opened: CaseOpened
  readonly matter: Matter
  readonly uses: readonly EmergencyUse[]
  readonly authority: Authority
  readonly pack: Pack
  readonly at: string
}

/** Null when whoever asks owes no review, or when everybody who could ask instead owes one too. */
export function askerOwes(
  opening: Omit<Opening, 'opened'> & {
    readonly caseId: string
    readonly askedBy: string | null
    readonly change: Change
  },
): Refusal | 'last way out' | null {
  const { matter, uses, authority, pack, at, caseId, askedBy, change } = opening
  const { tier, systemId } = matter
  const terms = emergencyTerms(pack, { tier, systemId, change })
  if (terms === null) return refuse('NO_RULE', '/emergency')
  const { persons } = unreviewed(uses, { at, besides: caseId, countsForMs: terms.countsForMs })
  if (!persons.includes(askedBy ?? '')) return null
  const others = accountableFor(authority, { matter, kind: 'break-glass' })
  return others.every((person) => persons.includes(person))
    ? 'last way out'
    : refuse(
        'NOT_ALLOWED',
        '/requester/personId',
        'a use that this person had part in is unreviewed',
      )
}

export interface Rung {
  /** Kept out of the approvers. */
  readonly involved: readonly string[]
  /** How many persons more than the policy asks. */
  readonly more: number
}

/**
 * The requirement of an opening after these uses. What has to give way so that somebody can sign in time gives way
 * in this order: the raised quorum, then who is kept out. `rules` names what was raised, and the last way out.
 */
export function openingRequirement(
  opening: Opening & { readonly resolve: (rung: Rung) => ResolvedRequirement | Refusal },
): ResolvedRequirement | Refusal {
  const { opened, matter, uses, authority, pack, at, resolve } = opening
  const { asked, requester, caseId, change } = opened
  if (asked.kind !== 'break-glass') throw new TypeError('no emergency')
  if (at >= asked.until) return refuse('TOO_LATE', '/asked/until', 'its time is over')
  const owes = askerOwes({ ...opening, caseId, askedBy: requester.personId, change })
  if (isRefusal(owes)) return owes
  const { tier, systemId } = matter
  const terms = emergencyTerms(pack, { tier, systemId, change })
  if (terms === null) return refuse('NO_RULE', '/emergency')
  const { countsForMs, raise, most } = terms
  const { count, persons } = unreviewed(uses, { at, besides: caseId, countsForMs })
  if (count === 0) return resolve({ involved: [], more: 0 })
  const more = Math.min(raise * count, most)
  const asker = owes === null ? [] : ['last-way-out:asker']
  const said = [`unreviewed-uses:${count}`, ...asker]
  const raised = `quorum-raised-by:${more}`
  const rungs = [
    { rung: { involved: persons, more }, marks: [raised] },
    { rung: { involved: persons, more: 0 }, marks: [BASE_QUORUM] },
    { rung: { involved: [], more }, marks: [raised, NOBODY_OUT] },
  ]
  for (const { rung, marks } of rungs) {
    const resolved = resolve(rung)
    if (isRefusal(resolved)) continue
    const requirements = { [resolved.requirement.stepId]: resolved }
    if (preflight({ requirements, authority, at }) === null)
      return { ...resolved, rules: [...resolved.rules, ...said, ...marks] }
  }
  const last = resolve({ involved: [], more: 0 })
  return isRefusal(last)
    ? last
    : { ...last, rules: [...last.rules, ...said, BASE_QUORUM, NOBODY_OUT] }
}

const BASE_QUORUM = 'last-way-out:base-quorum'
const NOBODY_OUT = 'last-way-out:nobody-kept-out'

/** Whoever asked for the case or approved anything in it, in whichever round. */
export const tookPartIn = (recorded: readonly Recorded[]): readonly string[] =>
  sortedOnce(
    recorded.flatMap(({ event }) =>
      event.type === 'DecisionAdmitted' && event.verdict === 'approve' && event.stepId !== 'review'
        ? [event.votes, event.signedBy]
        : [],
    ),
  )

/** Whoever approved under these decisions, and whoever signed for one who did. */
export const approversIn = (
  recorded: readonly Recorded[],
  decisionIds: readonly string[],
): string[] =>
  sortedOnce(
    recorded
      .map(({ event }) => event)
      .filter((event): event is EventOf<'DecisionAdmitted'> => event.type === 'DecisionAdmitted')
      .filter(({ decisionId }) => decisionIds.includes(decisionId))
      .flatMap(({ votes, signedBy }) => [votes, signedBy]),
  )

const sortedOnce = (persons: readonly string[]): string[] => [...new Set(persons)].sort()

/** Tests whether the end of the access is signed: nothing is opened whose end would wait for anybody. */
export function isEndSigned(state: CaseState, at: string): boolean {
  const end = stepOf(state, 'end')
  const pinned = state.opened?.requirements.end
  if (end === null || pinned === undefined) return false
  const votes = countingVotes(end, at).map(({ person }) => person)
  return satisfied({ requirement: pinned.requirement, votes })
}

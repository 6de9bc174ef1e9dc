/**
 * What there is to tell, and to whom: who is meant, ids that stay the same, and what follows from clocks. Of a case it is
 * in notice-case.ts, of the streams beside the cases in notice-beside.ts. Pure: entries in, notices out.
 */

import { isCovered } from '../approval/approval.js'
import { type Authority, within } from '../authority/authority.js'
import { digest } from '../bytes/digest.js'
import { withDuty } from '../policy/policy.js'
import type { Mandate } from '../shapes/envelope.js'
import type { CaseOpened } from '../shapes/event.js'
import type { Notice, Topic } from '../shapes/notice.js'

/** Who is told besides those whom the entries name. */
export interface People {
  /** Who may cast this person's vote on such a case now. */
  readonly delegatesOf: (
    personId: string,
    on: { readonly opened: CaseOpened; readonly at: string },
  ) => readonly string[]
  readonly onDuty: readonly string[]
  readonly officers: readonly string[]
  /** Owners, and keepers, of what a fence stands around. */
  readonly around: (scope: { readonly kind: string; readonly id: string }) => readonly string[]
}

/** With no authority in force: those whom the entries name, and no others. */
export const NOBODY_ELSE: People = {
  delegatesOf: () => [],
  onDuty: [],
  officers: [],
  around: ({ kind, id }) => (kind === 'partner' ? [`partner:${id}`] : []),
}

export const peopleOf = (authority: Authority): People => ({
  delegatesOf: (personId, { opened, at }) =>
    authority.delegations
      .filter(
        (item) =>
          item.from === personId &&
          within(item, at) &&
          item.kinds.includes(opened.asked.kind) &&
          isCovered(item.systems, opened.systemId),
      )
      .map(({ to }) => to),
  onDuty: withDuty(authority, 'duty-person'),
  officers: withDuty(authority, 'officer'),
  around: ({ kind, id }) => {
    const held = [...authority.identities.values()].filter(
      ({ identityId, systemId, custodian }) =>
        ({ identity: identityId, system: systemId, partner: custodian })[kind] === id,
    )
    return [
      ...NOBODY_ELSE.around({ kind, id }),
      ...held.map(({ ownerId }) => `person:${ownerId}`),
      ...held.flatMap(({ custodian }) => (custodian === null ? [] : [`partner:${custodian}`])),
    ]
  },
})

export type Telling = Pick<Notice, 'topic' | 'at' | 'says' | 'look'> &
  Partial<Omit<Notice, 'id' | 'to'>> & {
    /** What makes it this notice and no other: the hash of an entry, or what a clock says. */
    readonly cause: string
  }

/** One for each recipient, each recipient once. */
export const tell = (to: readonly string[], telling: Telling): readonly Notice[] =>
  [...new Set(to)].map((recipient) => {
    const { cause, ...said } = telling
    return {
      ...{ caseId: null, stepId: null, round: null, onBehalfOf: null, until: null },
      ...{ from: said.at, ...said },
      ...{ id: noticeId({ cause, topic: said.topic, to: recipient }), to: recipient },
    }
  })

const noticeId = (of: {
  readonly cause: string
  readonly topic: Topic
  readonly to: string
}): string => `ntc_${digest(of).slice('sha256:'.length, 'sha256:'.length + 32)}`

export const person = (personId: string): string => `person:${personId}`

/** Standing in a place between two moments: 0 at the first, 1 at the last. */
export const between = (from: string, until: string, part: number): string =>
  new Date(Date.parse(from) + (Date.parse(until) - Date.parse(from)) * part).toISOString()

const WEEK_MS = 604_800_000

/** Each signer of a mandate in force hears once a week what was done under it, and how to take it back. */
export function mandateDigests(
  listed: {
    readonly mandate: Mandate
    readonly used: number
    readonly lately: readonly unknown[]
    readonly revoked: 'no' | 'yes'
  },
  at: string,
): readonly Notice[] {
  const { mandate, used, lately, revoked } = listed
  const { mandateId, caps, covers, signers, notBefore, notAfter } = mandate
  const week = Math.floor((Date.parse(at) - Date.parse(notBefore)) / WEEK_MS)
  if (revoked === 'yes' || week < 1) return []
  return tell(signers.map(person), {
    ...{ cause: `${mandateId}/week/${week}`, topic: 'mandate-digest', at, until: notAfter },
    says: `Mandate ${mandateId} (${covers.kinds.join(', ')}: ${covers.steps.join(', ')}) was used ${lately.length} times in the last seven days, ${used} of ${caps.total} in all. Any one of its signers takes it back with: countersign mandate revoke ${mandateId}`,
    look: 'countersign mandate digest',
  })
}

/** What the operators have to hear of the log: who does not cosign it, and that nothing is signed. */
export function logNotices(of: {
  readonly at: string
  readonly size: number
  readonly unsignedSince: string | null
  readonly missing: readonly {
    readonly name: string
    readonly size: number
    readonly words: string
  }[]
}): readonly Notice[] {
  const { at, size, unsignedSince, missing } = of
  const look = 'countersign doctor'
  const stopped = unsignedSince !== null && Date.parse(at) - Date.parse(unsignedSince) > UNSIGNED_MS
  return [
    ...missing.flatMap(({ name, size: cosigned, words }) =>
      tell(['ops'], {
        ...{ cause: `witness/${name}/${cosigned}`, topic: 'witness-missing', at, look },
        says: `The log's ${words}`,
      }),
    ),
    ...(stopped
      ? tell(['ops'], {
          ...{ cause: `signer/${size}`, topic: 'signer-stopped', at, look },
          says: `The log is not signed: evidence since ${unsignedSince} waits. No target is changed until it is; stop and cut still work.`,
        })
      : []),
  ]
}

const UNSIGNED_MS = 30_000

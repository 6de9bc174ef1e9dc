/**
 * A *record* is what a mandate's own stream says: what was signed, when it was used, who took it back.
 * judgeUse: does this mandate cover this step of this case, now? Asked when the gate opens, again in the
 * execution gate, and by the verifier.
 */
import type { Authority } from '../authority/authority.js'
import { digest } from '../bytes/digest.js'
import { type CaseState, stepOf } from '../case/case.js'
import { effectOf } from '../case/effect.js'
import { KINDS } from '../kinds.js'
import { mandateRequirement } from '../policy/policy.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { AuthorityReference } from '../shapes/basic.js'
import type { Envelope, Mandate } from '../shapes/envelope.js'
import type { MandateEvent } from '../shapes/mandate-event.js'
import type { Pack } from '../shapes/policy.js'
import type { Verify } from '../signed/envelope.js'
import {
  dayIn,
  judgeMandate,
  type MandateUsed,
  type RecordedRevocation,
  readMandate,
} from './mandate.js'

export const mandateStream = (mandateId: string): string => `mandate:${mandateId}`

export interface MandateRecord {
  readonly envelope: Envelope
  /** When it was used, ISO, in order, and for which step of which case. */
  readonly used: readonly {
    readonly at: string
    readonly caseId: string
    readonly stepId: string
  }[]
  readonly revocations: readonly RecordedRevocation[]
}

export interface RecordedMandateEvent {
  readonly at: string
  readonly event: MandateEvent
}

/** The bundle of this reference, as of a time. */
export type NamedAuthority = (reference: AuthorityReference, at: string) => Authority | Refusal

/** What the mandate's own stream says of it. Null when the stream does not begin with the very mandate. */
export function recordOf(of: {
  readonly mandateId: string
  readonly events: readonly RecordedMandateEvent[]
  readonly named: NamedAuthority
}): MandateRecord | null {
  const { mandateId, named } = of
  const [given, ...rest] = of.events.filter(({ event }) => event.mandateId === mandateId)
  if (given?.event.type !== 'MandateGiven') return null
  const { envelope } = given.event
  const mandate = readMandate(envelope)
  // A second stream of one mandate would count its uses anew.
  if (isRefusal(mandate) || mandate.mandateId !== mandateId) return null
  return {
    envelope,
    used: rest.flatMap(({ at, event }) => {
      if (event.type !== 'MandateUsed') return []
      const { caseId, stepId } = event
      return [{ at, caseId, stepId }]
    }),
    revocations: rest.flatMap(({ at, event }) =>
      event.type === 'MandateRevoked'
        ? [{ at, envelope: event.envelope, authority: named(event.authority, at) }]
        : [],
    ),
  }
}

export interface JudgingUse {
  readonly record: MandateRecord
  readonly state: CaseState
  readonly stepId: string
  readonly authority: Authority
  readonly pack: Pack
  readonly verify: Verify
  /** ISO time of the use. */
  readonly at: string
}

/** Refuses what judgeMandate refuses, NOT_DUE for a step that the plan does not have, and emergency access but for its end. */
export function judgeUse(judging: JudgingUse): MandateUsed | Refusal {
  const { record, state, stepId, authority, pack, verify, at } = judging
  const { opened } = state
  const step = stepOf(state, stepId)
  if (opened === null || step === null) return refuse('NOT_DUE', `/steps/${stepId}`)
  if (opened.asked.kind === 'break-glass' && stepId !== 'end')
    return refuse('MANDATE_INVALID', '/stepId', 'people open emergency access and review it')
  const { envelope, revocations } = record
  const mandate = readMandate(envelope)
  if (isRefusal(mandate)) return mandate
  if (isDrawn(mandate, { state, stepId }))
    return refuse('MANDATE_INVALID', '/sendOneIn', 'drawn by lot: people decide on this one')
  const quorum = mandateRequirement({ authority, pack })
  if (isRefusal(quorum)) return quorum
  const zone = mandate.window?.zone ?? 'UTC'
  const { tier, systemId, scope } = opened
  const identityId = scope.kind === 'identity' ? scope.id : null
  const companyId = opened.contract === null ? null : opened.executor
  return judgeMandate({
    ...{ envelope, authority, verify, at, revocations, quorum },
    use: {
      ...{ kind: opened.asked.kind, stepId, tier, systemId, companyId, identityId },
      effect: effectOf(step.step),
    },
    uses: {
      total: record.used.length,
      today: record.used.filter((one) => dayIn(zone, one.at) === dayIn(zone, at)).length,
    },
  })
}

/**
 * Whether people decide on this step although the mandate covers it. The lot is the digest of mandate, case, plan and
 * step, so whoever has them draws the same; nobody knows it before the plan is drawn. What has to be done at once is
 * never drawn.
 */
export function isDrawn(
  { mandateId, sendOneIn }: Mandate,
  { state, stepId }: Pick<JudgingUse, 'state' | 'stepId'>,
): boolean {
  const { caseId, planHash, opened } = state
  if (sendOneIn === undefined || opened === null || planHash === null) return false
  if (KINDS[opened.asked.kind].urgency === 'at-once') return false
  const lot = digest({ mandateId, caseId, planHash, stepId }).slice('sha256:'.length)
  return Number.parseInt(lot.slice(0, 12), 16) % sendOneIn === 0
}

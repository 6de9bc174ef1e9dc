/**
 * A task is a step that the partner executes: leased over HTTP under a growing lease number (the
 * fencing token of the claim), claimed with the partner's signature, and believed only when the
 * enterprise's probe sees it.
 */
import { type Authority, inForce } from '../authority/authority.js'
import { type CaseState, isEnding, type StepState, stepOf } from '../case/case.js'
import { sayStepsOf } from '../plans/plan.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import { Claim, type Envelope } from '../shapes/envelope.js'
import type { CaseEvent, CaseOpened, EventOf } from '../shapes/event.js'
import { parseAs } from '../shapes/parse.js'
import type { Step } from '../shapes/plan.js'
import { openEnvelope, type Verify, verifySignature } from '../signed/envelope.js'

/** The connector's own operations begin here: a partner's delivery is the task itself. */
export const ownFrom = ({ operations }: Step): number => (operations[0]?.op === 'deliver' ? 1 : 0)

/**
 * Until when a task that is offered now is the partner's: at least as long as the policy says, and until a demand is
 * due; never beyond the window in which its step was approved.
 */
export function taskUntil(input: {
  readonly opened: CaseOpened
  readonly step: StepState
  readonly at: string
}): string {
  const { opened, step, at } = input
  const least = new Date(Date.parse(at) + opened.settings.claimWithinMs).toISOString()
  const asked =
    opened.asked.kind === 'demand' && opened.asked.due > least ? opened.asked.due : least
  const window = step.gate?.window ?? null
  return window !== null && window.until < asked ? window.until : asked
}

export interface LeaseTask {
  readonly stepId: string
  readonly companyId: string
  readonly leaseMs: number
  readonly at: string
}

/**
 * A lease goes to the executing company, never outlives the task, and makes every earlier lease worthless.
 * Who was fenced or declined may take nothing more; what was taken before may still be claimed.
 */
export function leaseTask(state: CaseState, command: LeaseTask): EventOf<'TaskLeased'> | Refusal {
  const step = stepOf(state, command.stepId)
  const where = `/tasks/${command.stepId}`
  if (state.opened?.executor !== command.companyId) return refuse('CASE_UNKNOWN', where)
  if (state.plan !== null && step === null)
    return refuse('WRONG_STEP', where, sayStepsOf(state.opened.asked.kind))
  if (step?.phase !== 'offered' || step.task === null || step.grant === null || isEnding(state))
    return refuse('NOT_DUE', where, `no task is offered for ${command.stepId}`)
  if (command.at >= step.task.until) return refuse('LEASE_LOST', where, 'the task is over')
  const ends = new Date(Date.parse(command.at) + command.leaseMs).toISOString()
  return {
    type: 'TaskLeased',
    stepId: command.stepId,
    grantId: step.grant.grantId,
    companyId: command.companyId,
    lease: step.task.leases + 1,
    until: ends < step.task.until ? ends : step.task.until,
  }
}

export interface RecordClaim {
  readonly envelope: Envelope
  readonly authority: Authority
  readonly verify: Verify
  readonly at: string
}

/** UNTRUSTED: the partner's word. Afterwards the executing company signed it for this grant under the live lease; it proves nothing else. */
export function recordClaim(
  state: CaseState,
  command: RecordClaim,
): readonly CaseEvent[] | Refusal {
  const claim = judgeClaim(state, command)
  if (isRefusal(claim)) return claim
  const step = stepOf(state, claim.stepId)
  if (step?.phase !== 'offered' || step.grant?.grantId !== claim.grantId)
    return refuse('NOT_DUE', '/grantId', 'no task is offered under this grant')
  const lease = step.task?.lease
  if (lease?.number !== claim.fencingToken || command.at >= lease.until)
    return refuse('LEASE_LOST', '/fencingToken')
  const { version, hash } = command.authority
  return [
    {
      type: 'ClaimRecorded',
      stepId: claim.stepId,
      grantId: claim.grantId,
      claimId: claim.claimId,
      outcome: claim.outcome,
      operatorId: claim.operatorId,
      changeReference: claim.changeRecord.reference,
      envelope: command.envelope,
      authority: { version, hash },
    },
  ]
}

/** Afterwards the bytes were signed with a claim key of the company that executes this case. */
export function judgeClaim(state: CaseState, command: RecordClaim): Claim | Refusal {
  const { envelope, authority, verify, at } = command
  const company = authority.companies.get(state.opened?.executor ?? '')
  const key = company?.claimKeys.find((item) => item.keyId === envelope.signatures[0]?.keyid)
  if (key === undefined) return refuse('CLAIM_INVALID', '/signatures/0/keyid')
  if (!inForce(key, at)) return refuse('KEY_REVOKED', '/signatures/0/keyid')
  const verified = verifySignature({ envelope, index: 0, key, verify })
  if (verified !== true) return verified
  const opened = openEnvelope({ envelope, kind: 'claim', parse: parseAs(Claim) })
  if (isRefusal(opened)) return opened
  const { payload } = opened
  if (payload.enterprise !== authority.enterprise) return refuse('WRONG_ENTERPRISE', '/enterprise')
  if (payload.companyId !== company?.companyId) return refuse('CLAIM_INVALID', '/companyId')
  return payload.caseId === state.caseId ? payload : refuse('WRONG_CASE', '/caseId')
}

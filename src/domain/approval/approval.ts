/**
 * judge: may this envelope count as this person's decision at this gate? One pure function, used to
 * admit a decision, to enforce it in the execution gate, and to re-check it offline years later.
 * It reads like the questions a lawyer would ask, in that order; each answers or refuses.
 */
import { type Authority, inForce, within } from '../authority/authority.js'
import { type Signer, signerOf } from '../authority/signer.js'
import { type CaseState, isEnding, type StepState, stepOf } from '../case/case.js'
import { judgeChoices } from '../policy/choice.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import { personsServedBy } from '../shapes/asked.js'
import { Decision, type Envelope } from '../shapes/envelope.js'
import { parseAs } from '../shapes/parse.js'
import type { Choice } from '../shapes/recertify.js'
import type { Requirement } from '../shapes/requirement.js'
import { openEnvelope, type Verify } from '../signed/envelope.js'

export interface Judged {
  readonly decision: Decision
  /** Whose one vote this is. */
  readonly votes: string
  readonly signedBy: string
  /** The round it counts for; 0 when given ahead. */
  readonly round: number
}

export interface Judging {
  readonly envelope: Envelope
  /** What came beside it. */
  readonly choices: readonly Choice[] | null
  /** The case as its entries say it is. */
  readonly state: CaseState
  readonly authority: Authority
  readonly verify: Verify
  /** ISO time at which the decision has to count. */
  readonly at: string
}

/** UNTRUSTED: the envelope may come from anybody. Afterwards it is this person's decision for exactly this gate. */
export function judge(judging: Judging): Judged | Refusal {
  const signer = signerOf(judging)
  if (isRefusal(signer)) return signer
  const opened = openEnvelope({
    envelope: judging.envelope,
    kind: 'decision',
    parse: parseAs(Decision),
  })
  if (isRefusal(opened)) return opened
  const decision = opened.payload
  const step = whichStep(judging, decision)
  if (isRefusal(step)) return step
  const requirement = requirementOf(judging.state, step)
  if (isRefusal(requirement)) return requirement
  return (
    wrongTime(judging, decision) ??
    wrongBinding({ judging, decision, step, requirement: requirement.requirementHash }) ??
    wrongGate({ judging, decision, step, requirement: requirement.requirement }) ??
    wrongPerson({ judging, decision, signer, requirement: requirement.requirement }) ??
    judgeChoices({ ...judging, plan: judging.state.plan, decision }) ?? {
      decision,
      votes: decision.onBehalfOf ?? decision.personId,
      signedBy: decision.personId,
      round: 'nonce' in decision.gate ? step.round : 0,
    }
  )
}

function whichStep({ state, authority }: Judging, decision: Decision): StepState | Refusal {
  if (decision.enterprise !== authority.enterprise) return refuse('WRONG_ENTERPRISE', '/enterprise')
  if (decision.caseId !== state.caseId) return refuse('WRONG_CASE', '/caseId')
  if (state.planHash === null)
    return refuse('GATE_NOT_OPEN', '/planHash', 'the case has no plan yet')
  if (decision.planHash !== state.planHash) return refuse('WRONG_PLAN', '/planHash')
  return stepOf(state, decision.stepId) ?? refuse('WRONG_STEP', '/stepId')
}

/** The requirement of an open gate, or the one resolved when the case opened. */
function requirementOf(state: CaseState, step: StepState) {
  const resolved = step.gate?.resolved ?? state.opened?.requirements[step.step.stepId]
  return resolved ?? refuse('WRONG_STEP', '/stepId', 'the step has no requirement')
}

function wrongTime({ at }: Judging, decision: Decision): Refusal | null {
  if (at < decision.notBefore) return refuse('TOO_EARLY', '/notBefore')
  return at < decision.notAfter ? null : refuse('EXPIRED', '/notAfter')
}

interface Binding {
  readonly judging: Judging
  readonly decision: Decision
  readonly step: StepState
}

function wrongBinding({ judging, decision, step, requirement }: Binding & { requirement: string }) {
  if (isEnding(judging.state)) return refuse('TOO_LATE', '/caseId', 'the case is closed')
  if (decision.requirementHash !== requirement)
    return refuse('REQUIREMENT_CHANGED', '/requirementHash')
  const late = ['granted', 'offered', 'claimed', 'failed', 'performed', 'undone'] as const
  return late.some((phase) => phase === step.phase) ? refuse('TOO_LATE', '/stepId') : null
}

/**
 * Afterwards the decision is for this opening of the gate, or was validly given ahead: whatever it
 * waits for is observed whenever it is counted.
 */
function wrongGate({
  judging,
  decision,
  step,
  requirement,
}: Binding & { requirement: Requirement }) {
  if ('nonce' in decision.gate) {
    const { gate, phase } = step
    if (gate === null || (phase !== 'open' && phase !== 'satisfied'))
      return refuse('GATE_NOT_OPEN', '/gate/nonce')
    if (decision.gate.preStateHash !== gate.preStateHash)
      return refuse('PRESTATE_CHANGED', '/gate/preStateHash')
    if (decision.gate.nonce !== gate.nonce) return refuse('WRONG_NONCE', '/gate/nonce')
    const { notBefore } = decision
    const { window } = gate
    // The window was signed for, so waiting for it does not age what was signed.
    const agesFrom = window !== null && notBefore < window.from ? window.from : notBefore
    const tooOld = Date.parse(agesFrom) + requirement.decisionMaxAgeMs < Date.parse(judging.at)
    return tooOld ? refuse('EXPIRED', '/notBefore', 'older than the policy accepts') : null
  }
  const { opensWhen } = decision.gate
  if (decision.verdict === 'ask')
    return refuse('GATE_NOT_OPEN', '/verdict', 'a question needs an open gate')
  if (requirement.ahead === 'forbidden') return refuse('AHEAD_FORBIDDEN', '/gate/opensWhen')
  const weaker = requirement.facts.find((fact) => !opensWhen.includes(fact))
  if (weaker !== undefined)
    return refuse('CONDITION_UNMET', '/gate/opensWhen', `it has to wait for ${weaker}`)
  if (decision.verdict === 'decline') return null
  const known = judging.state.facts
  const met = step.gate === null ? [...known, ...step.step.needs, ...requirement.facts] : known
  const never = opensWhen.find((fact) => !met.includes(fact))
  return never === undefined
    ? null
    : refuse('CONDITION_UNMET', '/gate/opensWhen', `this gate does not wait for ${never}`)
}

interface Voting {
  readonly judging: Judging
  readonly decision: Decision
  readonly signer: Signer
  readonly requirement: Requirement
}

/** Afterwards the vote belongs to one enterprise person whom this gate asks, and who did not request it. */
function wrongPerson({ judging, decision, signer, requirement }: Voting): Refusal | null {
  const { authority, state } = judging
  if (decision.personId !== signer.person.personId)
    return refuse('PERSON_UNKNOWN', '/personId', 'signed with another person’s key')
  const voter = decision.onBehalfOf ?? decision.personId
  for (const personId of new Set([decision.personId, voter])) {
    const wrong = wrongVoter({ authority, state, personId })
    if (wrong !== null) return wrong
  }
  if (decision.onBehalfOf !== null && !isDelegated({ judging, decision, requirement }))
    return refuse('DELEGATION_INVALID', '/onBehalfOf')
  if (!requirement.groups.some((group) => group.persons.includes(voter)))
    return refuse('NOT_AN_APPROVER', '/personId')
  return requirement.assurance === 'passkey' && signer.key.assurance !== 'passkey'
    ? refuse('ASSURANCE_TOO_LOW', '/signatures/0/keyid')
    : null
}

function wrongVoter(input: { authority: Authority; state: CaseState; personId: string }) {
  const { authority, state, personId } = input
  const person = authority.persons.get(personId)
  if (person === undefined) return refuse('PERSON_UNKNOWN', '/personId')
  const { opened } = state
  if (person.companyId === opened?.executor && opened.contract !== null)
    return refuse('EXECUTOR_COMPANY', '/personId')
  if (authority.companies.get(person.companyId)?.kind !== 'enterprise')
    return refuse('EXECUTOR_COMPANY', '/personId', 'not a person of the enterprise')
  if (personId === opened?.requester.personId) return refuse('REQUESTER_NEVER', '/personId')
  if (opened !== null && personsServedBy(opened.asked).includes(personId))
    return refuse('NOT_AN_APPROVER', '/personId', 'the case is about this person')
  return person.status === 'active' ? null : refuse('PERSON_DISABLED', '/personId')
}

/** A vote is lent with a key that the gate would have taken the vote itself from. */
function isDelegated({ judging, decision, requirement }: Omit<Voting, 'signer'>): boolean {
  const { authority, state, at } = judging
  const opened = state.opened
  if (opened === null) return false
  return authority.delegations.some(
    (delegation) =>
      delegation.from === decision.onBehalfOf &&
      delegation.to === decision.personId &&
      within(delegation, at) &&
      inForce(delegation.key, at) &&
      (requirement.assurance !== 'passkey' || delegation.key.assurance === 'passkey') &&
      delegation.kinds.includes(opened.asked.kind) &&
      isCovered(delegation.systems, opened.systemId),
  )
}

/** Whether a list of systems names this one; null: whichever, and work that is on none. */
export const isCovered = (systems: readonly string[] | null, systemId: string | null): boolean =>
  systems === null || (systemId !== null && systems.includes(systemId))

/** What persons and partners send, signed with their real keys: decisions at a gate or ahead, claims, fences. */
import { ulid } from 'ulid'
import { type CaseState, stepOf } from '../../src/domain/case.js'
import type { Fact } from '../../src/domain/shapes/basic.js'
import type { Claim, Decision, Envelope, Fence } from '../../src/domain/shapes/envelope.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { ENTERPRISE, type Keys, type TestPerson } from './authority.js'

export const soon = (ms: number): string => new Date(Date.now() + ms).toISOString()

/** The decision payload that this person would sign at the open gate of the step. */
export function aDecision(
  state: CaseState,
  input: { stepId: string; person: TestPerson; overrides?: Partial<Decision> },
): Decision {
  const step = stepOf(state, input.stepId)
  const pinned = state.opened?.requirements[input.stepId]
  const resolved = step?.gate?.resolved ?? pinned
  if (step === null || resolved === undefined || state.planHash === null)
    throw new Error(`no step ${input.stepId}`)
  return {
    type: 'decision',
    v: 1,
    decisionId: ulid(),
    enterprise: ENTERPRISE,
    caseId: state.caseId,
    stepId: input.stepId,
    planHash: state.planHash,
    requirementHash: resolved.requirementHash,
    gate:
      step.gate === null
        ? { opensWhen: [...resolved.requirement.facts] as Fact[] }
        : { nonce: step.gate.nonce, preStateHash: step.gate.preStateHash },
    verdict: 'approve',
    reasonDigest: null,
    notBefore: soon(-1000),
    notAfter: soon(600_000),
    personId: input.person,
    onBehalfOf: null,
    ...input.overrides,
  }
}

export const signDecision = (keys: Keys, payload: Decision, signedBy?: TestPerson): Envelope => {
  const { keyId, signer } = keys.persons[signedBy ?? (payload.personId as TestPerson)]
  return signEnvelope({ kind: 'decision', payload, keyId, signer })
}

export function aClaim(
  state: CaseState,
  input: { stepId: string; lease: number; overrides?: Partial<Claim> },
): Claim {
  return {
    type: 'claim',
    v: 1,
    claimId: ulid(),
    enterprise: ENTERPRISE,
    companyId: 'com_acme',
    caseId: state.caseId,
    stepId: input.stepId,
    grantId: stepOf(state, input.stepId)?.grant?.grantId ?? '',
    fencingToken: input.lease,
    outcome: 'done',
    operatorId: 'op-17',
    changeRecord: {
      reference: 'CHG0001',
      changeType: 'standard',
      closeCode: 'successful',
      startedAt: soon(-1000),
      endedAt: soon(0),
      notesDigest: null,
    },
    ...input.overrides,
  }
}

export const signClaim = (keys: Keys, payload: Claim): Envelope => {
  const { keyId, signer } = keys.claims.com_acme
  return signEnvelope({ kind: 'claim', payload, keyId, signer })
}

export function signFence(
  keys: Keys,
  input: { person: TestPerson; scope: Fence['scope'] },
): Envelope {
  const { keyId, signer } = keys.persons[input.person]
  const payload: Fence = {
    type: 'fence',
    v: 1,
    fenceId: ulid(),
    enterprise: ENTERPRISE,
    scope: input.scope,
    speed: 'stop',
    reasonDigest: null,
    personId: input.person,
    notBefore: soon(-1000),
    notAfter: soon(60_000),
  }
  return signEnvelope({ kind: 'fence', payload, keyId, signer })
}

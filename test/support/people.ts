/** What persons and partners send, signed with their real keys: decisions at a gate or ahead, claims, fences. */
import { ulid } from 'ulid'
import { type CaseState, stepOf } from '../../src/domain/case/case.js'
import { type Fact, Tier } from '../../src/domain/shapes/basic.js'
import type {
  Claim,
  Decision,
  Envelope,
  Fence,
  Mandate,
  MandateRevocation,
} from '../../src/domain/shapes/envelope.js'
import { addSignature, signEnvelope } from '../../src/keys/sign.js'
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
    choice: null,
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
  input: { person: TestPerson; scope: Fence['scope']; speed?: Fence['speed'] },
): Envelope {
  const { keyId, signer } = keys.persons[input.person]
  const payload: Fence = {
    type: 'fence',
    v: 1,
    fenceId: ulid(),
    enterprise: ENTERPRISE,
    scope: input.scope,
    speed: input.speed ?? 'stop',
    reasonDigest: null,
    personId: input.person,
    notBefore: soon(-1000),
    notAfter: soon(60_000),
  }
  return signEnvelope({ kind: 'fence', payload, keyId, signer })
}

/** A partner stops itself, or tries more. */
export function signSelfStop(
  keys: Keys,
  input: { company: 'com_acme' | 'com_zeta'; overrides?: Partial<Fence> },
): Envelope {
  const { keyId, signer } = keys.claims[input.company]
  const payload: Fence = {
    ...{ type: 'fence', v: 1, fenceId: ulid(), enterprise: ENTERPRISE },
    scope: { kind: 'partner', id: input.company },
    ...{ speed: 'stop', reasonDigest: null, personId: null },
    ...{ notBefore: soon(-1000), notAfter: soon(60_000), ...input.overrides },
  }
  return signEnvelope({ kind: 'fence', payload, keyId, signer })
}

const DAY = 86_400_000

/** A mandate that lets the connector contain by itself, as the policy's quorum signs it. */
export function aMandate(overrides: Partial<Mandate> = {}): Mandate {
  return {
    ...{ type: 'mandate', v: 1, mandateId: ulid(), enterprise: ENTERPRISE },
    covers: {
      ...{ kinds: ['contain'], steps: ['contain'], tiers: [...Tier.options] },
      ...{ systems: null, partners: null, identities: null },
    },
    caps: { total: 10, perDay: 10 },
    window: null,
    effect: 'reduce-only',
    notBefore: soon(-1000),
    notAfter: soon(30 * DAY),
    signers: ['per_cleo', 'per_dora'],
    ...overrides,
  }
}

/** Signed by everybody it lists. */
export function signMandate(keys: Keys, payload: Mandate): Envelope {
  const [first, ...others] = payload.signers as TestPerson[]
  const signing = (person: TestPerson | undefined) => keys.persons[person ?? 'per_cleo']
  const envelope = signEnvelope({ kind: 'mandate', payload, ...signing(first) })
  return others.reduce(
    (signed, person) => addSignature({ envelope: signed, ...signing(person) }),
    envelope,
  )
}

export function signRevocation(
  keys: Keys,
  input: { mandateId: string; person: TestPerson },
): Envelope {
  const { keyId, signer } = keys.persons[input.person]
  const payload: MandateRevocation = {
    ...{ type: 'mandate-revocation', v: 1, enterprise: ENTERPRISE, mandateId: input.mandateId },
    ...{ personId: input.person, notBefore: soon(-1000), notAfter: soon(60_000) },
  }
  return signEnvelope({ kind: 'mandate-revocation', payload, keyId, signer })
}

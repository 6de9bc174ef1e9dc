/**
 * A refusal is an expected "no": a value, never an exception, with a code from this closed list.
 * It is recorded as evidence where it concerns a case and rendered as problem+json at a door.
 */
export const REFUSALS = {
  // form of what came in
  MALFORMED: 'the bytes are not a well-formed document of the expected type',
  NOT_CANONICAL: 'the payload is not canonical JSON (RFC 8785), so what was signed is ambiguous',
  TOO_LARGE: 'the document is larger than allowed',
  WRONG_TYPE: 'the payload type is not the one this slot accepts',
  UNKNOWN_FIELD: 'the document has a field that its version does not define',
  NEWER_VERSION: 'made by a newer version',
  // signature and keys
  SIGNATURE_INVALID: 'the signature does not verify over the exact bytes',
  KEY_UNKNOWN: 'the signing key is not in the authority bundle',
  KEY_REVOKED: 'the signing key is revoked or outside its validity',
  KEY_WEAK: 'the key is of a kind that signatures cannot be trusted with',
  ASSURANCE_TOO_LOW: 'this gate asks for a stronger kind of key',
  ASSERTION_INVALID: 'the WebAuthn assertion does not prove user verification for this challenge',
  // binding of a decision
  WRONG_ENTERPRISE: 'signed for another enterprise',
  WRONG_CASE: 'signed for another case',
  WRONG_STEP: 'signed for another step',
  WRONG_PLAN: 'signed for a different plan',
  WRONG_NONCE: 'signed for another opening of this gate',
  PRESTATE_CHANGED: 'the target is no longer in the state that was signed',
  REQUIREMENT_CHANGED: 'the requirement is no longer the one that was signed',
  GATE_NOT_OPEN: 'this gate is not open and the decision was not given ahead',
  AHEAD_FORBIDDEN: 'this gate may not be signed ahead',
  CONDITION_UNMET: 'what the decision waits for was not observed',
  TOO_EARLY: 'the decision is not valid yet',
  EXPIRED: 'the decision is no longer valid',
  TOO_LATE: 'the step was already granted, or the case is closed',
  REPLAYED: 'this decision was already used',
  CHOICE_INVALID: 'the choices are not those that were signed, or leave something undecided',
  // who may decide
  PERSON_UNKNOWN: 'the person is not in the authority bundle',
  PERSON_DISABLED: 'the person is disabled',
  NOT_AN_APPROVER: 'the person is not among the approvers of this gate',
  REQUESTER_NEVER: 'the requester never decides on the own request',
  EXECUTOR_COMPANY: 'nobody from the executing company ever decides',
  PERSON_COUNTED: 'this person already decided at this gate',
  DELEGATION_INVALID: 'no valid delegation lets this person decide for the other',
  QUORUM_MISSING: 'the verified decisions do not satisfy the requirement',
  // mandates
  MANDATE_INVALID: 'the mandate does not cover this step, or is expired, revoked or used up',
  NOT_REDUCING: 'a reduce-only mandate may only take access away',
  // authority and policy
  AUTHORITY_INVALID: 'the authority bundle does not verify against the root key',
  AUTHORITY_EXPIRED: 'the authority bundle is expired',
  AUTHORITY_ROLLBACK: 'the authority bundle is older than the newest one seen',
  STORE_NOT_EMPTY: 'the evidence store has its first authority already',
  POLICY_INVALID: 'the policy pack does not load',
  POLICY_UNSIGNED: 'the policy pack is not the one the authority bundle names',
  NO_RULE: 'no policy rule allows this',
  FORBIDDEN: 'a Cedar policy of the pack forbids this',
  NO_APPROVER: 'the requirement has no eligible approver',
  UNSIGNABLE: 'this gate can never be signed before its deadline',
  // requests
  IDENTITY_UNKNOWN: 'the identity is not in the inventory',
  NO_OWNER: 'the identity has not exactly one live internal owner',
  NO_OBJECTIVE: 'the identity has no control objective',
  NO_CLAUSE: 'no clause of the contract covers this request',
  CONTRACT_ENDED: 'the contract is not in force',
  NOT_ACKNOWLEDGED: 'the partner has not acknowledged the reserved matters of the contract',
  NEED_ENDED: 'the business need of the identity has ended',
  CASE_OPEN: 'another case is open on this identity',
  CASE_UNKNOWN: 'there is no such case',
  NOT_ALLOWED: 'this principal may not do this',
  UNAUTHENTICATED: 'no valid access token',
  IDEMPOTENCY_MISMATCH: 'the idempotency key was used with a different request',
  // execution
  FENCED: 'a fence stops this partner, system or identity',
  NOT_DUE: 'the case does not owe this now',
  PLAN_TAMPERED: 'the stored plan is not the one that was planned',
  EVIDENCE_TAMPERED: 'the stored evidence does not chain or verify',
  ALREADY_GRANTED: 'this step was already granted',
  OUTSIDE_WINDOW: 'the window in which this step begins is not open',
  PROOF_MISSING: 'the intent has no signed proof',
  TARGET_REJECTED: 'the target rejected the change',
  TARGET_UNSUITABLE: 'the target cannot be worked on as the plan needs',
  VERIFY_FAILED: 'the new credential could not be verified',
  DEATH_UNPROVED: 'the old credential could not be proved dead against a control',
  STILL_IN_USE: 'the old credential is still in use',
  CLAIM_CONTRADICTED: 'the enterprise probe does not see what the partner claims',
  LEASE_LOST: 'the task is leased to somebody else, or the lease ended',
  SECRET_UNREADABLE: 'a sealed secret cannot be opened with the keys at hand',
  CLAIM_INVALID: 'the claim is not signed for this task by the executing company',
  // telling people
  NOTICE_UNDELIVERED: 'notices could not be delivered over a channel, and were given up',
  // keeping and letting go
  HELD: 'a legal hold keeps this',
  PURGED: 'what was kept of this case was let go under the policy',
  // verification of a packet
  PACKET_INVALID: 'the packet is not a well-formed archive of the expected files',
  PROOF_INVALID: 'an inclusion proof or checkpoint does not verify',
  ENTRY_MISSING: 'an entry of the case is missing',
  JUDGEMENT_DIFFERS: 'judging the evidence again gives another result',
  // after a restore
  ENTRIES_LOST: 'entries of the log were lost: what was signed before that is signed anew',
} as const

export type RefusalCode = keyof typeof REFUSALS

/** `where` names the place (JSON pointer, table, step); `detail` is one plain sentence without personal data. */
export interface Refusal {
  readonly refused: RefusalCode
  readonly where: string
  readonly detail: string
}

export const refuse = (refused: RefusalCode, where: string, detail?: string): Refusal => ({
  refused,
  where,
  detail: detail ?? REFUSALS[refused],
})

export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === 'object' && value !== null && 'refused' in value && 'where' in value

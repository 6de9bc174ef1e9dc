/** Every code of the closed list of refusals is earned: a test names it, and the product says it. */
import { describe, expect, it } from 'vitest'
import { REFUSALS } from '../../src/domain/refusal.js'
import { product, shrinking, tests } from './tree.js'

const codes = Object.keys(REFUSALS)
const named = (files: readonly { text: string }[], code: string): boolean =>
  files.some(({ text }) => new RegExp(`['"\`]${code}['"\`]`).test(text))

/** Codes that no test names yet. This list may only shrink. */
const UNTESTED: readonly string[] = [
  ...['WRONG_ENTERPRISE', 'WRONG_CASE', 'WRONG_STEP', 'WRONG_PLAN'],
  ...['ASSURANCE_TOO_LOW', 'REQUIREMENT_CHANGED', 'AHEAD_FORBIDDEN'],
  ...['CONDITION_UNMET', 'TOO_EARLY', 'EXPIRED', 'REPLAYED'],
  ...['PERSON_DISABLED', 'NOT_AN_APPROVER', 'REQUESTER_NEVER', 'EXECUTOR_COMPANY'],
  ...['DELEGATION_INVALID', 'QUORUM_MISSING', 'DECLINED', 'MANDATE_INVALID'],
  ...['NOT_REDUCING', 'AUTHORITY_EXPIRED'],
  ...['POLICY_UNSIGNED', 'CASE_OPEN', 'IDEMPOTENCY_MISMATCH'],
  ...['PLAN_TAMPERED', 'ALREADY_GRANTED', 'PROOF_MISSING'],
  ...['TARGET_REJECTED', 'TARGET_UNSUITABLE', 'VERIFY_FAILED', 'DEATH_UNPROVED'],
  ...['STILL_IN_USE', 'CLAIM_CONTRADICTED', 'CLAIM_INVALID'],
]
/** Codes that the product never says yet. This list may only shrink. */
const UNSAID: readonly string[] = ['DECLINED', 'MANDATE_INVALID', 'NOT_REDUCING']

describe('refusal codes', () => {
  it('are all named by a test', () => {
    const missing = codes.filter((code) => !named(tests(), code))
    expect(shrinking(missing, UNTESTED)).toEqual({ added: [], stale: [] })
  })

  it('are all said by the product', () => {
    const others = product().filter(({ name }) => name !== 'src/domain/refusal.ts')
    const missing = codes.filter((code) => !named(others, code))
    expect(shrinking(missing, UNSAID)).toEqual({ added: [], stale: [] })
  })

  it('are found where they stand (control)', () => {
    expect(named(tests(), 'SIGNATURE_INVALID')).toBe(true)
    expect(named(tests(), 'NO_SUCH_CODE_AT_ALL')).toBe(false)
  })
})

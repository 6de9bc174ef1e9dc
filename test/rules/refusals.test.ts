/** Every code of the closed list of refusals is earned: a test names it, and the product says it. */
import { describe, expect, it } from 'vitest'
import { REFUSALS } from '../../src/domain/refusal.js'
import { product, shrinking, tests } from './tree.js'

const codes = Object.keys(REFUSALS)
const named = (files: readonly { text: string }[], code: string): boolean =>
  files.some(({ text }) => new RegExp(`['"\`]${code}['"\`]`).test(text))

/** Codes that no test names yet. This list may only shrink. */
const UNTESTED: readonly string[] = [
  ...['POLICY_UNSIGNED', 'PLAN_TAMPERED', 'ALREADY_GRANTED'],
  ...['TARGET_REJECTED', 'DEATH_UNPROVED', 'STILL_IN_USE', 'CLAIM_CONTRADICTED'],
]
/** Codes that the product never says yet. This list may only shrink. */
const UNSAID: readonly string[] = []

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

/** Every code of the closed list of refusals is earned: a test names it, and the product says it. */
import { describe, expect, it } from 'vitest'
import { REFUSALS } from '../../src/domain/refusal.js'
import { product, tests } from './tree.js'

const codes = Object.keys(REFUSALS)
const named = (files: readonly { text: string }[], code: string): boolean =>
  files.some(({ text }) => new RegExp(`['"\`]${code}['"\`]`).test(text))

describe('refusal codes', () => {
  it('are all named by a test', () => {
    expect(codes.filter((code) => !named(tests(), code))).toEqual([])
  })

  it('are all said by the product', () => {
    const others = product().filter(({ name }) => name !== 'src/domain/refusal.ts')
    expect(codes.filter((code) => !named(others, code))).toEqual([])
  })

  it('are found where they stand (control)', () => {
    expect(named(tests(), 'SIGNATURE_INVALID')).toBe(true)
    expect(named(tests(), 'NO_SUCH_CODE_AT_ALL')).toBe(false)
  })
})

import { test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { satisfied } from '../../src/domain/policy/quorum.js'
import { stricter } from '../../src/domain/policy/stricter.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { must } from '../support/authority.js'
import { anyRequirement, anyVotes, aRequirement } from '../support/requirement.js'

describe('the stricter of two requirements', () => {
  const group = (name: string, persons: string[], need = 1) => ({ name, persons, need })

  it('takes the stricter of every term', () => {
    const a = aRequirement({
      facts: ['old-unused'],
      escalateAfterMs: 5,
      expireAfterMs: 9,
      ahead: 'forbidden',
    })
    const b = aRequirement({
      facts: ['consumer-on-new'],
      assurance: 'passkey',
      decisionMaxAgeMs: 7,
    })
    expect(must(stricter(a, b))).toMatchObject({
      ...{ facts: ['consumer-on-new', 'old-unused'], assurance: 'passkey', ahead: 'forbidden' },
      ...{ escalateAfterMs: 5, expireAfterMs: 9, decisionMaxAgeMs: 7, quorum: 1 },
    })
  })

  it('leaves in a group who is in both, and refuses when nobody is', () => {
    const a = aRequirement({ groups: [group('x', ['per_a', 'per_b'])] })
    const b = aRequirement({ groups: [group('x', ['per_b', 'per_c'])] })
    expect(must(stricter(a, b)).groups).toEqual([group('x', ['per_b'])])
    const c = aRequirement({ groups: [group('x', ['per_c'])] })
    expect(stricter(a, c)).toMatchObject({
      refused: 'NO_APPROVER',
      detail: 'nobody can approve as x',
    })
  })

  it('takes the larger quorum of one group', () => {
    const persons = ['per_a', 'per_b', 'per_c']
    const a = aRequirement({ groups: [group('x', persons)], quorum: 2 })
    const b = aRequirement({ groups: [group('x', persons, 2)], quorum: 2 })
    expect(must(stricter(a, b))).toMatchObject({ quorum: 2, groups: [group('x', persons, 2)] })
  })

  it('does not let a group of one side fill the quorum of the other', () => {
    const a = aRequirement({ groups: [group('x', ['per_a', 'per_b'])], quorum: 2 })
    const b = aRequirement({ groups: [group('y', ['per_c'])] })
    const requirement = must(stricter(a, b))
    expect(satisfied({ requirement, votes: ['per_a', 'per_c'] })).toBe(false)
    expect(satisfied({ requirement, votes: ['per_a', 'per_b', 'per_c'] })).toBe(true)
  })

  it('refuses what no requirement can name', () => {
    const many = (name: string) =>
      aRequirement({ groups: [group(name, ['per_a'], 10)], quorum: 15 })
    expect(stricter(many('x'), many('y'))).toMatchObject({ refused: 'UNSIGNABLE' })
  })

  it('throws for requirements of two steps', () => {
    expect(() => stricter(aRequirement(), aRequirement({ stepId: 'issue' }))).toThrow(RangeError)
  })

  test.prop([anyRequirement, anyRequirement])('is the same from either side', (a, b) => {
    expect(stricter(a, b)).toEqual(stricter(b, a))
  })

  test.prop([anyRequirement, anyRequirement, anyRequirement])(
    'is the same in any grouping',
    (a, b, c) => {
      const [ab, bc] = [stricter(a, b), stricter(b, c)]
      const left = isRefusal(ab) ? ab : stricter(ab, c)
      const right = isRefusal(bc) ? bc : stricter(a, bc)
      if (isRefusal(left) || isRefusal(right)) expect(isRefusal(left)).toBe(isRefusal(right))
      else expect(left).toEqual(right)
    },
  )

  test.prop([anyRequirement, anyRequirement])('changes nothing when joined again', (a, b) => {
    const joined = stricter(a, b)
    if (isRefusal(joined)) return
    expect(stricter(joined, joined)).toEqual(joined)
    expect(stricter(joined, a)).toEqual(joined)
    expect(stricter(b, joined)).toEqual(joined)
  })

  test.prop([anyRequirement, anyVotes])(
    'asks of one side alone what that side asks',
    (a, votes) => {
      const alone = stricter(a, a)
      if (isRefusal(alone)) return
      expect(satisfied({ requirement: alone, votes })).toBe(satisfied({ requirement: a, votes }))
    },
  )

  test.prop([anyRequirement, anyRequirement, anyVotes], { numRuns: 1000 })(
    'is satisfied only by votes that satisfy both',
    (a, b, votes) => {
      const joined = stricter(a, b)
      if (isRefusal(joined) || !satisfied({ requirement: joined, votes })) return
      expect(satisfied({ requirement: a, votes })).toBe(true)
      expect(satisfied({ requirement: b, votes })).toBe(true)
    },
  )

  test.prop([anyRequirement, anyRequirement])(
    'escalates before it expires, as both sides did',
    (a, b) => {
      const joined = stricter(a, b)
      if (!isRefusal(joined)) expect(joined.escalateAfterMs).toBeLessThan(joined.expireAfterMs)
    },
  )
})

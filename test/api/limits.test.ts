import { describe, expect, it } from 'vitest'
import { buckets } from '../../src/api/limits.js'

const size = { burst: 3, perSecond: 10 }

describe('a bucket', () => {
  it('gives what it holds at once, then says when to come back', () => {
    const take = buckets(() => 0)
    expect([1, 2, 3].map(() => take({ caller: 'a', size }))).toEqual([0, 0, 0])
    expect(take({ caller: 'a', size })).toBeGreaterThan(0)
  })

  it('fills again with time, and never above its size', () => {
    let at = 0
    const take = buckets(() => at)
    for (let i = 0; i < 4; i += 1) take({ caller: 'a', size })
    at = 100
    expect(take({ caller: 'a', size })).toBe(0)
    expect(take({ caller: 'a', size })).toBeGreaterThan(0)
    at = 1_000_000
    expect([1, 2, 3].map(() => take({ caller: 'a', size }))).toEqual([0, 0, 0])
    expect(take({ caller: 'a', size })).toBeGreaterThan(0)
  })

  it('of one caller is not emptied by another', () => {
    const take = buckets(() => 0)
    for (let i = 0; i < 10; i += 1) take({ caller: 'a', size })
    expect(take({ caller: 'b', size })).toBe(0)
  })

  it('is forgotten for the longest silent caller when there are too many', () => {
    const take = buckets(() => 0)
    for (let i = 0; i < 4; i += 1) take({ caller: 'first', size })
    for (let i = 0; i < 10_000; i += 1) take({ caller: `other ${i}`, size })
    expect(take({ caller: 'first', size })).toBe(0)
  })
})

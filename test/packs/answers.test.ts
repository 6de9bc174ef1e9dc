import { describe, expect, it } from 'vitest'
import { answers } from '../../src/packs/answers.js'

describe('answers that were given', () => {
  const asking = (most: number) => {
    const asked: string[] = []
    const given = answers<string>(most)
    const of = (question: string) =>
      given(question, () => {
        asked.push(question)
        return `${question}!`
      })
    return { of, asked }
  }

  it('are given again to the same question, and to no other', () => {
    const { of, asked } = asking(10)
    expect(['a', 'b', 'a', 'a '].map(of)).toEqual(['a!', 'b!', 'a!', 'a !'])
    expect(asked).toEqual(['a', 'b', 'a '])
  })

  it('are no more than were asked for, and the oldest is asked again', () => {
    const { of, asked } = asking(2)
    for (const question of ['a', 'b', 'c', 'c', 'b', 'a']) of(question)
    expect(asked).toEqual(['a', 'b', 'c', 'a'])
  })

  it('do not include a question that threw', () => {
    const given = answers<string>(2)
    expect(() =>
      given('a', () => {
        throw new Error('not now')
      }),
    ).toThrow('not now')
    expect(given('a', () => 'yes')).toBe('yes')
  })
})

/**
 * Answers that were given, by the very text of what was asked, to whoever asks the same of a function that has one
 * answer for one question. The oldest are forgotten; a question that throws has none.
 */
export function answers<Answer>(most: number): (question: string, ask: () => Answer) => Answer {
  const given = new Map<string, Answer>()
  return (question, ask) => {
    const known = given.get(question)
    if (known !== undefined) return known
    const answer = ask()
    const [oldest] = given.keys()
    if (given.size >= most && oldest !== undefined) given.delete(oldest)
    given.set(question, answer)
    return answer
  }
}

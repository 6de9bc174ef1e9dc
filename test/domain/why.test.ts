/** Why a case stands where it stands: one paragraph, and one vocabulary for the two moments that matter. */
import { describe, expect, it } from 'vitest'
import { gateWords, whyOf } from '../../src/contract/why.js'
import { stepOf } from '../../src/domain/case/case.js'
import { follow, unread } from '../../src/domain/case/evolve.js'
import { aRotation, CASE_ID, type Story, told } from '../support/given.js'
import { deadline, gateOpens, offered, performed, planned, waits } from '../support/moves.js'

const why = ({ recorded }: Story): string => whyOf(follow(unread(CASE_ID), recorded))

const begun = told(aRotation(), planned)
const open = told(begun, waits(1000), gateOpens('issue'))
const gateOf = ({ state }: Story) => {
  const gate = stepOf(state, 'issue')?.gate
  if (gate === null || gate === undefined) throw new TypeError('no gate')
  return gate
}

describe('why a case waits', () => {
  it('is said of people: who, since when, for what, when it escalates and expires, and what silence does', () => {
    const { escalatesAt, expiresAt } = gateOf(open)
    const text = why(open)
    expect(text).toMatch(new RegExp(`^owner:per_ana holds the ball since ${open.at}, to decide on`))
    expect(text).toContain('issue (')
    expect(text).toContain(`escalates at ${escalatesAt}, expires at ${expiresAt}.`)
    expect(text).toContain('When nobody acts the gate escalates; then the case ends expired')
  })

  it('names no escalation that has been, and keeps the moment since which the same people are awaited', () => {
    const { escalatesAt, expiresAt } = gateOf(open)
    const later = Date.parse(escalatesAt) - Date.parse(open.at)
    const story = told(open, waits(later + 1), deadline('issue'))
    const text = why(story)
    expect(text).toContain(`since ${open.at}`)
    expect(text).toContain(`: expires at ${expiresAt}. When nobody acts the case ends expired`)
    expect(text).not.toContain('escalates')
    expect(gateWords(gateOf(story))).toBe(`escalated, expires at ${expiresAt}`)
    expect(gateWords(gateOf(open))).toBe(`escalates at ${escalatesAt}, expires at ${expiresAt}`)
  })

  it('is said of the partner with the end of its task', () => {
    const story = told(begun, performed('issue'), offered)
    const until = stepOf(story.state, 'cut-over')?.task?.until
    const text = why(story)
    expect(text).toContain('partner:com_acme holds the ball since ')
    expect(text).toContain(`to do cut-over (`)
    expect(text).toContain(`: expires at ${until}. When nobody acts the task ends`)
  })

  it('is said of the system where no person is awaited', () => {
    expect(why(begun)).toMatch(
      /^system holds the ball since \S+: the connector of sys_billing observes the target and opens the gate of issue \(/,
    )
  })
})

/** The planned rotation that most tests of the core begin with, and what is read off a story. */
import { due } from '../../src/domain/case/due.js'
import type { Fact } from '../../src/domain/shapes/basic.js'
import type { Plan } from '../../src/domain/shapes/plan.js'
import { aRotation, type Story, told } from './given.js'
import { planned, plannedAs } from './moves.js'

export const start = told(aRotation(), planned)

/** The same, of a plan that somebody changed before anybody signed. */
export const startWith = (change: (plan: Plan) => Plan): Story =>
  told(aRotation(), plannedAs(change))

/** A decision given ahead, that waits for this fact. */
export const ahead = (fact: Fact = 'new-credential-works') => ({ gate: { opensWhen: [fact] } })

export const phases = (story: Story) => story.state.steps.map(({ phase }) => phase)

/** What the case owes, in two words. */
export const owed = (story: Story): string => {
  const next = due(story.state)
  return 'stepId' in next ? `${next.kind} ${next.stepId}` : next.kind
}

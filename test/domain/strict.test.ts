/** Whatever text a refusal carries, what is appended of it is a strict event with canonical bytes. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { canonicalBytes, digest, parseCanonical } from '../../src/domain/bytes/digest.js'
import { recordRefusal } from '../../src/domain/decide/decision.js'
import { refuseAtGate } from '../../src/domain/decide/execution.js'
import { isRefusal, refuse } from '../../src/domain/refusal.js'
import { CaseEvent } from '../../src/domain/shapes/event.js'
import { attestOf, type Story, told } from '../support/given.js'
import { approved } from '../support/moves.js'
import { start } from '../support/rotation.js'

const satisfied: Story = told(start, approved('issue'))
const long = fc.string({ unit: 'binary', minLength: 0, maxLength: 400 })

function expectStrict(events: readonly CaseEvent[]): void {
  expect(events).toHaveLength(1)
  for (const event of events) {
    expect(CaseEvent.safeParse(event).error).toBeUndefined()
    expect(parseCanonical(canonicalBytes(event))).toEqual({ value: event })
  }
}

describe('a refusal', () => {
  test.prop([long])('of a message is recorded, wherever it was refused', (where) => {
    const refused = { refusal: refuse('MALFORMED', where), sent: digest('x'), door: 'api' } as const
    expectStrict(recordRefusal(start.state, { ...refused, uncounted: 0 }))
  })

  test.prop([long])('at the execution gate is recorded, whatever it says', (detail) => {
    const refusal = refuse('PRESTATE_CHANGED', '/preState', detail)
    const attest = attestOf(satisfied)
    const events = refuseAtGate(satisfied.state, { stepId: 'issue', refusal, attest })
    expectStrict(isRefusal(events) ? [] : events)
  })

  test.prop([fc.integer({ min: 195, max: 205 })])('is not cut inside a character', (length) => {
    const refused = refuse('MALFORMED', `${'x'.repeat(length)}${'😀'.repeat(60)}`)
    const sent = digest('x')
    expectStrict(recordRefusal(start.state, { refusal: refused, sent, door: 'api', uncounted: 0 }))
  })
})

/** Whose clock: every millisecond of a case belongs to one party, and together they are the elapsed time. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import {
  clockOf,
  clockWords,
  partnersParts,
  stretchesOf,
  wholeClock,
} from '../../src/domain/review/clock.js'
import { DAY, HOUR, shifted, told } from '../support/given.js'
import {
  approved,
  claims,
  declines,
  finishes,
  gateOpens,
  grants,
  leases,
  offers,
  performed,
  signs,
  waits,
} from '../support/moves.js'
import { start } from '../support/rotation.js'

/** Two hours until the owner signs, a minute of work, three hours of the partner. */
const cutOver = told(
  start,
  performed('issue'),
  gateOpens('cut-over'),
  waits(2 * HOUR),
  signs('per_ana', 'cut-over'),
  grants('cut-over'),
  waits(60_000),
  offers('cut-over'),
  waits(3 * HOUR - 60_000),
  leases('cut-over'),
  waits(60_000),
  claims('cut-over'),
  finishes('cut-over'),
)
const { recorded } = cutOver
const caseId = cutOver.state.caseId
const opened = recorded[0]?.at ?? ''
const sum = (clock: Record<string, number>) =>
  Object.values(clock).reduce((all, one) => all + one, 0)

describe('the clock of a case', () => {
  it('is the enterprise’s while a decision is due, the partner’s while its task is, else the system’s', () => {
    expect(wholeClock({ caseId, recorded, until: cutOver.at })).toMatchObject({
      ...{ enterprise: 2 * HOUR, partner: 3 * HOUR, system: 60_000, window: 0 },
    })
  })

  it('says when the partner’s part was seen to be done, not when it was claimed', () => {
    expect(partnersParts(recorded)).toEqual([{ stepId: 'cut-over', at: cutOver.at }])
    expect(partnersParts(told(start, approved('issue')).recorded)).toEqual([])
  })

  test.prop([fc.integer({ min: -DAY, max: DAY }), fc.integer({ min: 0, max: 2 * DAY })])(
    'has neither gap nor overlap in whatever period is looked at',
    (after, long) => {
      const from = shifted(opened, after)
      const until = shifted(from, long)
      const ends = (at: string) => Math.max(Date.parse(at), Date.parse(opened))
      const clock = clockOf(stretchesOf(caseId, { recorded, from, until }))
      expect(sum(clock)).toBe(ends(until) - ends(from))
    },
  )

  it('stops when the case is closed', () => {
    const declined = told(start, gateOpens('issue'), waits(HOUR), declines('per_ana', 'issue'))
    const clock = wholeClock({
      ...{ caseId: declined.state.caseId, recorded: declined.recorded },
      until: shifted(declined.at, DAY),
    })
    expect(declined.state.outcome).toBe('declined')
    expect(sum(clock)).toBe(HOUR)
  })

  it('is told in the two largest units', () => {
    const clock = { partner: 0, enterprise: DAY + 2 * HOUR + 61_000, system: 61_002, window: 7 }
    expect(clockWords(clock)).toBe('enterprise 1 d 2 h, system 1 min 1 s, window 7 ms')
    expect(clockWords({ ...clock, enterprise: 0, system: 0, window: 0 })).toBe('no time')
  })
})

/** A step with a window: what is approved waits for it, is granted in it only, and is approved no longer after it. */
import { describe, expect, it } from 'vitest'
import { waitLabel } from '../../src/contract/views.js'
import { gateWords, whyOf } from '../../src/contract/why.js'
import { termsAgain } from '../../src/domain/approval/count.js'
import { stepOf } from '../../src/domain/case/case.js'
import { due, waitingOn } from '../../src/domain/case/due.js'
import { follow, unread } from '../../src/domain/case/evolve.js'
import { taskUntil } from '../../src/domain/decide/task.js'
import type { WeeklyHours } from '../../src/domain/shapes/basic.js'
import {
  aRotation,
  CASE_ID,
  DAY,
  given,
  HOUR,
  type Move,
  PACK,
  PACK_HASH,
  refusal,
  type Story,
  shifted,
  told,
} from '../support/given.js'
import {
  all,
  claims,
  deadline,
  declines,
  gateOpens,
  gateRefuses,
  grants,
  leases,
  offers,
  performed,
  planned,
  signs,
  waits,
} from '../support/moves.js'

/** Every night from ten to two. Stories begin at noon on Monday, 1 June 2026. */
const night: WeeklyHours = {
  ...{ zone: 'UTC', weekdays: [1, 2, 3, 4, 5, 6, 7], fromMinute: 22 * 60, toMinute: 2 * 60 },
}
const [FROM, UNTIL] = ['2026-06-01T22:00:00.000Z', '2026-06-02T02:00:00.000Z']
const start = told(aRotation(), planned)
const opens = gateOpens('issue', { windows: [night] })
const approved = told(start, opens, signs('per_ana', 'issue'))
const until =
  (at: string): Move =>
  (story) => ({ ...story, at })
const issueOf = ({ state }: Story) => stepOf(state, 'issue')
const why = ({ recorded }: Story): string => whyOf(follow(unread(CASE_ID), recorded))

describe('a gate of a step with a window', () => {
  it('opens for the next window, and says so in the entry whose hash is signed', () => {
    const story = told(start, opens)
    const entry = story.recorded.at(-1)
    expect(entry?.event).toMatchObject({ window: { from: FROM, until: UNTIL } })
    expect(entry?.hash).toBe(issueOf(story)?.gate?.nonce)
    expect(gateWords(issueOf(story)?.gate ?? ({} as never))).toContain(
      `for the window from ${FROM} to ${UNTIL}`,
    )
    expect(why(story)).toContain(`It is for the window from ${FROM} to ${UNTIL}, and ends with it.`)
  })

  it('opens for the window that is open already, and then nothing waits', () => {
    const story = told(start, until('2026-06-01T23:00:00.000Z'), opens, signs('per_ana', 'issue'))
    expect(due(story.state)).toEqual({ kind: 'perform', stepId: 'issue', until: UNTIL })
  })

  it('without any has no such field, so that its entry is what it always was', () => {
    const { event } = told(start, gateOpens('issue')).recorded.at(-1) ?? {}
    expect(event).not.toHaveProperty('window')
  })

  it('does not open when no window does within a year', () => {
    const frozen = {
      ...{ name: 'for ever', from: '2020-01-01T00:00:00.000Z', until: '2090-01-01T00:00:00.000Z' },
    }
    const freezes = (story: Story) => ({
      ...story,
      pack: { ...story.pack, calendar: { ...story.pack.calendar, freezes: [frozen] } },
    })
    given(start, freezes).when(opens).gives(refusal('UNSIGNABLE', '/steps/issue/window'))
  })
})

describe('what is approved before its window', () => {
  it('waits until it opens, with the window holding the ball', () => {
    expect(due(approved.state)).toEqual({ kind: 'wait', stepId: 'issue', round: 1, until: FROM })
    expect(waitingOn(approved.state, approved.at)).toEqual(['window'])
    expect(why(approved)).toContain(`is approved, waits for the window from ${FROM} to ${UNTIL}`)
    expect(waitLabel(approved)).toBe(`window opens at ${FROM}: issue is approved`)
    given(approved, until('2026-06-01T21:59:59.999Z'))
      .when(deadline('issue'))
      .gives(refusal('NOT_DUE'))
    const open = given(approved, until(FROM)).when(deadline('issue')).gives('WindowOpened')
    expect(due(open.state)).toEqual({ kind: 'perform', stepId: 'issue', until: UNTIL })
  })

  it('can still be declined', () => {
    given(approved)
      .when(declines('per_ana', 'issue'))
      .gives('DecisionAdmitted', 'GateDeclined', 'CaseClosed')
  })

  it('does not expire with the time for signatures', () => {
    const story = told(approved, waits(9 * HOUR))
    expect(issueOf(story)?.phase).toBe('satisfied')
    given(story).when(deadline('issue')).gives(refusal('NOT_DUE'))
  })

  it('loses nothing when somebody asks the execution gate too early', () => {
    given(approved).when(gateRefuses('issue', 'OUTSIDE_WINDOW')).gives(refusal('NOT_DUE'))
    given(approved, until(FROM), deadline('issue'), until(UNTIL))
      .when(gateRefuses('issue', 'OUTSIDE_WINDOW'))
      .gives('GateRefused')
  })
})

describe('an approval whose window is over', () => {
  const died = (story: Story) => given(story, until(UNTIL)).when(deadline('issue'))

  it('is none: the gate opens again, for the next window, and everybody signs anew', () => {
    const open = told(approved, until(FROM), deadline('issue'))
    const story = died(open).gives('WindowClosed')
    expect(issueOf(story)).toMatchObject({ phase: 'pending', because: 'OUTSIDE_WINDOW', votes: [] })
    const again = given(story).when(opens).gives('GateOpened')
    expect(issueOf(again)).toMatchObject({
      ...{ phase: 'open', round: 2 },
      gate: { window: { from: '2026-06-02T22:00:00.000Z', until: '2026-06-03T02:00:00.000Z' } },
    })
    given(again).when(grants('issue')).gives(refusal('NOT_DUE'))
  })

  it('died even if nobody noticed that the window had opened', () => {
    died(approved).gives('WindowClosed')
  })

  it('is granted no more after its window was closed', () => {
    const story = died(told(approved, until(FROM), deadline('issue'))).story
    given(story).when(grants('issue')).gives(refusal('NOT_DUE'))
  })
})

describe('silence', () => {
  const terms = { windows: [night], escalateAfterMs: DAY, expireAfterMs: 2 * DAY }
  const opensSlowly = gateOpens('issue', terms)

  it('moves the gate to the next window and keeps its deadlines, so that it expires all the same', () => {
    const first = told(start, opensSlowly)
    const { escalatesAt, expiresAt } = issueOf(first)?.gate ?? {}
    expect(due(first.state)).toMatchObject({ kind: 'decision', until: UNTIL })
    expect(waitLabel(first)).toBe(`window ends at ${UNTIL}: issue by owner:per_ana`)
    const second = told(first, until(UNTIL), deadline('issue'), opensSlowly)
    expect(issueOf(second)).toMatchObject({ round: 2, gate: { escalatesAt, expiresAt } })
    given(second, waits(2 * DAY))
      .when(deadline('issue'))
      .gives('GateExpired', 'CaseClosed')
  })

  it('of one who approved what then missed its window is no silence: the deadlines begin again', () => {
    const missed = told(start, opensSlowly, signs('per_ana', 'issue'), until(UNTIL))
    const again = told(missed, deadline('issue'), opensSlowly)
    expect(issueOf(again)?.gate?.expiresAt).toBe(shifted(UNTIL, 2 * DAY))
  })
})

describe('the execution gate', () => {
  const pack = {
    ...PACK,
    calendar: {
      ...PACK.calendar,
      windows: { night: { days: [1, 2, 3, 4, 5, 6, 7], fromMinute: 22 * 60, toMinute: 2 * 60 } },
    },
    rules: PACK.rules.map((rule) => ({
      ...rule,
      steps: Object.fromEntries(
        Object.entries(rule.steps).map(([stepId, terms]) => [
          stepId,
          stepId === 'issue' && rule.kind === 'rotate' ? { ...terms, window: 'night' } : terms,
        ]),
      ),
    })),
  }
  const asks = (story: Story, at: string, by = pack) => {
    const step = issueOf(story)
    if (step === null) throw new TypeError('no step')
    const { opened, state, authority } = story
    const asking = {
      opened,
      state,
      step,
      authority,
      pack: by,
      packHash: PACK_HASH,
      involved: [],
      uses: [],
    }
    const answer = termsAgain({ ...asking, at })
    return 'refused' in answer ? answer.refused : 'granted'
  }

  it('refuses before the window and after it, and today’s holidays and freezes count', () => {
    expect(asks(approved, '2026-06-01T21:59:59.999Z')).toBe('OUTSIDE_WINDOW')
    expect(asks(approved, FROM)).toBe('granted')
    expect(asks(approved, '2026-06-02T01:59:59.999Z')).toBe('granted')
    expect(asks(approved, UNTIL)).toBe('OUTSIDE_WINDOW')
    // The next night is another window than the one that was signed for.
    expect(asks(approved, '2026-06-02T23:00:00.000Z')).toBe('OUTSIDE_WINDOW')
    const change = (calendar: Partial<typeof pack.calendar>) => ({
      ...pack,
      calendar: { ...pack.calendar, ...calendar },
    })
    expect(asks(approved, FROM, change({ holidays: ['2026-06-01'] }))).toBe('OUTSIDE_WINDOW')
    const freeze = { name: 'outage', from: FROM, until: '2026-06-01T23:00:00.000Z' }
    expect(asks(approved, FROM, change({ freezes: [freeze] }))).toBe('OUTSIDE_WINDOW')
    expect(asks(approved, freeze.until, change({ freezes: [freeze] }))).toBe('granted')
  })

  it('asks for a new signature when a window comes or another is asked for', () => {
    const without = told(start, gateOpens('issue'), signs('per_ana', 'issue'))
    expect(asks(without, FROM)).toBe('REQUIREMENT_CHANGED')
    expect(asks(approved, FROM, { ...pack, zone: 'Europe/Berlin' })).toBe('REQUIREMENT_CHANGED')
  })
})

describe('a decision for a window', () => {
  const weekend = { ...night, weekdays: [6] }
  const opensFor = gateOpens('issue', { windows: [weekend], decisionMaxAgeMs: HOUR })

  it('does not age while it waits, and does once the window is open', () => {
    const story = told(
      start,
      opensFor,
      signs('per_ana', 'issue'),
      until('2026-06-06T22:00:00.000Z'),
    )
    const other = (at: string) => given(story, deadline('issue'), until(at))
    other('2026-06-06T22:59:00.000Z')
      .when(signs('per_ana', 'issue'))
      .gives(refusal('PERSON_COUNTED'))
    const { notBefore } = { notBefore: '2026-06-06T21:00:00.000Z' }
    given(told(start, opensFor), until('2026-06-06T23:30:00.000Z'))
      .when(signs('per_ana', 'issue', { as: { notBefore } }))
      .gives(refusal('EXPIRED', '/notBefore'))
  })
})

describe('a task of the partner', () => {
  const cutOver = gateOpens('cut-over', { windows: [night] })

  it('ends with the window in which it was approved, and its gate opens for the next', () => {
    const story = told(
      start,
      performed('issue'),
      cutOver,
      signs('per_ana', 'cut-over'),
      until('2026-06-02T01:30:00.000Z'),
      deadline('cut-over'),
      grants('cut-over'),
    )
    const { opened, at } = story
    const step = stepOf(story.state, 'cut-over')
    if (step === null) throw new TypeError('no step')
    expect(taskUntil({ opened, step, at })).toBe(UNTIL)
    const early = { ...story, at: shifted(UNTIL, -2 * DAY) }
    expect(taskUntil({ opened, step, at: early.at })).toBe(shifted(UNTIL, -DAY))
  })

  it('that was begun in its window is finished after it', () => {
    const begun = told(
      start,
      performed('issue'),
      cutOver,
      signs('per_ana', 'cut-over'),
      until(FROM),
      all(deadline('cut-over'), grants('cut-over'), offers('cut-over'), leases('cut-over')),
      all(claims('cut-over'), until(shifted(UNTIL, HOUR))),
    )
    expect(due(begun.state)).toEqual({ kind: 'observe', stepId: 'cut-over' })
  })
})

/** The business calendar: nights on which the clocks change, holidays, freezes, ends of months, business days. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { deadlinesFrom, windowAt } from '../../src/domain/policy/calendar.js'
import type { WeeklyHours } from '../../src/domain/shapes/basic.js'

const MINUTE = 60_000
const calm = { weekdays: [1, 2, 3, 4, 5], holidays: [] as string[], freezes: [], windows: {} }

const hours = (
  weekdays: readonly number[],
  from: string,
  to: string,
  zone = 'Europe/Berlin',
): WeeklyHours => {
  const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
  return { zone, weekdays: [...weekdays], fromMinute: minutes(from), toMinute: minutes(to) }
}

const opens = (at: string, ...windows: WeeklyHours[]) => {
  const window = windowAt({ windows, calendar: calm, at })
  return window === null ? null : [window.from, window.until]
}

describe('the night on which the clocks go forward', () => {
  const saturday = '2026-03-28T12:00:00.000Z'

  it('is an hour shorter', () => {
    expect(opens(saturday, hours([6], '22:00', '04:00'))).toEqual([
      '2026-03-28T21:00:00.000Z',
      '2026-03-29T02:00:00.000Z',
    ])
  })

  it('has no window in the hour that is skipped: the next is a week later', () => {
    expect(opens(saturday, hours([7], '02:00', '03:00'))).toEqual([
      '2026-04-05T00:00:00.000Z',
      '2026-04-05T01:00:00.000Z',
    ])
  })

  it('cuts a window that begins or ends in the skipped hour where the clock jumps', () => {
    expect(opens(saturday, hours([7], '02:30', '04:00'))).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T02:00:00.000Z',
    ])
    expect(opens(saturday, hours([7], '01:00', '02:30'))).toEqual([
      '2026-03-29T00:00:00.000Z',
      '2026-03-29T01:00:00.000Z',
    ])
  })
})

describe('the night on which the clocks go back', () => {
  const saturday = '2026-10-24T12:00:00.000Z'

  it('is an hour longer', () => {
    expect(opens(saturday, hours([6], '22:00', '04:00'))).toEqual([
      '2026-10-24T20:00:00.000Z',
      '2026-10-25T03:00:00.000Z',
    ])
  })

  it('has the doubled hour twice, as one window', () => {
    expect(opens(saturday, hours([7], '02:00', '03:00'))).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T02:00:00.000Z',
    ])
  })

  it('shuts a window while the clock shows a time before it, and opens it again', () => {
    const window = hours([7], '02:30', '04:00')
    expect(opens(saturday, window)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z',
    ])
    expect(opens('2026-10-25T01:00:00.000Z', window)).toEqual([
      '2026-10-25T01:30:00.000Z',
      '2026-10-25T03:00:00.000Z',
    ])
  })
})

describe('a window', () => {
  it('belongs to the day on which it begins, over the end of a month, a year and a leap day', () => {
    const night = hours([1, 2, 3, 4, 5, 6, 7], '23:00', '01:00', 'UTC')
    expect(opens('2026-12-31T12:00:00.000Z', night)).toEqual([
      '2026-12-31T23:00:00.000Z',
      '2027-01-01T01:00:00.000Z',
    ])
    expect(opens('2028-02-29T12:00:00.000Z', night)).toEqual([
      '2028-02-29T23:00:00.000Z',
      '2028-03-01T01:00:00.000Z',
    ])
    expect(opens('2027-01-01T00:30:00.000Z', hours([4], '23:00', '01:00', 'UTC'))).toEqual([
      '2026-12-31T23:00:00.000Z',
      '2027-01-01T01:00:00.000Z',
    ])
  })

  it('is the one that is open until its last moment, then the next', () => {
    const noon = hours([1], '12:00', '13:00', 'UTC')
    const first = ['2026-06-01T12:00:00.000Z', '2026-06-01T13:00:00.000Z']
    expect(opens('2026-06-01T12:59:59.999Z', noon)).toEqual(first)
    expect(opens('2026-06-01T13:00:00.000Z', noon)).toEqual([
      '2026-06-08T12:00:00.000Z',
      '2026-06-08T13:00:00.000Z',
    ])
  })

  it('does not begin on a holiday, whatever its hours say', () => {
    const calendar = { ...calm, holidays: ['2026-06-01', '2026-06-08'] }
    const window = windowAt({
      ...{ windows: [hours([1], '12:00', '13:00', 'UTC')], calendar },
      at: '2026-05-30T00:00:00.000Z',
    })
    expect(window?.from).toBe('2026-06-15T12:00:00.000Z')
  })

  it('loses what a freeze covers, to the millisecond, and is two when the freeze is in its middle', () => {
    const freeze = {
      ...{ name: 'x', from: '2026-06-01T12:20:00.001Z', until: '2026-06-01T12:40:00.000Z' },
    }
    const asked = {
      windows: [hours([1], '12:00', '13:00', 'UTC')],
      calendar: { ...calm, freezes: [freeze] },
    }
    expect(windowAt({ ...asked, at: '2026-06-01T00:00:00.000Z' })).toEqual({
      ...{ from: '2026-06-01T12:00:00.000Z', until: freeze.from },
    })
    expect(windowAt({ ...asked, at: freeze.from })).toEqual({
      ...{ from: freeze.until, until: '2026-06-01T13:00:00.000Z' },
    })
  })

  it('that several ask for is what they have in common, each by its own clock', () => {
    const berlin = hours([1], '09:00', '17:00')
    const tokyo = hours([1], '12:00', '20:00', 'Asia/Tokyo')
    expect(opens('2026-06-01T00:00:00.000Z', berlin, tokyo)).toEqual([
      '2026-06-01T07:00:00.000Z',
      '2026-06-01T11:00:00.000Z',
    ])
    expect(opens('2026-06-01T00:00:00.000Z', berlin, hours([2], '09:00', '17:00'))).toBeNull()
  })
})

describe('every window', () => {
  const ZONES = [
    ...['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca'],
    ...['America/Havana', 'Asia/Kolkata', 'Pacific/Apia', 'UTC'],
  ] as const
  /** Around the changes of the clocks of these zones. */
  const NIGHTS = [
    ...['2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01'],
    ...['2011-12-29', '2026-02-28', '2026-12-31'],
  ]
  const quarter = fc.integer({ min: 0, max: 95 }).map((part) => part * 15)
  const anyHours = fc
    .record({
      zone: fc.constantFrom(...ZONES),
      weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      fromMinute: quarter,
      toMinute: quarter.map((minute) => minute + 15),
    })
    .filter(({ fromMinute, toMinute }) => fromMinute !== toMinute)
  const anyTime = fc
    .tuple(fc.constantFrom(...NIGHTS), fc.integer({ min: -48 * 60, max: 48 * 60 }))
    .map(([day, minutes]) => Date.parse(`${day}T00:00:00.000Z`) + minutes * MINUTE)

  const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
  const clocks = new Map(
    ZONES.map((timeZone) => [
      timeZone as string,
      new Intl.DateTimeFormat('en-US', {
        ...{ timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
        ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
      }),
    ]),
  )
  /** What a clock on the wall says, without any calendar of ours. */
  function shows({ zone, weekdays, fromMinute, toMinute }: WeeklyHours, at: number): boolean {
    const parts = clocks.get(zone)?.formatToParts(at) ?? []
    const text = (type: string) => parts.find((part) => part.type === type)?.value ?? ''
    const minute = Number(text('hour')) * 60 + Number(text('minute'))
    const today = DAYS.indexOf(text('weekday'))
    const begun = fromMinute > toMinute && minute < toMinute ? (today + 6) % 7 : today
    const inHours =
      fromMinute < toMinute
        ? fromMinute <= minute && minute < toMinute
        : fromMinute <= minute || minute < toMinute
    return inHours && weekdays.includes(begun + 1)
  }

  test.prop({ window: anyHours, at: anyTime }, { numRuns: 300 })(
    'is open exactly while the clock of its zone shows its hours',
    ({ window, at }) => {
      const found = windowAt({
        ...{ windows: [window], calendar: calm, at: new Date(at).toISOString() },
      })
      expect(found).not.toBeNull()
      const [from, until] = [Date.parse(found?.from ?? ''), Date.parse(found?.until ?? '')]
      expect(until).toBeGreaterThan(at)
      const limit = Math.min(until, from + 2 * 86_400_000)
      for (let time = from; time < limit; time += 15 * MINUTE)
        expect([time, shows(window, time)]).toEqual([time, true])
      for (let time = at; time < from; time += 15 * MINUTE)
        expect([time, shows(window, time)]).toEqual([time, false])
    },
  )
})

describe('a deadline in business days', () => {
  const DAY = 86_400_000
  const pack = {
    zone: 'Europe/Berlin',
    calendar: { ...calm, holidays: ['2026-12-25', '2026-12-28', '2026-12-31', '2027-01-01'] },
  }
  const deadlines = (at: string, escalateAfter: number, expireAfter: number, by = pack) => {
    const businessDays = { escalateAfter, expireAfter }
    const requirement = {
      ...{ escalateAfterMs: escalateAfter * 7 * DAY, expireAfterMs: expireAfter * 7 * DAY },
      businessDays,
    }
    const { escalatesAt, expiresAt } = deadlinesFrom({ requirement, pack: by, at })
    return [escalatesAt, expiresAt]
  }

  it('leaves out weekends and holidays, over the end of the year', () => {
    expect(deadlines('2026-12-24T09:00:00.000Z', 1, 3)).toEqual([
      '2026-12-29T09:00:00.000Z',
      '2027-01-04T09:00:00.000Z',
    ])
  })

  it('is at the same time of day by the clock of the zone, summer and winter', () => {
    expect(deadlines('2026-03-27T15:00:00.000Z', 1, 2)).toEqual([
      '2026-03-30T14:00:00.000Z',
      '2026-03-31T14:00:00.000Z',
    ])
  })

  it('counts from the next business day when it begins on a weekend', () => {
    expect(deadlines('2026-06-06T10:00:00.000Z', 1, 5)).toEqual([
      '2026-06-08T10:00:00.000Z',
      '2026-06-12T10:00:00.000Z',
    ])
  })

  it('is never later than that many weeks, whatever the calendar says', () => {
    const june = Array.from(
      { length: 30 },
      (_, day) => `2026-06-${String(day + 1).padStart(2, '0')}`,
    )
    const closed = { ...pack, calendar: { ...calm, holidays: june } }
    expect(deadlines('2026-06-01T10:00:00.000Z', 1, 2, closed)).toEqual([
      '2026-06-08T10:00:00.000Z',
      '2026-06-15T10:00:00.000Z',
    ])
  })
})

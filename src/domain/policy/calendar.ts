/**
 * The business calendar of a pack, as instants. Hours are hours of the wall clock: an instant is in them exactly
 * when the clock of their zone says so, so a skipped hour is in no window and a doubled one is in it twice.
 *   windowAt            the window that is open at a time, or the next one that opens
 *   deadlinesFrom       when a gate escalates and expires that opens at a time
 *   startOfDay          the instant at which a date begins
 * Needs the time zones of Intl, so it is no part of the workflow bundle.
 */
import { Temporal } from 'temporal-polyfill'
import type { Span, WeeklyHours } from '../shapes/basic.js'
import type { Pack } from '../shapes/policy.js'
import type { Requirement } from '../shapes/requirement.js'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** Milliseconds since the epoch; `until` is not in it. */
interface Stretch {
  readonly from: number
  readonly until: number
}

const isStretch = ({ from, until }: Stretch): boolean => from < until

/** Days that are looked at together, and how often: after about a year without a window there is none. */
const BLOCK_DAYS = 28
const BLOCKS = 14
/** Two clocks are never further apart than this. */
const APART_DAYS = 2

export interface WindowAsked {
  /** All of them have to be open. */
  readonly windows: readonly WeeklyHours[]
  readonly calendar: Pack['calendar']
  readonly at: string
}

/** Null when none opens within a year. No window begins on a holiday, and a freeze cuts its part out. */
export function windowAt({ windows, calendar, at }: WindowAsked): Span | null {
  const now = Date.parse(at)
  const today = Math.floor(now / DAY_MS) * DAY_MS
  for (let block = 0; block < BLOCKS; block += 1) {
    const from = today + (block * BLOCK_DAYS - APART_DAYS) * DAY_MS
    const days = { from, until: from + (BLOCK_DAYS + 2 * APART_DAYS) * DAY_MS }
    const found = openIn({ windows, calendar, days }).find(({ until }) => until > now)
    if (found !== undefined) return { from: isoOf(found.from), until: isoOf(found.until) }
  }
  return null
}

const isoOf = (ms: number): string => new Date(ms).toISOString()

/** What all windows have in common on these days, in order, without the freezes. */
function openIn(input: Omit<WindowAsked, 'at'> & { readonly days: Stretch }): readonly Stretch[] {
  const { windows, calendar, days } = input
  const [first = [], ...others] = windows.map((hours) => occurrences({ hours, calendar, days }))
  const common = others.reduce(
    (held, other) => held.flatMap((one) => other.map((two) => both(one, two)).filter(isStretch)),
    first,
  )
  const freezes = calendar.freezes.map(({ from, until }) => ({
    from: Date.parse(from),
    until: Date.parse(until),
  }))
  return freezes.reduce(without, common).toSorted((one, two) => one.from - two.from)
}

const both = (one: Stretch, two: Stretch): Stretch => ({
  from: Math.max(one.from, two.from),
  until: Math.min(one.until, two.until),
})

const without = (held: readonly Stretch[], cut: Stretch): Stretch[] =>
  held.flatMap((one) =>
    [
      { from: one.from, until: Math.min(one.until, cut.from) },
      { from: Math.max(one.from, cut.until), until: one.until },
    ].filter(isStretch),
  )

/** Each time that the hours begin on one of these days, which are counted as if every clock showed UTC. */
function occurrences(input: {
  readonly hours: WeeklyHours
  readonly calendar: Pack['calendar']
  readonly days: Stretch
}): readonly Stretch[] {
  const { hours, calendar, days } = input
  const offsets = offsetsIn(hours.zone, {
    from: days.from - APART_DAYS * DAY_MS,
    until: days.until + APART_DAYS * DAY_MS,
  })
  const found: Stretch[] = []
  for (let day = days.from; day < days.until; day += DAY_MS) {
    const date = isoOf(day).slice(0, 10)
    if (!hours.weekdays.includes(weekdayOf(date)) || calendar.holidays.includes(date)) continue
    found.push(...onClock(offsets, clockHours(hours, day)))
  }
  return found
}

const weekdayOf = (date: string): number => Temporal.PlainDate.from(date).dayOfWeek

const clockHours = ({ fromMinute, toMinute }: WeeklyHours, day: number): Stretch => ({
  from: day + fromMinute * MINUTE_MS,
  until: day + toMinute * MINUTE_MS + (toMinute < fromMinute ? DAY_MS : 0),
})

interface Offset extends Stretch {
  /** The clock is ahead of UTC by this, in milliseconds. */
  readonly ahead: number
}

/** The parts of the stretch in which the clocks of the zone are not changed. */
function offsetsIn(zone: string, { from, until }: Stretch): readonly Offset[] {
  const found: Offset[] = []
  let clock = zonedAt(from, zone)
  for (;;) {
    const changed = clock.getTimeZoneTransition('next')
    const end = Math.min(changed?.epochMilliseconds ?? until, until)
    found.push({
      ...{ from: clock.epochMilliseconds, until: end },
      ahead: clock.offsetNanoseconds / 1_000_000,
    })
    if (changed === null || end >= until) return found
    clock = changed
  }
}

const zonedAt = (ms: number, zone: string): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone)

/** When a clock shows these hours; parts that follow each other without a gap are one. */
function onClock(offsets: readonly Offset[], hours: Stretch): readonly Stretch[] {
  const joined: Stretch[] = []
  for (const offset of offsets) {
    const shown = { from: hours.from - offset.ahead, until: hours.until - offset.ahead }
    const part = both(offset, shown)
    if (!isStretch(part)) continue
    const last = joined.at(-1)
    if (last?.until === part.from) joined.splice(-1, 1, { from: last.from, until: part.until })
    else joined.push(part)
  }
  return joined
}

/**
 * By the clock of the pack's zone. A time of day that is skipped on that day is one hour later there; of one that
 * comes twice it is the first.
 */
function afterBusinessDays(input: {
  readonly pack: Pick<Pack, 'zone' | 'calendar'>
  readonly at: string
  readonly days: number
}): string {
  const { zone, calendar } = input.pack
  const start = zonedAt(Date.parse(input.at), zone)
  const isBusiness = (date: Temporal.PlainDate): boolean =>
    calendar.weekdays.includes(date.dayOfWeek) && !calendar.holidays.includes(date.toString())
  let passed = 0
  for (let left = input.days; left > 0; ) {
    passed += 1
    if (isBusiness(start.toPlainDate().add({ days: passed }))) left -= 1
  }
  return isoOf(start.add({ days: passed }).epochMilliseconds)
}

/** When a gate that opens now escalates and expires, by its requirement. What comes first of time and business days counts. */
export function deadlinesFrom(input: {
  readonly requirement: Pick<Requirement, 'escalateAfterMs' | 'expireAfterMs' | 'businessDays'>
  readonly pack: Pick<Pack, 'zone' | 'calendar'>
  readonly at: string
}): { readonly escalatesAt: string; readonly expiresAt: string } {
  const { requirement, pack, at } = input
  const { escalateAfterMs, expireAfterMs, businessDays } = requirement
  const after = (ms: number, days: number | undefined) =>
    days === undefined
      ? isoOf(Date.parse(at) + ms)
      : earliest(isoOf(Date.parse(at) + ms), afterBusinessDays({ pack, at, days }))
  return {
    escalatesAt: after(escalateAfterMs, businessDays?.escalateAfter),
    expiresAt: after(expireAfterMs, businessDays?.expireAfter),
  }
}

/** The first of two times. */
export const earliest = (one: string, other: string): string => (one < other ? one : other)

/** What the clock of a zone shows: the date, the day of the week from Monday as 1, and the minute of the day; null: no such zone. */
export function clockAt(
  at: string,
  zone: string,
): { readonly date: string; readonly weekday: number; readonly minute: number } | null {
  try {
    const clock = zonedAt(Date.parse(at), zone)
    const { dayOfWeek, hour, minute } = clock
    return { date: clock.toPlainDate().toString(), weekday: dayOfWeek, minute: hour * 60 + minute }
  } catch {
    return null
  }
}

/** The instant at which a date, `2026-11-23`, begins in a zone; null: no such date or zone. */
export function startOfDay(date: string, zone: string): string | null {
  try {
    const day = Temporal.PlainDate.from(date, { overflow: 'reject' })
    return day.toString() === date ? isoOf(day.toZonedDateTime(zone).epochMilliseconds) : null
  } catch {
    return null
  }
}

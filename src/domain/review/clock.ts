/**
 * *Whose clock*: every moment of a case belongs to the partner, to the enterprise's persons, to the system, or to a
 * window in which the policy has everybody wait. From the entries' times alone.
 */
import { initial, type Recorded, stepOf } from '../case/case.js'
import { due } from '../case/due.js'
import { evolve } from '../case/evolve.js'
import type { Operation } from '../shapes/plan.js'
import type { Clock } from '../shapes/review.js'

export interface Period {
  readonly from: string
  readonly until: string
}

/** A stretch of a case that belonged to one party. */
export interface Stretch {
  readonly holder: keyof Clock
  /** The grant of the step that is due, if one was given. */
  readonly grantId: string | null
  readonly ms: number
}

/** Operations that look for as long as the policy says. */
export const WATCHES: readonly Operation['op'][] = [
  'observe-consumers',
  'observe-unused',
  'observe-stays-disabled',
]

/** Stretches of the case within the period, without gap or overlap, from its opening to its end. */
export function stretchesOf(
  caseId: string,
  input: Period & { readonly recorded: readonly Recorded[] },
): readonly Stretch[] {
  const { recorded, from, until } = input
  let state = initial(caseId)
  return recorded.flatMap((item, place) => {
    state = evolve(state, item)
    const next = due(state)
    if (next.kind === 'closed' && state.outcome !== null) return []
    const following = recorded[place + 1]
    const start = item.at > from ? item.at : from
    const end = following === undefined || following.at > until ? until : following.at
    const ms = Date.parse(end) - Date.parse(start)
    if (ms <= 0) return []
    const grantId = 'stepId' in next ? (stepOf(state, next.stepId)?.grant?.grantId ?? null) : null
    return [{ holder: holderOf(next.kind, following), grantId, ms }]
  })
}

function holderOf(
  kind: ReturnType<typeof due>['kind'],
  following: Recorded | undefined,
): keyof Clock {
  if (kind === 'claim') return 'partner'
  if (kind === 'decision') return 'enterprise'
  if (kind === 'wait') return 'window'
  return following?.event.type === 'OperationObserved' && isWatch(following.event.op)
    ? 'window'
    : 'system'
}

const isWatch = (op: string): boolean => WATCHES.some((name) => name === op)

const NO_TIME: Clock = { partner: 0, enterprise: 0, system: 0, window: 0 }

/** What the stretches sum to, by whom they belonged to. */
export const clockOf = (stretches: readonly Stretch[]): Clock => {
  const sum = (holder: keyof Clock): number =>
    stretches.reduce((all, one) => (one.holder === holder ? all + one.ms : all), 0)
  return {
    partner: sum('partner'),
    enterprise: sum('enterprise'),
    system: sum('system'),
    window: sum('window'),
  }
}

/** Of the whole case, from its opening to its end, or to `until` while it is open. */
export const wholeClock = (of: {
  readonly caseId: string
  readonly recorded: readonly Recorded[]
  readonly until: string
}): Clock => {
  const { caseId, recorded, until } = of
  return clockOf(stretchesOf(caseId, { recorded, from: recorded[0]?.at ?? until, until }))
}

/** When each of the partner's tasks was done, not as it claimed but as the enterprise saw it. */
export function partnersParts(
  recorded: readonly Recorded[],
): readonly { readonly stepId: string; readonly at: string }[] {
  const offered = new Set<string>()
  return recorded.flatMap(({ event, at }) => {
    if (event.type === 'TaskOffered') offered.add(event.stepId)
    const isDone = event.type === 'StepPerformed' && offered.has(event.stepId)
    return isDone ? [{ stepId: event.stepId, at }] : []
  })
}

/** In words, such as `partner 5 min, enterprise 2 h 10 min`; who had no time is left out. */
export const clockWords = (clock: Clock): string =>
  Object.entries(clock)
    .flatMap(([holder, ms]) => (ms === 0 ? [] : [`${holder} ${elapsedWords(ms)}`]))
    .join(', ') || 'no time'

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

/** The two largest units, such as `2 h 10 min`; what is smaller is cut off. */
function elapsedWords(ms: number): string {
  const from = UNITS.findIndex(([, of]) => ms >= of)
  let rest = ms
  return UNITS.slice(from, from + 2)
    .flatMap(([unit, of]) => {
      const whole = Math.floor(rest / of)
      rest -= whole * of
      return whole === 0 ? [] : [`${whole} ${unit}`]
    })
    .join(' ')
}

export const addClocks = (clocks: readonly Clock[]): Clock =>
  clocks.reduce(
    (sum, one) => ({
      partner: sum.partner + one.partner,
      enterprise: sum.enterprise + one.enterprise,
      system: sum.system + one.system,
      window: sum.window + one.window,
    }),
    NO_TIME,
  )

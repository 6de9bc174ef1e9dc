/** A seed makes one schedule: which victims are killed, and at which entry of the case each. The same seed, the same schedule. */
import type { CaseEvent } from '../../src/domain/shapes/event.js'
import { VICTIMS, type Victim } from './cast.js'

/** The types of the entries of a rotation in which nothing goes wrong, with how many there are of each. */
const ENTRIES = {
  CaseOpened: 1,
  Planned: 1,
  GateOpened: 4,
  DecisionAdmitted: 5,
  GateSatisfied: 4,
  Granted: 4,
  OperationObserved: 8,
  TaskOffered: 1,
  TaskLeased: 1,
  ClaimRecorded: 1,
  StepPerformed: 3,
} as const satisfies Partial<Record<CaseEvent['type'], number>>
export type Moment = keyof typeof ENTRIES

export interface Blow {
  readonly victim: Victim
  /** When the case has this many entries of this type. */
  readonly type: Moment
  readonly count: number
  /** Milliseconds later, so that blows fall between entries as well. */
  readonly laterMs: number
}

const BLOWS = 3

/** Three different victims, in the order of `seed`. Throws TypeError for a seed that is no whole number. */
export function scheduleOf(seed: number): readonly Blow[] {
  if (!Number.isSafeInteger(seed)) throw new TypeError('a seed is a whole number')
  const random = mulberry32(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const victims: Victim[] = [...VICTIMS]
  const types = Object.keys(ENTRIES) as Moment[]
  return Array.from({ length: BLOWS }, () => {
    const [victim = 'connector'] = victims.splice(below(victims.length), 1)
    const type = types[below(types.length)] ?? 'Granted'
    return { victim, type, count: 1 + below(ENTRIES[type]), laterMs: below(80) }
  })
}

export const sayBlow = ({ victim, type, count, laterMs }: Blow): string =>
  `kill -9 of ${victim}, ${laterMs} ms after ${type} number ${count}`

/** A 32-bit generator (public domain, T. Ettinger): small, seedable, good enough to choose. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** COUNTERSIGN_FAULT_SEEDS=1,2 or COUNTERSIGN_FAULT_SEED=1; otherwise four that hit all seven victims. */
export function seedsFrom(env: NodeJS.ProcessEnv): readonly number[] {
  const given = env['COUNTERSIGN_FAULT_SEEDS'] ?? env['COUNTERSIGN_FAULT_SEED'] ?? '1,3,9,11'
  return given.split(',').map(Number)
}

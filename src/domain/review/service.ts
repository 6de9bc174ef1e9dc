/** Service levels: how a partner did its tasks under each clause, from the entries of its cases and the same clock as everything else. */
import type { Recorded } from '../case/case.js'
import type { CaseEvent, CaseOpened, EventOf } from '../shapes/event.js'
import type { ServiceLevel } from '../shapes/review.js'
import { type Period, stretchesOf } from './clock.js'

/** A case as far as the period reaches. */
export interface Served {
  readonly caseId: string
  readonly opened: CaseOpened
  readonly recorded: readonly Recorded[]
  /** What the clause gave the partner when the case opened; null when no clause is known. */
  readonly respondWithinMs: number | null
}

interface Task {
  readonly partnerMs: number
  readonly outcome: 'claimed' | 'lapsed' | 'open'
  readonly leasesMissed: number
  readonly contradicted: number
}

/** One level for each clause under which a task was with the partner in the period, in the order of the clauses. */
export function serviceLevels(cases: readonly Served[], period: Period): readonly ServiceLevel[] {
  const all = cases.flatMap((one) => {
    const { contract } = one.opened
    if (contract === null) return []
    return tasksIn(one, period).map((task) => ({
      task,
      contract,
      respondWithinMs: one.respondWithinMs,
    }))
  })
  const keyOf = ({ contract, respondWithinMs }: (typeof all)[number]) =>
    [contract.contractId, contract.clauseId, respondWithinMs].join(' ')
  return [...new Set(all.map(keyOf))].sort().flatMap((key) => {
    const own = all.filter((item) => keyOf(item) === key)
    const [first] = own
    if (first === undefined) return []
    const { contract, respondWithinMs } = first
    return [
      {
        ...contract,
        respondWithinMs,
        ...levelOf(
          own.map(({ task }) => task),
          respondWithinMs,
        ),
      },
    ]
  })
}

function levelOf(
  tasks: readonly Task[],
  respondWithinMs: number | null,
): Omit<ServiceLevel, 'contractId' | 'clauseId' | 'respondWithinMs'> {
  const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)
  const times = tasks.map(({ partnerMs }) => partnerMs)
  return {
    tasks: tasks.length,
    late: times.filter((ms) => respondWithinMs !== null && ms > respondWithinMs).length,
    lapsed: tasks.filter(({ outcome }) => outcome === 'lapsed').length,
    leasesMissed: sum(tasks.map(({ leasesMissed }) => leasesMissed)),
    contradicted: sum(tasks.map(({ contradicted }) => contradicted)),
    partnerMs: sum(times),
    longestMs: Math.max(0, ...times),
  }
}

const OF_TASK = ['TaskLeased', 'ClaimRecorded', 'ClaimContradicted', 'TaskExpired'] as const
type TaskEvent = EventOf<(typeof OF_TASK)[number]>
type Timed = { readonly at: string; readonly event: TaskEvent }

const isOfTask = (event: CaseEvent): event is TaskEvent =>
  OF_TASK.some((type) => type === event.type)

/** Every task that was with the partner in the period. */
function tasksIn({ caseId, recorded }: Served, period: Period): readonly Task[] {
  const stretches = stretchesOf(caseId, { ...period, recorded })
  return recorded.flatMap(({ event: offered }) => {
    if (offered.type !== 'TaskOffered') return []
    const { grantId } = offered
    const own = stretches.filter((one) => one.grantId === grantId && one.holder === 'partner')
    if (own.length === 0) return []
    const events = recorded.flatMap(({ event, at }): readonly Timed[] =>
      isOfTask(event) && event.grantId === grantId ? [{ at, event }] : [],
    )
    const count = (type: TaskEvent['type']) => events.filter(({ event }) => event.type === type)
    const contradicted = count('ClaimContradicted')
    const held = count('ClaimRecorded').length > contradicted.length
    return [
      {
        partnerMs: own.reduce((sum, { ms }) => sum + ms, 0),
        outcome: held ? 'claimed' : count('TaskExpired').length > 0 ? 'lapsed' : 'open',
        leasesMissed: missedLeases(events, period),
        contradicted: contradicted.filter(({ at }) => period.from <= at).length,
      } as const,
    ]
  })
}

/** Leases of the period that ended, or were taken anew, without a claim. */
const missedLeases = (events: readonly Timed[], { from, until }: Period): number =>
  events.filter(({ at, event }, place) => {
    if (event.type !== 'TaskLeased' || at < from) return false
    const next = events[place + 1]?.event.type
    return next === undefined ? event.until <= until : next !== 'ClaimRecorded'
  }).length

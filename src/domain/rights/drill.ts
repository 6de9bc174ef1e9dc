/**
 * What a drill of the three rights measures, from the entries of the cases in which they were exercised: the
 * containment of the canary, the exception and the demand. The same for whoever signs it and for the verifier.
 */

import { identityScope } from '../authority/matter.js'
import type { CaseState, Recorded } from '../case/case.js'
import type { Asked } from '../shapes/asked.js'
import type { CaseScope, Right } from '../shapes/basic.js'
import type { Plan, TargetState } from '../shapes/plan.js'
import { effectIn, RIGHTS } from './rights.js'

export interface Drill {
  readonly caseId: string
  /** When the drill was opened: what was done before is no part of it. */
  readonly openedAt: string
  readonly canary: string
}

/** A case in which a right may have been exercised. */
export interface Exercising {
  readonly caseId: string
  readonly recorded: readonly Recorded[]
}

export interface Measured {
  readonly right: Right
  /** `open`: not exercised yet, or not done; signed so, it has not passed. */
  readonly says: 'passed' | 'failed' | 'open'
  readonly caseId: string | null
  /** Revoking: from the fence to access seen gone; else from asking to the effect. */
  readonly tookMs: number | null
  /** Revoking: grants on the canary that a fence should have stopped, after it was acknowledged. */
  readonly grantsAfter: number | null
}

export interface Measuring {
  readonly drill: Drill
  /** When the fence of this id was acknowledged; null: it never was, around this canary. */
  readonly fencedAt: (fenceId: string) => string | null
  /** How many grants passed on the canary from then until that time. */
  readonly grantsBetween: (from: string, until: string | null) => number
}

const notExercised = (right: Right): Measured => ({
  ...{ right, says: 'open', caseId: null, tookMs: null, grantsAfter: null },
})

/** What this case did for the right; null when it is no part of this drill. */
export function measuredIn(
  right: Right,
  { caseId, recorded }: Exercising,
  at: Measuring,
): Measured | null {
  const since = startedAt(right, { caseId, recorded }, at)
  if (since === null) return null
  const effect = effectIn(right, recorded)
  const isOver = recorded.some(({ event }) => event.type === 'CaseClosed')
  const tookMs = effect === undefined ? null : Date.parse(effect.at) - Date.parse(since)
  const says = effect !== undefined ? 'passed' : isOver ? 'failed' : 'open'
  const done = { right, says, caseId, tookMs, grantsAfter: null } as const
  if (right !== 'revoke') return done
  const grantsAfter = at.grantsBetween(since, effect?.at ?? null)
  const isHollow = grantsAfter > 0 || (effect !== undefined && !hadAccess(recorded))
  return { ...done, grantsAfter, says: isHollow ? 'failed' : says }
}

/** From when the clock runs, if the case belongs to the drill. */
function startedAt(right: Right, { recorded }: Exercising, at: Measuring): string | null {
  const [first] = recorded
  if (first?.event.type !== 'CaseOpened' || first.at < at.drill.openedAt) return null
  const { asked, scope } = first.event
  const { caseId, canary, openedAt } = at.drill
  if (right === 'demand-evidence')
    return asked.kind === 'demand' && asked.about === caseId ? first.at : null
  if (scope.id !== canary) return null
  if (right === 'decide-exceptions')
    return asked.kind === 'exception' && asked.reference === referenceOf(caseId) ? first.at : null
  const fencedAt = asked.kind === 'contain' ? at.fencedAt(asked.fenceId) : null
  return fencedAt === null || fencedAt < openedAt ? null : fencedAt
}

/** Cutting what could not log in before shows nothing. */
const hadAccess = (recorded: readonly Recorded[]): boolean =>
  recorded.some(
    ({ event }) =>
      event.type === 'Planned' &&
      event.plan.about.kind === 'contain' &&
      event.plan.about.living.length > 0,
  )

/** The best that any of the cases shows of each right; the newest where none has passed. */
export const measureAll = (cases: readonly Exercising[], at: Measuring): readonly Measured[] =>
  RIGHTS.map((right) => {
    const found = cases.flatMap((one) => measuredIn(right, one, at) ?? [])
    return found.find(({ says }) => says === 'passed') ?? found.at(-1) ?? notExercised(right)
  })

/** What the signature under a drill is for. */
export const stateOfMeasured = (all: readonly Measured[]): TargetState =>
  Object.fromEntries(
    all.flatMap(({ right, says, caseId, tookMs, grantsAfter }) => [
      [right, says],
      ...(caseId === null ? [] : [[`${right}.case`, caseId]]),
      ...(tookMs === null ? [] : [[`${right}.ms`, String(tookMs)]]),
      ...(grantsAfter === null ? [] : [[`${right}.grantsAfter`, String(grantsAfter)]]),
    ]),
  )

/** The same read back. */
export const measuredFrom = (state: TargetState): readonly Measured[] =>
  RIGHTS.map((right) => {
    const says = state[right]
    const number = (name: string) => {
      const text = state[`${right}.${name}`]
      return text === undefined ? null : Number(text)
    }
    return {
      right,
      says: says === 'passed' || says === 'failed' ? says : 'open',
      caseId: state[`${right}.case`] ?? null,
      ...{ tookMs: number('ms'), grantsAfter: number('grantsAfter') },
    }
  })

/** One line for whoever reads the drill. */
export const inWords = ({ right, says, tookMs, caseId }: Measured): string => {
  const time = tookMs === null ? '' : ` in ${tookMs} ms`
  const where = caseId === null ? ': not exercised' : `: ${caseId}`
  return `Right to ${right}: ${says}${time}${where}.`
}

/** A drill that its owner signed, with what was signed; null for one that is open or was never signed. */
export function signedDrill(
  { opened, plan, outcome }: CaseState,
  recorded: readonly Recorded[],
): {
  readonly partnerId: string
  readonly systemId: string
  readonly at: string
  readonly measured: readonly Measured[]
} | null {
  const gate = recorded.findLast(
    ({ event }) => event.type === 'GateOpened' && event.stepId === 'close',
  )
  if (plan?.about.kind !== 'drill' || outcome !== 'completed' || gate?.event.type !== 'GateOpened')
    return null
  return {
    partnerId: opened?.scope.id ?? '',
    systemId: plan.about.on,
    at: gate.at,
    measured: measuredFrom(gate.event.preState),
  }
}

/** How a drill's exception names it: a reference has no room for the id of a case. */
const referenceOf = (caseId: string): string => `drill.${caseId.slice(-26)}`

type DrillPlan = Extract<Plan['about'], { kind: 'drill' }>

/** What a drill asks for at the time of its grant; the cut is not asked for, a person raises it. */
export function exercisesOf(of: {
  readonly caseId: string
  readonly partnerId: string
  readonly plan: DrillPlan
  readonly grantedAt: string
}): readonly { readonly right: Right; readonly asked: Asked; readonly scope: CaseScope }[] {
  const { caseId, partnerId, plan, grantedAt } = of
  const { canary, attestedBy, answerWithinMs, exceptedForMs } = plan
  const reference = referenceOf(caseId)
  return [
    {
      right: 'decide-exceptions',
      scope: identityScope(canary),
      asked: {
        ...{ kind: 'exception', deviation: 'maximum-age', reference },
        controls: [{ controlId: 'drill', attestedBy }],
        ...{ attestEveryMs: exceptedForMs, until: after(grantedAt, exceptedForMs) },
      },
    },
    {
      right: 'demand-evidence',
      scope: { kind: 'partner', id: partnerId },
      asked: {
        ...{ kind: 'demand', question: 'drill', reference, about: caseId, period: null },
        due: after(grantedAt, answerWithinMs),
      },
    },
  ]
}

const after = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString()

/**
 * The three rights, as a number: for each partner on each system, when the enterprise last revoked access, decided an
 * exception and demanded evidence, and how long each took. Read from the cases themselves, so a drill on
 * a canary identity counts as what it is, and a right that nobody has exercised shows as such.
 */
import type { Authority } from '../authority/authority.js'
import { matterOf } from '../authority/matter.js'
import type { Recorded } from '../case/case.js'
import { isRefusal } from '../refusal.js'
import { type CaseKind, Right } from '../shapes/basic.js'

/** The kinds of case by which a right is exercised. */
export const RIGHT_OF: Readonly<Partial<Record<CaseKind, Right>>> = {
  contain: 'revoke',
  exception: 'decide-exceptions',
  demand: 'demand-evidence',
}

export const RIGHTS: readonly Right[] = Right.options

/** One time that it worked. */
export interface Exercise {
  readonly caseId: string
  readonly right: Right
  /** The scopes of the case, as partner and system; null: whichever. */
  readonly partnerId: string | null
  readonly systemId: string | null
  readonly at: string
  /** From the opening of the case. */
  readonly tookMs: number
}

/** What these entries of one case show, under today's inventory; null while the right has not had its effect. */
export function exerciseIn(
  caseId: string,
  input: { readonly recorded: readonly Recorded[]; readonly authority: Authority },
): Exercise | null {
  const [first] = input.recorded
  if (first?.event.type !== 'CaseOpened') return null
  const { asked, scope } = first.event
  const right = RIGHT_OF[asked.kind]
  const matter = matterOf(input.authority, scope)
  if (right === undefined || isRefusal(matter)) return null
  const effect = effectIn(right, input.recorded)
  if (effect === undefined) return null
  const { identity, systemId } = matter
  const partnerId = scope.kind === 'partner' ? scope.id : (identity?.custodian ?? null)
  const tookMs = Date.parse(effect.at) - Date.parse(first.at)
  return { caseId, right, partnerId, systemId, at: effect.at, tookMs }
}

/**
 * The entry with which the right had its effect. Access is gone when a probe saw it; an exception is decided either
 * way; a demand has had its answer, or its time ran out and that counts against the partner.
 */
export const effectIn = (right: Right, recorded: readonly Recorded[]): Recorded | undefined =>
  recorded.find(({ event }) => isEffect(event, right))

function isEffect(event: Recorded['event'], right: Right): boolean {
  switch (right) {
    case 'revoke':
      return event.type === 'OperationObserved' && event.facts.includes('access-disabled')
    case 'decide-exceptions':
      return (
        event.type === 'CaseClosed' &&
        (event.outcome === 'completed' || event.outcome === 'declined')
      )
    case 'demand-evidence':
      return (
        event.type === 'TaskExpired' ||
        (event.type === 'StepPerformed' && event.facts.includes('evidence-received'))
      )
  }
}

/** What a signed drill said of one right. */
export interface DrillResult {
  readonly caseId: string
  readonly partnerId: string
  readonly systemId: string
  readonly right: Right
  readonly says: 'passed' | 'failed' | 'open'
  /** When the gate of its signature opened. */
  readonly at: string
}

export interface Cell {
  readonly partnerId: string
  readonly systemId: string
  readonly right: Right
  /** The last time that it worked; null: never. */
  readonly last: Exercise | null
  /** The newest signed drill there. */
  readonly drill: Pick<DrillResult, 'caseId' | 'says' | 'at'> | null
  /** Against the enterprise itself: the newest drill did not see it work, it never worked, or not within its period. */
  readonly finding: 'failed' | 'never' | 'overdue' | null
}

export interface Standing {
  readonly exercises: readonly Exercise[]
  readonly drills: readonly DrillResult[]
  /** The period of the policy for what this partner keeps; null: none. */
  readonly everyMsOf: (partnerId: string) => number | null
  readonly at: string
}

/** One cell for each right, for every partner on every system where it keeps an identity. */
export function gridOf(authority: Authority, standing: Standing): readonly Cell[] {
  const places = new Map(
    [...authority.identities.values()].flatMap(({ custodian, systemId }) =>
      custodian === null ? [] : [[`${custodian} ${systemId}`, { partnerId: custodian, systemId }]],
    ),
  )
  return [...places.values()].flatMap((place) =>
    RIGHTS.map((right) => cellOf({ ...place, right }, standing)),
  )
}

type Place = Pick<Cell, 'partnerId' | 'systemId' | 'right'>

function cellOf(place: Place, standing: Standing): Cell {
  const { partnerId, systemId, right } = place
  const last = newest(
    standing.exercises.filter(
      (one) =>
        one.right === right &&
        one.partnerId === partnerId &&
        (one.systemId === null || one.systemId === systemId),
    ),
  )
  const drilled = newest(
    standing.drills.filter(
      (one) => one.right === right && one.partnerId === partnerId && one.systemId === systemId,
    ),
  )
  const drill =
    drilled === null ? null : { caseId: drilled.caseId, says: drilled.says, at: drilled.at }
  return { ...place, last, drill, finding: findingOf({ partnerId, last, drill }, standing) }
}

function findingOf(
  { partnerId, last, drill }: Pick<Cell, 'partnerId' | 'last' | 'drill'>,
  { everyMsOf, at }: Standing,
): Cell['finding'] {
  if (drill !== null && drill.says !== 'passed' && (last === null || last.at < drill.at))
    return 'failed'
  if (last === null) return 'never'
  const everyMs = everyMsOf(partnerId)
  return everyMs !== null && Date.parse(at) - Date.parse(last.at) > everyMs ? 'overdue' : null
}

const newest = <One extends { readonly at: string }>(all: readonly One[]): One | null =>
  all.toSorted((left, right) => (left.at < right.at ? 1 : -1))[0] ?? null

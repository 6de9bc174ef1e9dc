/**
 * The three rights, as a number: for each partner on each system, when the enterprise last revoked access, decided an
 * exception and had evidence it demanded, and how long each took. Read from the cases themselves, so a drill on
 * a canary identity counts as what it is, and a right that nobody has exercised shows as such.
 */
import type { Authority } from './authority.js'
import type { Recorded } from './case.js'
import { matterOf } from './matter.js'
import { isRefusal } from './refusal.js'
import type { CaseKind, Right } from './shapes/basic.js'

/** The kinds of case by which a right is exercised. */
export const RIGHT_OF: Readonly<Partial<Record<CaseKind, Right>>> = {
  contain: 'revoke',
  exception: 'decide-exceptions',
  demand: 'demand-evidence',
}

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
  const effect = input.recorded.find(({ event }) => isEffect(event, right))
  if (right === undefined || isRefusal(matter) || effect === undefined) return null
  const { identity, systemId } = matter
  const partnerId = scope.kind === 'partner' ? scope.id : (identity?.custodian ?? null)
  const tookMs = Date.parse(effect.at) - Date.parse(first.at)
  return { caseId, right, partnerId, systemId, at: effect.at, tookMs }
}

/** Access is gone when a probe saw it; an exception is decided either way; evidence is there when it was accepted or refused. */
const isEffect = (event: Recorded['event'], right: Right | undefined): boolean =>
  right === 'revoke'
    ? event.type === 'OperationObserved' && event.facts.includes('access-disabled')
    : event.type === 'CaseClosed' && (event.outcome === 'completed' || event.outcome === 'declined')

export interface Cell {
  readonly partnerId: string
  readonly systemId: string
  readonly right: Right
  /** The last time that it worked; null: never. */
  readonly last: Exercise | null
}

const ALL: readonly Right[] = ['revoke', 'decide-exceptions', 'demand-evidence']

/** One cell for each right, for every partner on every system where it keeps an identity. */
export function gridOf(authority: Authority, exercises: readonly Exercise[]): readonly Cell[] {
  const places = new Map(
    [...authority.identities.values()].flatMap(({ custodian, systemId }) =>
      custodian === null ? [] : [[`${custodian} ${systemId}`, { partnerId: custodian, systemId }]],
    ),
  )
  return [...places.values()].flatMap((place) =>
    ALL.map((right) => ({ ...place, right, last: lastOf({ ...place, right }, exercises) })),
  )
}

const lastOf = (
  { partnerId, systemId, right }: Omit<Cell, 'last'>,
  exercises: readonly Exercise[],
): Exercise | null =>
  exercises
    .filter(
      (one) =>
        one.right === right &&
        one.partnerId === partnerId &&
        (one.systemId === null || one.systemId === systemId),
    )
    .toSorted((left, right) => (left.at < right.at ? 1 : -1))[0] ?? null

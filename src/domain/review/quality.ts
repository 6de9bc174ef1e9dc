/**
 * *Approval quality*: how decisions on pages were made, by role, from their entries alone. Persons are not named: a
 * dwell of seconds over forty items, or a role that keeps everything, is a question to the role.
 */
import type { Recorded } from '../case/case.js'
import { isOnTarget } from '../kinds.js'

export interface Quality {
  readonly role: string
  readonly decisions: number
  /** From the gate's opening to the decision, ms. */
  readonly dwellMs: { readonly shortest: number; readonly median: number; readonly longest: number }
  /** Decisions that kept every item of their page. */
  readonly keptAll: number
}

interface Made {
  readonly role: string
  readonly dwellMs: number
  readonly keptAll: boolean
}

/** Over the entries of several cases; decisions that chose nothing are left out. */
export function qualityOf(cases: readonly (readonly Recorded[])[]): readonly Quality[] {
  const made = cases.flatMap(decisionsIn)
  const roles = [...new Set(made.map(({ role }) => role))].sort()
  return roles.map((role) => {
    const own = made.filter((one) => one.role === role)
    const dwell = own.map(({ dwellMs }) => dwellMs).sort((a, b) => a - b)
    const at = (index: number) => dwell[index] ?? 0
    return {
      role,
      decisions: own.length,
      dwellMs: {
        ...{ shortest: at(0), median: at(Math.floor((dwell.length - 1) / 2)) },
        longest: at(dwell.length - 1),
      },
      keptAll: own.filter(({ keptAll }) => keptAll).length,
    }
  })
}

const decisionsIn = (recorded: readonly Recorded[]): readonly Made[] =>
  recorded.flatMap(({ event, at }): readonly Made[] => {
    if (event.type !== 'DecisionAdmitted' || event.choices === null) return []
    const { stepId, round, votes, choices } = event
    const opening = recorded.find(
      (item) =>
        item.event.type === 'GateOpened' &&
        item.event.stepId === stepId &&
        item.event.round === round,
    )
    if (opening?.event.type !== 'GateOpened') return []
    const { groups } = opening.event.resolved.requirement
    const role = groups.find(({ persons }) => persons.includes(votes))?.name ?? 'unknown'
    const dwellMs = Math.max(0, Date.parse(at) - Date.parse(opening.at))
    return [{ role, dwellMs, keptAll: choices.every(({ verdict }) => verdict === 'keep') }]
  })

/** What control costs the owners in one month, from the entries alone. */
export interface Burden {
  /** `2026-11`, in UTC. */
  readonly month: string
  readonly signatures: number
  /** Changes on targets that were completed in the month. */
  readonly changes: number
  /**
   * At most so long did owners look before they signed, for each change: each signature counts from when its gate opened,
   * or from the same person's last signature, whichever came later. Null without a change.
   */
  readonly ownerMinutesPerChange: number | null
  /** Steps that were granted under a mandate, and steps that were granted by signatures. */
  readonly granted: { readonly byMandate: number; readonly bySignatures: number }
}

/** Over the entries of several cases, month by month. */
export function burdenOf(cases: readonly (readonly Recorded[])[]): readonly Burden[] {
  const looks = looksIn(cases)
  const granted = cases.flatMap((recorded) =>
    recorded.flatMap(({ at, event }) =>
      event.type === 'Granted' ? [{ at, byMandate: event.mandateId !== null }] : [],
    ),
  )
  const changes = cases.flatMap(changeIn)
  const all = [...looks, ...granted, ...changes]
  return [...new Set(all.map(monthOf))].sort().map((month) => {
    const inMonth = (one: { readonly at: string }) => monthOf(one) === month
    const minutes = looks.filter(inMonth).reduce((sum, { ms }) => sum + ms / 60_000, 0)
    const count = changes.filter(inMonth).length
    const grants = granted.filter(inMonth)
    const byMandate = grants.filter((one) => one.byMandate).length
    return {
      ...{ month, signatures: looks.filter(inMonth).length, changes: count },
      ownerMinutesPerChange: count === 0 ? null : Math.round((minutes / count) * 10) / 10,
      granted: { byMandate, bySignatures: grants.length - byMandate },
    }
  })
}

const monthOf = ({ at }: { readonly at: string }): string => at.slice(0, 7)

function changeIn(recorded: readonly Recorded[]): readonly { readonly at: string }[] {
  const [first] = recorded
  const closed = recorded.find(({ event }) => event.type === 'CaseClosed')
  const isChange =
    first?.event.type === 'CaseOpened' &&
    isOnTarget(first.event.asked) &&
    closed?.event.type === 'CaseClosed' &&
    closed.event.outcome === 'completed'
  return isChange ? [{ at: closed.at }] : []
}

/** Each signature, with how long its person can have looked at it. */
function looksIn(
  cases: readonly (readonly Recorded[])[],
): readonly { readonly at: string; readonly ms: number }[] {
  const signed = cases
    .flatMap((recorded) =>
      recorded.flatMap(({ at, event }) => {
        if (event.type !== 'DecisionAdmitted') return []
        // Given ahead: from the plan that it is for.
        const seen = recorded.findLast(
          (item) =>
            item.at <= at &&
            (item.event.type === 'Planned' ||
              (item.event.type === 'GateOpened' && item.event.stepId === event.stepId)),
        )
        return [{ at, person: event.signedBy, since: seen?.at ?? at }]
      }),
    )
    .toSorted((left, right) => (left.at < right.at ? -1 : 1))
  const last = new Map<string, string>()
  return signed.map(({ at, person, since }) => {
    const before = last.get(person) ?? since
    last.set(person, at)
    const from = before > since ? before : since
    return { at, ms: Math.max(0, Date.parse(at) - Date.parse(from)) }
  })
}

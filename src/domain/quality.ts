/**
 * *Approval quality*: how decisions on pages were made, by role, from their entries alone. Persons are not named: a
 * dwell of seconds over forty items, or a role that keeps everything, is a question to the role.
 */
import type { Recorded } from './case.js'

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

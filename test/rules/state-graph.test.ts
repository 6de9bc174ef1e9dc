/**
 * The whole life of a case, explored: everything it can be in is reached, nothing it can be in is a
 * dead end, and the picture in docs/reference is the code's own.
 */
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CaseState, StepPhase } from '../../src/domain/case/case.js'
import type { Due } from '../../src/domain/case/due.js'
import { due } from '../../src/domain/case/due.js'
import { deadEnds, explore } from './case-explorer.js'
import { asJson, asMarkdown, graphOf } from './state-graph.js'
import { root, shrinking } from './tree.js'

const explored = explore(10_000)
const graph = graphOf(explored)
const all: CaseState[] = [...explored.states.values()].map(({ state }) => state)

const PHASES = {
  ...{ pending: 1, open: 1, satisfied: 1, granted: 1, offered: 1, claimed: 1, failed: 1 },
  ...{ performed: 1, declined: 1, expired: 1, undone: 1 },
} satisfies Record<StepPhase, 1>
const DUES = {
  ...{ plan: 1, 'open-gate': 1, decision: 1, wait: 1, perform: 1 },
  ...{ claim: 1, observe: 1, undo: 1, closed: 1 },
} satisfies Record<Due['kind'], 1>
const OUTCOMES = {
  ...{ completed: 1, declined: 1, expired: 1, 'rolled-back': 1, fenced: 1 },
  ...{ superseded: 1, unplannable: 1 },
} satisfies Record<NonNullable<CaseState['outcome']>, 1>

const afterClosing = [
  ...new Set(
    explored.edges
      .filter(({ from }) => explored.states.get(from)?.state.outcome !== null)
      .map(({ name }) => name),
  ),
].sort()

const KNOWN_DEAD_ENDS: readonly string[] = []
const KNOWN_AFTER_CLOSING: readonly string[] = []

describe('the states of a case', () => {
  it('reaches every phase, every kind of due and every outcome', () => {
    const phases = new Set(all.flatMap(({ steps }) => steps.map(({ phase }) => phase)))
    expect([...phases].sort()).toEqual(Object.keys(PHASES).sort())
    expect([...new Set(all.map((state) => due(state).kind))].sort()).toEqual(
      Object.keys(DUES).sort(),
    )
    const outcomes = new Set(all.flatMap(({ outcome }) => outcome ?? []))
    expect([...outcomes].sort()).toEqual(Object.keys(OUTCOMES).sort())
  })

  it('has no dead end: from everywhere the case can still be closed', () => {
    expect(shrinking(deadEnds(explored), KNOWN_DEAD_ENDS)).toEqual({ added: [], stale: [] })
  })

  it('lets nothing happen after a case is closed', () => {
    expect(shrinking(afterClosing, KNOWN_AFTER_CLOSING)).toEqual({ added: [], stale: [] })
  })

  it('notices a dead end (control)', () => {
    const undoes = ['undone', 'left alone']
    const edges = explored.edges.filter(({ name }) => !undoes.includes(name))
    const withoutUndo = { ...explored, edges }
    expect(deadEnds(withoutUndo).length).toBeGreaterThan(deadEnds(explored).length)
  })

  it('is the graph in docs/reference', async () => {
    const file = (name: string) => path.join(root, 'docs', 'reference', name)
    await expect(asMarkdown(graph)).toMatchFileSnapshot(file('case-states.md'))
    await expect(asJson(graph)).toMatchFileSnapshot(file('case-states.json'))
  })
})

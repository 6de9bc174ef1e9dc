/**
 * graph: the explored case as two small graphs that a person can read: what is due (of the case) and
 * the phases (of a step). Both are written to docs/reference and compared with it.
 */
import type { CaseState } from '../../src/domain/case/case.js'
import { due } from '../../src/domain/case/due.js'
import type { Explored } from './case-explorer.js'

export interface Arrow {
  readonly from: string
  readonly by: string
  readonly to: string
}

const unique = (arrows: readonly Arrow[]): Arrow[] =>
  [
    ...new Map(
      arrows.map((arrow) => [`${arrow.from} ${arrow.to} ${arrow.by}`, arrow] as const),
    ).entries(),
  ]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, arrow]) => arrow)

const dueName = (state: CaseState): string => {
  if (state.opened === null) return 'request'
  return state.outcome === null ? due(state).kind : `closed: ${state.outcome}`
}

export interface Graph {
  readonly due: readonly Arrow[]
  readonly phases: readonly Arrow[]
}

export function graphOf({ states, edges }: Explored): Graph {
  const stateOf = (key: string): CaseState => {
    const found = states.get(key)
    if (found === undefined) throw new Error('an arrow to nowhere')
    return found.state
  }
  const open = edges.filter(({ from }) => stateOf(from).outcome === null)
  const phaseOf = (key: string, stepId: string) =>
    stateOf(key).steps.find(({ step }) => step.stepId === stepId)?.phase ?? ''
  return {
    due: unique(
      open.map(({ from, to, name }) => ({
        ...{ from: dueName(stateOf(from)), to: dueName(stateOf(to)), by: name },
      })),
    ),
    phases: unique(
      open
        .flatMap(({ from, to, name, stepId }) =>
          stepId === null
            ? []
            : [{ from: phaseOf(from, stepId), to: phaseOf(to, stepId), by: name }],
        )
        .filter((arrow) => arrow.from !== arrow.to),
    ),
  }
}

const mermaid = (arrows: readonly Arrow[]): string[] => {
  const id = (name: string) => name.replaceAll(/[^a-z]/g, '_')
  const names = [...new Set(arrows.flatMap(({ from, to }) => [from, to]))].sort()
  const pairs = [...new Set(arrows.map(({ from, to }) => `${id(from)} --> ${id(to)}`))]
  return [
    ...['```mermaid', 'stateDiagram-v2'],
    ...names.map((name) => `  state "${name}" as ${id(name)}`),
    ...pairs.map((pair) => `  ${pair}`),
    '```',
  ]
}

const table = (arrows: readonly Arrow[]): string[] => {
  const pairs = new Map<string, string[]>()
  for (const { from, to, by } of arrows) {
    const pair = `| ${from} | ${to} |`
    pairs.set(pair, [...(pairs.get(pair) ?? []), by])
  }
  return [
    ...['| from | to | by |', '| --- | --- | --- |'],
    ...[...pairs].map(([pair, group]) => `${pair} ${group.join(', ')} |`),
  ]
}

export const asMarkdown = (graph: Graph): string =>
  [
    '# States of a case',
    '',
    'Generated from `src/domain` by making every possible move of a rotation; do not edit. Renew it with',
    '`npx vitest run test/rules/state-graph.test.ts -u`.',
    '',
    ...['## What a case owes', '', ...mermaid(graph.due), '', ...table(graph.due), ''],
    ...['## Phases of a step', '', ...mermaid(graph.phases), '', ...table(graph.phases), ''],
  ].join('\n')

export const asJson = (graph: Graph): string => `${JSON.stringify(graph, null, 1)}\n`

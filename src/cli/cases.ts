import type { Command } from 'commander'
import type { CaseSummary, StepSummary } from '../contract/http.js'
import { type Common, clientFor, withProfile } from './options.js'
import { finish, UsageFault } from './outcome.js'

interface Options extends Common {
  readonly phase?: string
  readonly waitingOn?: string
  readonly cursor?: string
}

export const define = (): Command =>
  withProfile('cases')
    .argument('[case]', 'one case')
    .option('--phase <phase>', 'open or closed')
    .option('--waiting-on <whom>', 'owner:per_…, partner:com_… or system')
    .option('--cursor <cursor>', 'the next page')
    .action(cases)

async function cases(caseId: string | undefined, options: Options): Promise<void> {
  const api = await clientFor(options)
  const { json, waitingOn, cursor } = options
  if (caseId !== undefined) return finish(await api.readCase({ caseId }), { json, show: showCase })
  const phase = phaseOf(options.phase)
  finish(await api.listCases({ phase, waitingOn, cursor }), {
    json,
    show: ({ cases: found, next }) => [
      ...found.map(
        (item) =>
          `${item.caseId}  ${item.phase === 'closed' ? `closed: ${item.outcome ?? 'unknown'}` : item.due}  ${item.waitingOn.join(' ')}`,
      ),
      ...(found.length === 0 ? ['no cases'] : []),
      ...(next === null ? [] : [`more: --cursor ${next}`]),
    ],
  })
}

function phaseOf(text: string | undefined): 'open' | 'closed' | undefined {
  if (text === undefined || text === 'open' || text === 'closed') return text
  throw new UsageFault('--phase is open or closed')
}

export const showCase = (summary: CaseSummary): readonly string[] => [
  summary.caseId,
  summary.outcome === null
    ? `owes ${summary.due.kind} ${summary.due.stepId ?? ''}`
    : `closed: ${summary.outcome}`,
  `turn of ${summary.turn.waitingOn.join(', ') || 'nobody'} since ${summary.turn.since}`,
  ...summary.steps.map(stepLine),
  `observed: ${summary.facts.join(', ') || 'nothing yet'}`,
  ...summary.questions.map(
    ({ stepId, person, text }) => `QUESTION of ${person} on ${stepId}: ${text ?? 'erased'}`,
  ),
  ...summary.findings.map(
    ({ code, where, detail, at }) => `FINDING ${code} at ${where}: ${detail}, ${at}`,
  ),
]

const stepLine = (step: StepSummary): string =>
  `  ${step.stepId.padEnd(12)} ${step.phase.padEnd(10)} ${step.title}${
    step.because === null ? '' : ` (again: ${step.because})`
  }`

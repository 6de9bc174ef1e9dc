import type { Command } from 'commander'
import type { CaseSummary, StepSummary } from '../../contract/http.js'
import { deadlineWords, gateWords, windowWords } from '../../contract/why.js'
import { clockWords } from '../../domain/review/clock.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, UsageFault } from '../session/outcome.js'

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
  const { json, waitingOn, cursor } = options
  if (caseId !== undefined) return showOne(caseId, options)
  const phase = phaseOf(options.phase)
  const api = await clientFor(options)
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

/** By its id, which is its workflow id too: asked of the ledger, whether Temporal still remembers it or not. */
export async function showOne(caseId: string, options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.readCase({ caseId }), { json: options.json, show: showCase })
}

function phaseOf(text: string | undefined): 'open' | 'closed' | undefined {
  if (text === undefined || text === 'open' || text === 'closed') return text
  throw new UsageFault('--phase is open or closed')
}

const showCase = (summary: CaseSummary): readonly string[] => [
  summary.caseId,
  summary.why,
  `time so far: ${clockWords(summary.clock)}`,
  ...summary.steps.map(stepLine),
  ...summary.underExpired.map(
    ({ what, expiredAt }) => `${what} under an authority that expired on ${expiredAt}`,
  ),
  `observed: ${summary.facts.join(', ') || 'nothing yet'}`,
  ...summary.questions.map(
    ({ stepId, person, text }) =>
      `QUESTION of ${person} on ${stepId}: ${text ?? 'not to be read here, or erased'}`,
  ),
  ...summary.findings.map(
    ({ code, where, detail, at }) => `FINDING ${code} at ${where}: ${detail}, ${at}`,
  ),
]

const stepLine = (step: StepSummary): string =>
  `  ${step.stepId.padEnd(12)} ${step.phase.padEnd(10)} ${step.title}${
    step.because === null ? '' : ` (again: ${step.because})`
  }${timesOf(step)}`

function timesOf({ phase, gate, task }: StepSummary): string {
  if (phase === 'open' && gate !== null) return `; ${gateWords(gate)}`
  if (phase === 'satisfied' && gate !== null && gate.window !== null)
    return `; approved for ${windowWords(gate.window)}`
  if (phase !== 'offered' || task === null) return ''
  return `; ${deadlineWords({ escalatesAt: null, expiresAt: task.expiresAt })}`
}

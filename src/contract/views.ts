/**
 * Views: what operators see of a case in Temporal, as values. *Attributes* are typed, opaque ids only and
 * never encrypted; *details* are Markdown and *labels* stand on the timeline, both encrypted like every
 * payload. Pure, and part of the workflow bundle. Nothing reads them back.
 */
import type { SearchAttributeUpdatePair } from '@temporalio/common'
import { type CaseState, type StepState, stepOf } from '../domain/case/case.js'
import { type Due, deadlinesOf, due, dueUntil, type Turn, waitingOn } from '../domain/case/due.js'
import { ATTRIBUTES } from './messages.js'
import { deadlineWords, whyOf, windowWords } from './why.js'

/** A case waits for people or is at work; it is *stuck* when a fault or a refusal that no retry mends stands in its way. */
export interface Shown {
  readonly state: CaseState
  readonly stuck: string | null
  /** Who holds the ball, and since when by the ledger. */
  readonly turn: Turn
  /** Workflow time, ISO, at which it is shown: a vote that has run out no longer counts. */
  readonly at: string
}

const LABEL_MAX = 120
const short = (text: string): string => text.slice(0, LABEL_MAX)

/** Work of a moment is not worth a write: what it waits for next, or that it is stuck, is. */
export function isBrief(state: CaseState): boolean {
  const next = due(state)
  if (next.kind === 'plan' || next.kind === 'open-gate') return true
  if (next.kind !== 'perform') return false
  const operations = stepOf(state, next.stepId)?.step.operations ?? []
  return !operations.some(({ op }) => op === 'observe-unused' || op === 'observe-consumers')
}

export function attributesOf({
  state,
  stuck,
  turn,
  at,
}: Shown): readonly SearchAttributeUpdatePair[] {
  const { opened } = state
  const next = due(state)
  const until = dueUntil(next)
  const closed = next.kind === 'closed'
  const step = stepIdOf(next) === null ? null : stepOf(state, stepIdOf(next) ?? '')
  const [first] = Object.values(opened?.requirements ?? {})
  const { partner, owner, identity, control, target, policy, risk } = ATTRIBUTES
  return [
    { key: partner, value: opened?.executor ?? null },
    { key: owner, value: opened?.ownerId ?? null },
    { key: identity, value: opened?.scope.id ?? null },
    { key: control, value: opened?.objectiveId ?? null },
    { key: target, value: opened?.systemId ?? null },
    {
      key: policy,
      value: first === undefined ? null : `${first.pack.packId}@${first.pack.version}`,
    },
    { key: risk, value: opened?.tier ?? null },
    { key: ATTRIBUTES.phase, value: stuck === null ? PHASES[next.kind] : 'stuck' },
    { key: ATTRIBUTES.waitingOn, value: stuck === null ? ball(state, at) : ['system'] },
    { key: ATTRIBUTES.waitingSince, value: closed ? null : new Date(turn.since) },
    { key: ATTRIBUTES.deadline, value: until === null ? null : new Date(until) },
    { key: ATTRIBUTES.escalation, value: step?.gate?.escalated === 'yes' ? 1 : 0 },
    { key: ATTRIBUTES.frozen, value: isStopped(state) },
  ]
}

const isStopped = ({ ending }: CaseState): boolean => ending === 'fenced' || ending === 'superseded'

const PHASES: Readonly<Record<Due['kind'], string>> = {
  plan: 'plan',
  'open-gate': 'plan',
  decision: 'approve',
  wait: 'window',
  perform: 'execute',
  claim: 'execute',
  observe: 'verify',
  undo: 'rollback',
  closed: 'closed',
}

const ball = (state: CaseState, at: string): string[] | null => {
  const holders = [...waitingOn(state, at)]
  return holders.length === 0 ? null : holders
}

const stepIdOf = (next: Due): string | null => ('stepId' in next ? next.stepId : null)

/** The label of a wait's timer: what happens when it rings, for what, and who could prevent it. */
export function waitLabel({ state, at }: Pick<Shown, 'state' | 'at'>): string {
  const next = due(state)
  const stepId = stepIdOf(next) ?? ''
  if (next.kind === 'wait') return short(`window opens at ${next.until}: ${stepId} is approved`)
  const holders = waitingOn(state, at).join(', ')
  const { escalatesAt, expiresAt } = deadlinesOf(state)
  const first = { escalatesAt, expiresAt: escalatesAt === null ? expiresAt : null }
  const until = dueUntil(next)
  const words =
    until !== null && until === stepOf(state, stepId)?.gate?.window?.until
      ? `window ends at ${until}`
      : deadlineWords(first) || 'open end'
  return short(`${words}: ${stepId} by ${holders}`)
}

/** The label of an activity, such as `perform: Set a new secret on app_b`. */
export function workLabel(state: CaseState): string {
  const next = due(state)
  const step = stepOf(state, stepIdOf(next) ?? '')
  if (step === null) return next.kind === 'plan' ? 'plan: look at the target' : next.kind
  return short(`${next.kind} ${step.step.stepId}: ${step.step.title}`)
}

/**
 * The Temporal UI cuts off the end of what it shows, so nothing that matters stands last: why the case stands
 * where it stands comes first, and the last line only says where to ask.
 */
export function detailsOf(shown: Shown): string {
  const { state, stuck } = shown
  const heading = stuck === null ? headingOf(shown) : `stuck: ${stuck}`
  const step = stepOf(state, stepIdOf(due(state)) ?? '')
  const rows = [...waitRows(shown), ...(step === null ? [] : stepRows(step))]
  rows.push(['Plan', state.planHash ?? 'not drawn yet'])
  const steps = state.steps.map((item) => [item.step.stepId, item.phase, String(item.round)])
  return [
    `### ${cell(heading)}`,
    cell(whyOf(shown)),
    table([['', ''], ...rows]),
    ...(steps.length === 0 ? [] : [table([['Step', 'State', 'Round'], ...steps])]),
    `The ledger knows more: ${cell(`countersign show ${state.caseId}`)}`,
    '&nbsp;',
  ].join('\n\n')
}

function headingOf({ state, at }: Shown): string {
  const next = due(state)
  if (next.kind === 'closed') return `closed: ${next.outcome}`
  const holders = waitingOn(state, at).join(', ')
  const window = windowOf(state)
  if (next.kind === 'wait' && window !== null) return `approved, waits for ${windowWords(window)}`
  return holders === 'system' ? workLabel(state) : `waiting for ${holders}`
}

const windowOf = (state: CaseState) =>
  stepOf(state, stepIdOf(due(state)) ?? '')?.gate?.window ?? null

function waitRows({ state, stuck, turn, at }: Shown): string[][] {
  const next = due(state)
  if (next.kind === 'closed') return [['Outcome', next.outcome]]
  const { escalatesAt, expiresAt } = deadlinesOf(state)
  const window = windowOf(state)
  return [
    ['Awaited', stuck === null ? waitingOn(state, at).join(', ') : 'operations'],
    ['Since', turn.since],
    ...(escalatesAt === null ? [] : [['Escalates at', escalatesAt]]),
    ...(expiresAt === null ? [] : [['Expires at', expiresAt]]),
    ...(window === null ? [] : [['Window', `from ${window.from} to ${window.until}`]]),
  ]
}

const stepRows = ({ step, round, because }: StepState): string[][] => [
  ['For', `${step.stepId}: ${step.title}`],
  ['Rollback', step.rollback],
  ['Blast radius', step.blastRadius],
  ['Round', because === null ? String(round) : `${round}, opened again because of ${because}`],
]

/** Text of a plan can quote names found on the target: it stays text. */
const cell = (text: string): string =>
  text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_{}[\]<>#|!]/g, (mark) => `\\${mark}`)

function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const line = (items: readonly string[]): string => `| ${items.map(cell).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...body.map(line)].join('\n')
}

/** Names what the case owes: the same name means that nobody has to be told or timed anew. */
export const waitOf = (state: CaseState): string => {
  const next = due(state)
  const round = 'round' in next ? next.round : state.steps.length
  return [next.kind, stepIdOf(next), round, dueUntil(next)].join(':')
}

/**
 * report.html of a packet: the case for people to read, on paper or screen. One file without scripts,
 * links or network; every text is escaped. It is made from the evidence alone, so it can be made again
 * and compared; it proves nothing by itself.
 */
import type { Recorded } from '../../domain/case/case.js'
import type { Step } from '../../domain/shapes/plan.js'
import { cosignersWords, type Shown, whom } from '../told.js'
import { html, type Markup } from './html.js'
import { DEMONSTRATION } from './readme.js'
import { fiveAnswers } from './words.js'

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #d0d7de}h3{font-size:1rem;margin-bottom:.2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d0d7de}
th{font-weight:600}td,code{overflow-wrap:anywhere}code{font-size:.9em}.demo{background:#fff3cd;border:1px solid #b58900;padding:.6rem}
@media print{body{margin:0}}`

export function report(shown: Shown): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Evidence of ${shown.caseId}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
${shown.keys === 'demonstration' ? html`<p class="demo"><strong>${DEMONSTRATION}</strong></p>` : ''}
<h1>Evidence of one case</h1>
<p><code>${shown.caseId}</code></p>
<p>This page is for reading. What proves it are the other files: <code>countersign verify</code> checks them offline.</p>
${answers(shown)}
${about(shown)}
${plan(shown)}
${decisions(shown)}
${observations(shown)}
${timeline(shown)}
</body>
</html>
`
  return page.markup
}

const answers = (shown: Shown): readonly Markup[] => [
  html`<h2>Five answers</h2>`,
  ...fiveAnswers(shown).map(
    ({ question, answers: lines }) =>
      html`<h3>${question}</h3><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`,
  ),
]

type Row = readonly (string | number)[]

const table = (head: Row, rows: readonly Row[]): Markup => html`<table>
<thead><tr>${head.map((cell) => html`<th>${cell}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody>
</table>`

const CONTROL = {
  enforced: 'enforced: only the enterprise’s connector can change it',
  detected: 'detected: the partner could change it, and the probe would tell',
  declared: 'declared: nobody but the partner can see it',
} as const

function about(shown: Shown): readonly Markup[] {
  const { opened, state, identity, objective, log } = shown
  if (opened === null) return []
  const { requester, contract } = opened
  const asked = requester.personId === null ? requester.companyId : whom(shown, requester.personId)
  const change = requester.changeReference ?? 'none'
  const rows: Row[] = [
    [
      'About',
      `${opened.scope.kind} ${opened.scope.id}, on ${opened.systemId ?? 'no system'}, ${opened.tier}`,
    ],
    ['Owner', whom(shown, opened.ownerId)],
    ['Control objective', `${objective ?? ''} (${opened.objectiveId})`],
    ['Control', identity === null ? 'unknown' : CONTROL[identity.control]],
    [
      'Need',
      identity === null ? 'unknown' : `${identity.need.reference}, until ${identity.need.until}`,
    ],
    ['Asked by', `${asked}, ${requester.kind}, change ${change} (${opened.change})`],
    [
      'Carried out by',
      contract === null
        ? `${opened.executor} itself`
        : `${opened.executor} under ${contract.contractId}, clause ${contract.clauseId}`,
    ],
    ['Outcome', state.outcome ?? 'still open'],
    ['Log', `${log.origin}, ${log.size} entries; ${cosignersWords(log)}`],
  ]
  return [html`<h2>The case</h2>`, table(['What', 'As recorded'], rows)]
}

function plan({ state }: Shown): readonly Markup[] {
  if (state.plan === null) return []
  const { change, warnings, steps } = state.plan
  return [
    html`<h2>The plan that was signed for</h2>
<p>${change.summary}. Risk ${change.risk}. Plan hash <code>${state.planHash ?? ''}</code></p>`,
    ...warnings.map((warning) => html`<p>Warning: ${warning}</p>`),
    table(['Step', 'What', 'Who', 'Blast radius', 'Rollback plan'], steps.map(stepRow)),
  ]
}

const stepRow = ({ stepId, title, executor, blastRadius, rollback }: Step): Row => [
  ...[stepId, title, executor],
  ...[blastRadius, rollback],
]

const decisions = (shown: Shown): readonly Markup[] => [
  html`<h2>Decisions</h2>`,
  table(
    ['At', 'Step', 'Verdict', 'Person', 'Signed by', 'Round', 'Key', 'Reason'],
    shown.decisions.map(({ at, event, ahead, reason }) => [
      ...[at, event.stepId, event.verdict, whom(shown, event.votes), whom(shown, event.signedBy)],
      ...[ahead === 'yes' ? 'ahead' : event.round, event.envelope.signatures[0]?.keyid ?? ''],
      reason ?? 'none, or erased',
    ]),
  ),
]

const pairs = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}: ${value}`)
    .join('; ')

const observations = ({ recorded }: Shown): readonly Markup[] => [
  html`<h2>What the enterprise’s probes saw</h2>`,
  table(
    ['Step', 'Operation', 'Outcome', 'Facts', 'Observed', 'From', 'To'],
    recorded.flatMap(({ event }): Row[] => {
      if (event.type !== 'OperationObserved') return []
      const outcome = event.code === null ? event.outcome : `${event.outcome}: ${event.code}`
      const seen = [event.facts.join(', '), pairs(event.observed), event.startedAt, event.endedAt]
      return [[event.stepId, event.op, outcome, ...seen]]
    }),
  ),
]

const timeline = (shown: Shown): readonly Markup[] => [
  html`<h2>Every entry</h2>`,
  table(
    ['No.', 'At', 'Log index', 'Entry', 'About', 'Leaf hash'],
    shown.recorded.map((item, index) => [
      ...[item.seq, item.at, shown.indexes[index] ?? '', item.event.type],
      ...[aboutEntry(shown, item), item.hash],
    ]),
  ),
]

function aboutEntry(shown: Shown, { event }: Recorded): string {
  const step = 'stepId' in event ? event.stepId : ''
  switch (event.type) {
    case 'DecisionAdmitted':
      return `${step}: ${event.verdict} by ${whom(shown, event.votes)}`
    case 'DecisionRefused':
      return `${event.code} at ${event.where}`
    case 'GateRefused':
      return `${step}: ${event.code}, ${event.detail}`
    case 'ClaimRecorded':
      return `${step}: ${event.outcome} by ${event.operatorId}, change ${event.changeReference}`
    case 'FindingRecorded':
      return `${event.code}: ${event.detail}`
    case 'CaseFenced':
      return `${event.scope.kind} ${event.scope.id}${event.speed === 'cut' ? ', cut: a containment goes before this case' : ''}`
    case 'CaseClosed':
      return event.outcome
    case 'OperationObserved':
      return `${step}: ${event.op}, ${event.outcome}`
    case 'StepFailed':
      return `${step}: ${event.code}, target ${event.target}`
    default:
      return step
  }
}

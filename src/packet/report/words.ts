/**
 * The five answers an auditor asks for, as plain sentences: who approved, under which policy, when,
 * with what rollback plan, and what really happened. They are made from the folded entries only.
 */

import { expiredUnder } from '../../domain/authority/grace.js'
import { findingsIn } from '../../domain/case/finding.js'
import { isCapped } from '../../domain/decide/decision.js'
import { clockWords, partnersParts, wholeClock } from '../../domain/review/clock.js'
import { inWords, signedDrill } from '../../domain/rights/drill.js'
import type { Choice } from '../../domain/shapes/recertify.js'
import type { Shown } from '../told.js'
import { whom } from '../told.js'

export interface Answers {
  readonly question: string
  readonly answers: readonly string[]
}

export const fiveAnswers = (shown: Shown): readonly Answers[] => [
  { question: 'Who approved?', answers: whoApproved(shown) },
  { question: 'Under which policy?', answers: underWhichPolicy(shown) },
  { question: 'When?', answers: when(shown) },
  { question: 'With what rollback plan?', answers: rollbackPlan(shown) },
  { question: 'What really happened?', answers: whatHappened(shown) },
  ...(shown.gaps.length === 0 ? [] : [{ question: 'What is missing?', answers: shown.gaps }]),
]

/** One line for each answer, with its question in front. */
export const wordsOf = (shown: Shown): readonly string[] =>
  fiveAnswers(shown).flatMap(({ question, answers }) =>
    answers.map((answer) => `${question} ${answer}`),
  )

const orElse = (answers: readonly string[], otherwise: string): readonly string[] =>
  answers.length === 0 ? [otherwise] : answers

const VERBS = { approve: 'approved', decline: 'declined', ask: 'asked about' } as const

const whoApproved = (shown: Shown): readonly string[] =>
  orElse(
    shown.decisions.map(({ at, event, ahead }) => {
      const { votes, signedBy, stepId } = event
      const by = votes === signedBy ? '' : ` (signed by the delegate ${whom(shown, signedBy)})`
      const early = ahead === 'yes' ? ' ahead' : ''
      return `${whom(shown, votes)}${by} ${VERBS[event.verdict]} ${stepId}${early} at ${at}${chosen(event.choices)}.`
    }),
    'Nobody: no decision was admitted.',
  )

const chosen = (choices: readonly Choice[] | null): string => {
  if (choices === null) return ''
  const named = (verdict: Choice['verdict']) =>
    choices.flatMap((one) => (one.verdict === verdict ? [one.identityId] : [])).join(', ') || 'none'
  return `: kept ${named('keep')}; revoked ${named('revoke')}`
}

function underExpired({ recorded }: Shown): readonly string[] {
  return expiredUnder(recorded).map(
    ({ what, expiredAt }) => `${what} under an authority that expired on ${expiredAt}.`,
  )
}

function underWhichPolicy(shown: Shown): readonly string[] {
  const { recorded, opened } = shown
  const resolved = [
    ...Object.values(opened?.requirements ?? {}),
    ...recorded.flatMap(({ event }) => (event.type === 'GateOpened' ? [event.resolved] : [])),
  ]
  const packs = resolved.map(({ pack }) => `${pack.packId} version ${pack.version}, ${pack.hash}.`)
  return [...orElse([...new Set(packs)], 'None was resolved.'), ...underExpired(shown)]
}

function when({ recorded, state }: Shown): readonly string[] {
  const parts = partnersParts(recorded).map(
    ({ stepId, at }) => `The partner's part of ${stepId} was seen to be done at ${at}.`,
  )
  const granted = recorded.flatMap(({ event, at }) =>
    event.type === 'Granted' ? [`${event.stepId} was granted at ${at}.`] : [],
  )
  const closed = recorded.find(({ event }) => event.type === 'CaseClosed')
  const end =
    closed === undefined
      ? 'It is still open.'
      : `It was closed as ${state.outcome ?? 'unknown'} at ${closed.at}.`
  const { caseId } = state
  const until = recorded.at(-1)?.at ?? ''
  const clock = `Its time so far belonged to: ${clockWords(wholeClock({ caseId, recorded, until }))}.`
  return [
    `The case was opened at ${state.openedAt ?? 'no time'}.`,
    ...granted,
    ...parts,
    end,
    clock,
  ]
}

const rollbackPlan = ({ state }: Shown): readonly string[] =>
  orElse(
    (state.plan?.steps ?? []).map(({ stepId, rollback }) => `${stepId}: ${rollback}`),
    'No plan was drawn.',
  )

function whatHappened({ recorded, state }: Shown): readonly string[] {
  const seen = recorded.flatMap(({ event }) => {
    if (event.type !== 'OperationObserved') return []
    const code = event.code === null ? '' : ` (${event.code})`
    const facts = event.facts.length === 0 ? '' : `; observed: ${event.facts.join(', ')}`
    return [`${event.stepId}: ${event.op} was ${event.outcome}${code}${facts}.`]
  })
  const contradicted = recorded.filter(({ event }) => event.type === 'ClaimContradicted').length
  const lies = contradicted === 0 ? [] : [`Claims that the probe contradicted: ${contradicted}.`]
  const findings = recorded.flatMap(({ event }) =>
    event.type === 'FindingRecorded' ? [`Found: ${event.code}. ${event.detail}.`] : [],
  )
  const least = isCapped(state) ? 'at least ' : ''
  const noes = state.refusals === 0 ? [] : [`Refused messages: ${least}${state.refusals}.`]
  const partner =
    state.opened?.scope.kind === 'partner' ? state.opened.scope.id : state.opened?.executor
  const against = findingsIn(state.caseId, recorded).map(({ finding, about }) => {
    const what = about === '' ? '' : `, ${about}`
    return `Finding against ${partner ?? 'the partner'}: ${finding}${what}.`
  })
  const rights = (signedDrill(state, recorded)?.measured ?? []).map(inWords)
  return orElse(
    [...seen, ...lies, ...findings, ...against, ...rights, ...noes],
    'Nothing was done on the target.',
  )
}

/**
 * decide: shows the review, asks, signs and sends. Nobody is asked without a terminal; then --yes and a
 * verdict have to be given.
 */
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import type { Review } from '../../contract/http.js'
import { isRefusal } from '../../domain/refusal.js'
import type { Verdict } from '../../domain/shapes/envelope.js'
import { choicesOf, type Named } from '../session/choices.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, print, refused, UsageFault } from '../session/outcome.js'
import { keyOf, readProfile } from '../session/profile.js'
import { dueStep } from './review.js'
import { showReview } from './show-review.js'
import { signDecision } from './sign-decision.js'

interface Options extends Common, Named {
  readonly approve?: boolean
  readonly decline?: boolean
  readonly ask?: boolean
  readonly ahead?: boolean
  readonly reason?: string
  readonly yes?: boolean
}

export const define = (): Command =>
  withProfile('decide')
    .argument('<case>')
    .argument('[step]', 'the step that is due unless named')
    .option('--approve')
    .option('--decline', 'ends the case')
    .option('--ask', 'a question to whoever asked for the case; needs --reason')
    .option('--ahead', 'for a later step, on what must have been observed by then')
    .option('--reason <text>', 'kept where it can be erased; only its digest is signed')
    .option('--keep <identities...>', 'on a page of a campaign: these are kept')
    .option('--revoke <identities...>', 'and these lose their access')
    .option('--keep-rest', 'and every other that is not odd is kept')
    .option('--yes', 'do not ask; needs the step and a verdict')
    .action(decide)

async function decide(caseId: string, step: string | undefined, options: Options): Promise<void> {
  const given = verdictOf(options)
  if (options.ahead === true && step === undefined) throw new UsageFault('--ahead needs a step')
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true
  if (options.yes !== true && (!interactive || options.json === true))
    throw new UsageFault('without a terminal, or with --json, give a verdict and --yes')
  if (options.yes === true && step === undefined)
    throw new UsageFault('--yes needs the step, so that a repeated command signs nothing else')
  if (options.yes === true && given === null)
    throw new UsageFault('--yes needs --approve, --decline or --ask')
  const key = await keyOf(await readProfile(options.profile), 'decisionKey')
  const api = await clientFor(options)
  const stepId = step ?? (await dueStep(api, caseId))
  if (isRefusal(stepId)) return refused(stepId, options.json)
  const review = await api.review({ caseId, stepId })
  if (isRefusal(review)) return refused(review, options.json)
  const form = options.ahead === true ? 'ahead' : 'gate'
  if (options.json !== true) print(showReview(review))
  const reason = options.reason ?? null
  const answer =
    options.yes === true
      ? { verdict: given, reason }
      : await confirm({ review, form, given, reason })
  const { verdict } = answer
  if (verdict === null) return print(['nothing was signed'])
  const choices = choicesOf({ review, verdict }, options)
  if (isRefusal(choices)) return refused(choices, options.json)
  const signed = signDecision({ review, verdict, form, reason: answer.reason, choices, ...key })
  if (isRefusal(signed)) return refused(signed, options.json)
  finish(await api.decide(signed), {
    json: options.json,
    show: ({ seq, gate }) => [
      '',
      `signed ${verdict} for ${stepId}${form === 'ahead' ? ', ahead' : ''}: entry ${seq}, the gate is ${gate}`,
    ],
  })
}

function verdictOf({ approve, decline, ask, reason }: Options): Verdict | null {
  const given = Object.entries({ approve, decline, ask }).filter(([, value]) => value === true)
  if (given.length > 1) throw new UsageFault('one verdict at a time')
  if (ask === true && reason === undefined) throw new UsageFault('--ask needs --reason')
  return (given[0]?.[0] as Verdict | undefined) ?? null
}

interface Answer {
  readonly verdict: Verdict | null
  readonly reason: string | null
}

const ANSWERS: Readonly<Record<string, Verdict>> = {
  ...{ a: 'approve', approve: 'approve' },
  ...{ d: 'decline', decline: 'decline' },
  ...{ '?': 'ask', ask: 'ask' },
}

async function confirm(input: {
  readonly review: Review
  readonly form: 'gate' | 'ahead'
  readonly given: Verdict | null
  readonly reason: string | null
}): Promise<Answer> {
  const { review, form, given, reason } = input
  if (review.templates[form] === null) return { verdict: given, reason }
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const ask = async (question: string) => (await terminal.question(question)).trim()
  try {
    if (given !== null) {
      const yes = ['y', 'yes'].includes((await ask(`\n${given}? [y/N] `)).toLowerCase())
      return { verdict: yes ? given : null, reason }
    }
    const answer = await ask('\n(a)pprove, (d)ecline, (?) ask, or nothing: ')
    const verdict = ANSWERS[answer.toLowerCase()] ?? null
    return verdict === 'ask' && reason === null
      ? { verdict, reason: await ask('your question: ') }
      : { verdict, reason }
  } finally {
    terminal.close()
  }
}

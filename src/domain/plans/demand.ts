/**
 * demand: a partner hands in evidence. Any person of the enterprise asks; the owner of the contract signs that the
 * partner is asked, and then whether the answer is accepted. No contract clause is needed for it and no fence stops
 * it. What comes late, not at all, or is not accepted is a finding against the partner (finding.ts).
 */

import type { Digest } from '../bytes/digest.js'
import type { Recorded } from '../case/case.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import { Claim, type Envelope } from '../shapes/envelope.js'
import { parseAs } from '../shapes/parse.js'
import type { Plan, Step, TargetState } from '../shapes/plan.js'
import { openEnvelope } from '../signed/envelope.js'
import { type AskedOf, lookStep, type RecordsPlanning, recordsPlanBase } from './planning.js'

export const DEMAND_STEPS = ['ask', 'accept'] as const

export function planDemand(input: RecordsPlanning, asked: AskedOf<'demand'>): Plan | Refusal {
  const { kind: _, ...terms } = asked
  const { due, period, question } = terms
  if (due <= input.at) return refuse('EXPIRED', '/due', 'it would be late already')
  if (period !== null && period.until <= period.from)
    return refuse('MALFORMED', '/period', 'it ends before it begins')
  const summary = `Evidence demanded of ${input.opened.scope.id}: ${question} by ${due}`
  return {
    ...recordsPlanBase(input, summary),
    about: { kind: 'demand', ...terms },
    steps: [ask(terms), ACCEPT],
  }
}

const ask = ({ question, due }: Omit<AskedOf<'demand'>, 'kind'>): Step => ({
  stepId: 'ask',
  title: `The partner answers ${question}`,
  executor: 'partner',
  operations: [{ op: 'receive-evidence' }],
  undo: [{ op: 'nothing' }],
  rollback: 'Nothing changes on any target.',
  blastRadius: `None. What is not handed in by ${due} is a finding against the partner.`,
  needs: [],
  produces: ['evidence-received'],
})

const ACCEPT: Step = {
  ...lookStep({
    stepId: 'accept',
    title: 'The evidence is accepted',
    needs: ['evidence-received'],
  }),
  blastRadius: 'None. Declined, it is a finding against the partner.',
}

/** The digest of the document that a claim hands in; null when it hands in none. Its signature was judged before. */
export function documentOf(envelope: Envelope): Digest | null {
  const opened = openEnvelope({ envelope, kind: 'claim', parse: parseAs(Claim) })
  return isRefusal(opened) ? null : opened.payload.changeRecord.notesDigest
}

/** The documents that claims of the case name, each once. */
export const documentsNamed = (recorded: readonly Pick<Recorded, 'event'>[]): readonly Digest[] => [
  ...new Set(
    recorded.flatMap(({ event }) =>
      event.type === 'ClaimRecorded' ? (documentOf(event.envelope) ?? []) : [],
    ),
  ),
]

/** The document that the last claim handed in. */
export function documentIn(recorded: readonly Recorded[]): Digest | null {
  const claim = recorded.findLast(({ event }) => event.type === 'ClaimRecorded')?.event
  return claim?.type === 'ClaimRecorded' ? documentOf(claim.envelope) : null
}

/** What a signature is bound to besides the plan: exactly the evidence that there is. */
export function demandState(recorded: readonly Recorded[]): TargetState {
  const document = documentIn(recorded)
  return document === null ? {} : { document }
}

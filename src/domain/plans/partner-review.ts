/**
 * partner-review: everything that a partner did in a period is judged again, its targets are compared with what was
 * seen before, and its service levels are counted. The owner of the contract signs exactly that; signed, its findings
 * stand against the partner, which can dispute each.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { Plan } from '../shapes/plan.js'
import type { PartnerReview } from '../shapes/review.js'
import { type AskedOf, lookStep, type RecordsPlanning, recordsPlanBase } from './planning.js'

export const PARTNER_REVIEW_STEPS = ['sign'] as const

/** Null when the period can be reviewed. */
export function unreviewable(
  { from, until }: AskedOf<'partner-review'>,
  at: string,
): Refusal | null {
  if (until <= from) return refuse('MALFORMED', '/until', 'the period ends before it begins')
  return at < until ? refuse('TOO_EARLY', '/until', 'the period is not over') : null
}

export function planPartnerReview(
  input: RecordsPlanning & { readonly review: PartnerReview },
  asked: AskedOf<'partner-review'>,
): Plan | Refusal {
  const wrong = unreviewable(asked, input.at)
  if (wrong !== null) return wrong
  const { review } = input
  const { findings, findingsBeyond } = review
  const partnerId = input.opened.scope.id
  const found = findings.length + findingsBeyond
  const summary = `Review of ${partnerId} from ${asked.from} until ${asked.until}: ${found} findings`
  return {
    ...recordsPlanBase(input, summary),
    about: { kind: 'partner-review', ...review },
    warnings: findings
      .map(({ finding, about, detail }) => `${finding}: ${about}: ${detail}`.slice(0, 300))
      .slice(0, 16),
    steps: [
      {
        ...lookStep({ stepId: 'sign', title: 'The review stands', needs: [] }),
        rollback: 'Each finding can be disputed; what a dispute upholds is withdrawn.',
        blastRadius: `None on any target. ${found} findings stand against ${partnerId}.`,
      },
    ],
  }
}

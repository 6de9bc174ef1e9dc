/** What a decision is about besides its steps, as whoever signs reads it: the terms that were asked for, and what follows from them. */
import type { Plan } from '../../domain/shapes/plan.js'
import { partnerReviewLines } from './show-partner-review.js'

type About<Kind extends Plan['about']['kind']> = Extract<Plan['about'], { readonly kind: Kind }>

export function aboutLines(plan: Plan): readonly string[] {
  const { about } = plan
  switch (about.kind) {
    case 'recertify':
      return about.items.map(itemLine)
    case 'exception':
      return exceptionLines(about)
    case 'incident':
      return about.inScope.map((identityId) => `in scope      ${identityId}`)
    case 'partner-review':
      return partnerReviewLines(plan)
    case 'change-policy':
    case 'change-contracts':
    case 'change-ownership':
    case 'change-people':
    case 'revoke-keys':
      return [
        ...about.changes.map((words) => `change        ${words}`),
        `authority     version ${about.to.version}, ${about.to.hash}`,
        ...named('accepted by', about.accepting),
        ...named('concerns', about.affected),
      ]
    default:
      return []
  }
}

/** With what is odd of it. */
function itemLine(item: About<'recertify'>['items'][number]): string {
  const { identityId, tier, systemId, needUntil, rotatedAt, exceptions, odd } = item
  const rotated = `rotated ${rotatedAt ?? 'never here'}, ${exceptions.length} exception(s)`
  const oddly = odd.length === 0 ? '' : `  ODD: ${odd.join(', ')}`
  return `item          ${identityId} on ${systemId}, ${tier}, needed until ${needUntil}, ${rotated}${oddly}`
}

const exceptionLines = (about: About<'exception'>): readonly string[] => [
  `deviation     ${about.deviation} until ${about.until}, reason ${about.reference}`,
  ...about.controls.map(
    ({ controlId, attestedBy }) =>
      `made up for   ${controlId}, attested by ${attestedBy} every ${Math.round(about.attestEveryMs / 1000)} s`,
  ),
]

const named = (what: string, persons: readonly string[]): readonly string[] =>
  persons.length === 0 ? [] : [`${what.padEnd(14)}${persons.join(', ')}`]

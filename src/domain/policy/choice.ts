/**
 * The choices of a decision on a page. judgeChoices: are they the ones that were signed, one for each item in the
 * page's order, each odd item chosen by itself, by whoever still owns them all? revokedIn: what the decisions that
 * a grant arose from revoke.
 */
import type { Authority } from '../authority/authority.js'
import { rootOver } from '../bytes/merkle.js'
import type { Recorded } from '../case/case.js'
import { type Refusal, refuse } from '../refusal.js'
import type { Decision } from '../shapes/envelope.js'
import type { Plan } from '../shapes/plan.js'
import type { Choice, PageItem } from '../shapes/recertify.js'

const wrong = (where: string, detail: string): Refusal => refuse('CHOICE_INVALID', where, detail)

/** UNTRUSTED: the choices. Null when nothing is wrong with them; a step that asks for none takes none. */
export function judgeChoices(judging: {
  readonly plan: Plan | null
  readonly decision: Decision
  readonly choices: readonly Choice[] | null
  readonly authority: Authority
}): Refusal | null {
  const { plan, decision, choices, authority } = judging
  const about = plan?.about
  const asksFor =
    about?.kind === 'recertify' && decision.stepId === 'decide' && decision.verdict === 'approve'
  if (!asksFor)
    return decision.choice === null && choices === null
      ? null
      : wrong('/choice', 'this decision chooses nothing')
  if (choices === null || decision.choice === null)
    return wrong('/choice', 'every item of the page needs a choice')
  if (rootOver(choices) !== decision.choice) return wrong('/choice', 'not what was signed')
  if (choices.length !== about.items.length)
    return wrong('/choices', 'not one choice for each item of the page')
  for (const [index, item] of about.items.entries()) {
    const bad = wrongChoice({ item, choice: choices[index], index })
    if (bad !== null) return bad
    if (authority.identities.get(item.identityId)?.ownerId !== about.ownerId)
      return refuse('NO_OWNER', `/choices/${index}`, `${item.identityId} has another owner now`)
  }
  return null
}

function wrongChoice(at: {
  readonly item: PageItem
  readonly choice: Choice | undefined
  readonly index: number
}): Refusal | null {
  const { item, choice, index } = at
  const where = `/choices/${index}`
  if (choice?.identityId !== item.identityId) return wrong(where, `${item.identityId} comes here`)
  if (choice.given === 'one-by-one') return null
  if (choice.verdict === 'revoke') return wrong(where, 'nothing is revoked in a batch')
  return item.odd.length === 0
    ? null
    : wrong(where, `${item.identityId} is odd (${item.odd.join(', ')}) and in no batch`)
}

/**
 * The identities that any decision behind the step's last grant revokes, sorted; null while no decision decided,
 * so that what a mandate let pass keeps nothing.
 */
export function revokedIn(recorded: readonly Recorded[]): readonly string[] | null {
  const granted = recorded.findLast(
    ({ event }) => event.type === 'Granted' && event.stepId === 'decide',
  )?.event
  if (granted?.type !== 'Granted' || granted.decisionIds.length === 0) return null
  const chosen = recorded.flatMap(({ event }) =>
    event.type === 'DecisionAdmitted' && granted.decisionIds.includes(event.decisionId)
      ? (event.choices ?? [])
      : [],
  )
  const revoked = chosen.flatMap(({ identityId, verdict }) =>
    verdict === 'revoke' ? [identityId] : [],
  )
  return [...new Set(revoked)].sort()
}

/** The choices of a decision on a page, from what was typed: named ones one by one, the ordinary rest as one batch. */
import type { Review } from '../../contract/http.js'
import { type Refusal, refuse } from '../../domain/refusal.js'
import type { Verdict } from '../../domain/shapes/envelope.js'
import type { Choice, PageItem } from '../../domain/shapes/recertify.js'

export interface Named {
  readonly keep?: readonly string[]
  readonly revoke?: readonly string[]
  readonly keepRest?: boolean
}

/** Null where the step asks for none. Refuses CHOICE_INVALID when an item is left over, or named twice or in vain. */
export function choicesOf(
  { review, verdict }: { readonly review: Review; readonly verdict: Verdict },
  { keep = [], revoke = [], keepRest = false }: Named,
): readonly Choice[] | null | Refusal {
  const { about } = review.plan
  if (about.kind !== 'recertify' || review.stepId !== 'decide' || verdict !== 'approve') return null
  const ids = about.items.map(({ identityId }) => identityId)
  const wrong = [...keep, ...revoke].find(
    (id, index, all) => !ids.includes(id) || all.indexOf(id) !== index,
  )
  if (wrong !== undefined) return refuse('CHOICE_INVALID', '/choices', `${wrong} is named in vain`)
  const choices: Choice[] = []
  for (const item of about.items) {
    const { identityId } = item
    if (revoke.includes(identityId))
      choices.push({ identityId, verdict: 'revoke', given: 'one-by-one' })
    else if (keep.includes(identityId))
      choices.push({ identityId, verdict: 'keep', given: 'one-by-one' })
    else if (keepRest && item.odd.length === 0)
      choices.push({ identityId, verdict: 'keep', given: 'batch' })
    else return refuse('CHOICE_INVALID', '/choices', leftOver(item))
  }
  return choices
}

const leftOver = ({ identityId, odd }: PageItem): string =>
  odd.length === 0
    ? `${identityId} is neither kept nor revoked; --keep-rest keeps the ordinary ones`
    : `${identityId} is odd (${odd.join(', ')}): name it with --keep or --revoke`

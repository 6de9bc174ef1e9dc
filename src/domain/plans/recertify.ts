/**
 * recertify: one owner says of each identity of a page whether it is kept, with one signature over the page. What
 * is revoked gets a deprovision of its own, and the page is done when the target of each refuses it. A page that
 * nobody decided keeps nothing: the schedule takes its identities' access away.
 */
import { rootOver } from '../bytes/merkle.js'
import type { Plan, Step } from '../shapes/plan.js'
import type { Oddity, PageItem } from '../shapes/recertify.js'
import { type AskedOf, type RecordsPlanning, recordsPlanBase } from './planning.js'

export const RECERTIFY_STEPS = ['decide', 'revoke'] as const

export type Known = Omit<PageItem, 'odd'>

export function planRecertification(
  input: RecordsPlanning & { readonly known: readonly Known[] },
  asked: AskedOf<'recertify'>,
): Plan {
  const { identities: _, ...page } = asked
  const { at, known } = input
  const items = known.map((item) => ({ ...item, odd: odditiesOf(item, { ...page, at }) }))
  const odd = items.filter((item) => item.odd.length > 0).length
  const summary = `Recertify ${items.length} identities of ${page.ownerId}, ${odd} of them odd: page ${page.page} of ${page.pages}`
  return {
    ...recordsPlanBase(input, summary),
    about: { ...page, items, root: rootOver(items) },
    attributes: items.map(({ identityId }) => identityId),
    steps: [decide, revoke],
  }
}

/** Why this one is outside every batch; follows from what is known of it alone. */
export function odditiesOf(
  item: Known,
  on: { readonly ownerId: string; readonly maxAgeMs: number; readonly at: string },
): Oddity[] {
  const oldest = new Date(Date.parse(on.at) - on.maxAgeMs).toISOString()
  const is: Record<Oddity, boolean> = {
    'need-ended': item.needUntil <= on.at,
    'owner-changed': item.ownerThen !== null && item.ownerThen !== on.ownerId,
    'not-rotated': item.rotatedAt === null || item.rotatedAt < oldest,
    fenced: item.fences > 0,
    contained: item.contained === 'yes',
    'never-recertified': item.recertifiedAt === null,
  }
  return (Object.keys(is) as Oddity[]).filter((oddity) => is[oddity])
}

const decide: Step = {
  stepId: 'decide',
  title: 'Each identity of the page is kept or revoked',
  executor: 'connector',
  operations: [{ op: 'open-revocations' }],
  undo: [{ op: 'nothing' }],
  rollback:
    'Decline the removal in the deprovision of a revoked identity; until then it can be put back.',
  blastRadius:
    'Each revoked identity gets a deprovision, which has gates of its own. Without a decision nothing is kept.',
  needs: [],
  produces: ['page-decided'],
}

const revoke: Step = {
  stepId: 'revoke',
  title: 'Every revoked identity is refused by its target',
  executor: 'connector',
  operations: [{ op: 'prove-revocations' }],
  undo: [{ op: 'nothing' }],
  rollback: 'Nothing changes by this step.',
  blastRadius: 'None.',
  needs: ['page-decided'],
  produces: ['revocations-proved'],
}

/** A succession in the evidence store: who answers now, under the authority of this moment. */
import type { AskedOf } from '../../domain/plans/planning.js'
import { planSuccession } from '../../domain/plans/succession.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { knownOfSuccession, ownersOf, successorsOf } from '../../domain/review/responsibility.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import type { ExecutionDeps, RecordsWork, Setting } from '../deps.js'
import { type Doing, done, refused, type Seen } from '../seen.js'

export async function planSuccessionNow(
  deps: ExecutionDeps,
  { setting, asked }: { readonly setting: Setting; readonly asked: AskedOf<'succession'> },
): Promise<Plan | Refusal> {
  const loaded = await deps.packs(deps.db, setting)
  if (isRefusal(loaded)) return loaded
  const known = knownOfSuccession(setting.authority, { pack: loaded.pack, terms: asked })
  return planSuccession({ ...setting, ...known }, asked)
}

/** What whoever signs signs for: who owns each of them now. */
export function ownersNow({ opened, authority }: Setting): TargetState {
  if (opened.asked.kind !== 'succession') return {}
  const owners = ownersOf(authority, opened.asked.owned)
  return isRefusal(owners) ? { owners: owners.detail } : { ...owners }
}

/** Looks once and never waits: signed too early, it fails, and its gate opens again. */
export function observeSuccession({ work }: Omit<Doing<never, RecordsWork>, 'op'>): Seen {
  const { asked } = work.opened
  if (asked.kind !== 'succession') throw new TypeError('a succession of nobody')
  const successors = successorsOf(work.authority, asked)
  return isRefusal(successors)
    ? refused(successors.refused, { where: successors.detail })
    : done({ ...successors }, ['succeeded'])
}

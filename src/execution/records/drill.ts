/** A drill in the evidence store: what it asks for, and what its rights have done so far. */

import { isRefusal } from '../../domain/refusal.js'
import { exercisesOf, measureAll, stateOfMeasured } from '../../domain/rights/drill.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import { openCase } from '../../store/case/open-case.js'
import { exercisedSince } from '../../store/schedule/drills.js'
import { type ExecutionDeps, type RecordsWork, readCase, type Setting, stop } from '../deps.js'
import { type Doing, done, refused, type Seen } from '../seen.js'

/** The exception and the demand are open afterwards, in the enterprise's name; the same grant opens each once. */
export async function openExercises({
  deps,
  work,
  grantId,
}: Omit<Doing<never, RecordsWork>, 'op'>): Promise<Seen> {
  const { caseId, opened, plan } = work
  const { recorded } = await readCase(deps, caseId)
  const granted = recorded.find(
    ({ event }) => event.type === 'Granted' && event.grantId === grantId,
  )
  if (plan.about.kind !== 'drill' || granted === undefined)
    throw new TypeError('the exercises of no granted drill')
  const of = { caseId, partnerId: opened.scope.id, plan: plan.about, grantedAt: granted.at }
  const observed: Record<string, string> = {}
  for (const { right, asked, scope } of exercisesOf(of)) {
    const requester = { kind: 'enterprise', companyId: opened.executor, personId: null } as const
    const child = await openCase(deps, {
      request: { asked, scope, requester, change: 'standard', changeReference: null },
      ...{ principal: `drill:${caseId}`, idempotencyKey: `${right} ${grantId}` },
    })
    if (isRefusal(child))
      return refused(child.refused, { ...observed, [right]: child.detail.slice(0, 300) })
    observed[right] = child.caseId
  }
  return done(observed, ['rights-asked'])
}

/** What whoever signs the drill signs for: what each right did, and how long it took. */
export async function stateOfDrill(
  deps: ExecutionDeps,
  of: Setting & { readonly plan: Plan | null; readonly stepId: string | null },
): Promise<TargetState> {
  const { caseId, opened, plan, authority, stepId } = of
  if (plan?.about.kind !== 'drill' || stepId !== 'close') return {}
  const { state } = await readCase(deps, caseId)
  const drill = { caseId, openedAt: state.openedAt ?? '', canary: plan.about.canary }
  const found = await exercisedSince(deps.db, {
    ...{ drill, partnerId: opened.scope.id, authority, verify: deps.verify },
  })
  return isRefusal(found)
    ? stop(deps, { caseId, refusal: found })
    : stateOfMeasured(measureAll(found.cases, found.measuring))
}

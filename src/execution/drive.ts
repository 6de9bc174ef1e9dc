/**
 * drive: carries a case as far as it goes without people, straight from the evidence store. It is for
 * work that must not wait for Temporal; beside a workflow it does no harm, because both hold the case's
 * lock and both execute under the same grants.
 */
import { type Due, due } from '../domain/case/due.js'
import { withCaseLock } from '../store/case/case-lock.js'
import type { Db } from '../store/db.js'
import { type ExecutionDeps, readCase } from './deps.js'
import { observeStep, performStep } from './execute.js'
import { drawPlan, openDueGate } from './prepare.js'
import { undoDueStep } from './undo.js'

/** Resolves when the case waits for people, is closed, or is carried on by somebody else. */
export async function drive(deps: ExecutionDeps, caseId: string): Promise<void> {
  let { state } = await readCase(deps, caseId)
  for (;;) {
    const next = due(state)
    await withCaseLock(deps.db, caseId, () => advance(deps, { caseId, next }))
    const { state: after } = await readCase(deps, caseId)
    if (after.seq === state.seq) return
    state = after
  }
}

async function advance(
  deps: ExecutionDeps,
  { caseId, next }: { readonly caseId: string; readonly next: Due },
): Promise<void> {
  switch (next.kind) {
    case 'plan':
      return drawPlan(deps, caseId)
    case 'open-gate':
      return openDueGate(deps, caseId)
    case 'perform':
      return performStep(deps, { caseId, stepId: next.stepId })
    case 'observe':
      return observeStep(deps, { caseId, stepId: next.stepId })
    case 'undo':
      return undoDueStep(deps, { caseId, stepId: next.stepId })
    case 'decision':
    case 'wait':
    case 'claim':
    case 'closed':
      return
  }
}

/** The enterprise's own rights, and their drills, need no Temporal: containments on these systems, exceptions and demands, as far as they do not wait for people. */
export async function dueWithoutTemporal(
  db: Db,
  systems: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await db.query<{ case_id: string }>(
    `select case_id from cases
      where phase = 'open' and due not in ('decision', 'wait', 'claim')
          and ((kind = 'contain' and system_id = any($1)) or kind in ('demand', 'exception', 'drill'))
      order by right(case_id, 26) limit 500`,
    [systems],
  )
  return rows.map((row) => row.case_id)
}

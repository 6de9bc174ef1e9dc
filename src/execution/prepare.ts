/**
 * Before anything can be signed: look at the target, draw the plan, open the gate with the state that
 * the signatures will be for. Nothing here changes a target.
 */

import { purposeOf } from '../domain/authority/grace.js'
import { due } from '../domain/case/due.js'
import { openGate, plan as planCase } from '../domain/decide/gate.js'
import { requirementToday } from '../domain/policy/requirements.js'
import { isRefusal } from '../domain/refusal.js'
import { applyIn } from '../store/case/apply.js'
import { holdInvolved } from '../store/case/involved.js'
import { transaction } from '../store/db.js'
import { coveringMandate } from '../store/streams/mandates.js'
import { applied, type ExecutionDeps, readCase, record, stop } from './deps.js'
import { lookAt, planAt } from './place.js'

export async function drawPlan(deps: ExecutionDeps, caseId: string): Promise<void> {
  const { state } = await readCase(deps, caseId)
  if (due(state).kind !== 'plan') return
  const plan = await planAt(deps, state)
  await record(deps, {
    caseId,
    decide: ({ state: fresh }) => {
      if (!isRefusal(plan)) return planCase(fresh, { plan, attest: deps.attestFor(caseId) })
      const { refused: code, where, detail } = plan
      return [
        { type: 'FindingRecorded', code, where, detail: detail.slice(0, 300).toWellFormed() },
        { type: 'CaseClosed', outcome: 'unplannable' },
      ]
    },
  })
}

/** Opens the gate that is due, if one is. Its pre-state is what the target looks like now. */
export async function openDueGate(deps: ExecutionDeps, caseId: string): Promise<void> {
  const { state } = await readCase(deps, caseId)
  const next = due(state)
  if (next.kind !== 'open-gate') return
  const { stepId } = next
  const { opened } = state
  if (opened === null) return
  const preState = await lookAt(deps, state)
  const outcome = await applied(deps, {
    caseId,
    result: transaction(deps.db, async (tx) => {
      const involved = await holdInvolved(tx, { ...deps, caseId })
      if (isRefusal(involved)) return involved
      return applyIn(tx, {
        caseId,
        decide: async (view) => {
          const purpose = purposeOf(opened, stepId)
          const authority = await deps.authority.current(tx, { at: view.at, lock: 'none', purpose })
          if (isRefusal(authority)) return { events: [], answer: authority }
          const loaded = await deps.packs(tx, { authority, at: view.at })
          if (isRefusal(loaded)) return { events: [], answer: loaded }
          const resolved = requirementToday({
            opened,
            stepId,
            authority,
            pack: loaded.pack,
            packHash: loaded.hash,
            ...involved,
            at: view.at,
            askedAt: view.state.openedAt ?? view.at,
          })
          if (isRefusal(resolved)) return { events: [], answer: resolved }
          const { state: now, at } = view
          const { verify } = deps
          const use = { state: now, stepId, authority, pack: loaded.pack, verify, at }
          const mandateId = await coveringMandate(tx, { ...deps, use })
          const events = openGate(view.state, {
            stepId,
            preState,
            resolved,
            mandateId,
            pack: loaded.pack,
            at,
            attest: deps.attestFor(caseId),
          })
          return isRefusal(events) ? { events: [], answer: events } : { events, answer: null }
        },
      })
    }),
  })
  if (outcome.answer !== null && outcome.answer.refused !== 'NOT_DUE')
    await stop(deps, { caseId, refusal: outcome.answer })
}

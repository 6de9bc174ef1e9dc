/**
 * incident: what was reported, and what the enterprise itself found linked to it. Four steps, none of which
 * changes a target: the scope is approved, then containment, then eradication is validated by a probe, and it
 * is closed. Containing itself needs no plan and waits for nothing of this: a fence does it at once.
 */

import { incidentScope, scopesAroundAll } from '../admission/incident.js'
import type { Authority } from '../authority/authority.js'
import { isRefusal, type Refusal } from '../refusal.js'
import type { IncidentScope, Plan, Step } from '../shapes/plan.js'
import {
  type AskedOf,
  closeStep,
  lookStep,
  type RecordsPlanning,
  recordsPlanBase,
} from './planning.js'

export const INCIDENT_STEPS = ['scope', 'contain', 'eradicate', 'close'] as const

export function planIncident(
  input: RecordsPlanning & { readonly authority: Authority },
  asked: AskedOf<'incident'>,
): Plan | Refusal {
  const { authority, opened } = input
  const scope = incidentScope(authority, asked)
  if (isRefusal(scope)) return scope
  const { inScope } = scope
  const summary = `Incident ${asked.reference}: ${inScope.length} identities in scope`
  return {
    ...recordsPlanBase(input, summary),
    about: { kind: 'incident', ...scope, scopes: [...scopesAroundAll(authority, inScope)] },
    attributes: [...inScope],
    warnings: [...differences(scope, opened.requester.kind)],
    steps: [scopeStep, contain(authority, inScope), eradicate(inScope), closeStep],
  }
}

/** In what the two lists differ, for whoever approves the scope. */
const differences = (scope: IncidentScope, reporter: string): readonly string[] => {
  const linked = scope.linked.map(({ identityId, by }) => `${identityId} (${by.join(', ')})`)
  return [
    said(`linked, and not reported by the ${reporter}`, linked),
    said('linked, and cleared by whoever reported it', scope.cleared),
    scope.nearCount === 0
      ? []
      : [`${scope.nearCount} more on the same systems or with the same custodians, not in scope`],
  ].flat()
}

const said = (what: string, ids: readonly string[]): string[] =>
  ids.length === 0 ? [] : [`${ids.length} ${what}: ${ids.join('; ')}`.slice(0, 300)]

const scopeStep: Step = {
  ...lookStep({ stepId: 'scope', title: 'These identities are in scope, and no other', needs: [] }),
  rollback: 'Decline, and have it reported again with other identities.',
}

const contain = (authority: Authority, inScope: readonly string[]): Step => {
  const systems = [
    ...new Set(inScope.flatMap((id) => authority.identities.get(id)?.systemId ?? [])),
  ].sort()
  return {
    ...lookStep({ stepId: 'contain', title: 'None of them has access', needs: [] }),
    executor: 'connector',
    operations: systems.map((systemId) => ({
      op: 'observe-contained',
      systemId,
      identities: inScope.filter((id) => authority.identities.get(id)?.systemId === systemId),
    })),
    produces: ['contained'],
  }
}

const eradicate = (inScope: readonly string[]): Step => ({
  ...lookStep({
    stepId: 'eradicate',
    title: 'Each has a new secret since, or is gone',
    needs: ['contained'],
  }),
  executor: 'connector',
  operations: [{ op: 'observe-eradicated', identities: [...inScope] }],
  produces: ['eradicated'],
})

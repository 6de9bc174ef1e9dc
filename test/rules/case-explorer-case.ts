/** The case that the explorer takes through its life: one rotation, whose every gate one owner signs; one step has a window. */
import { digest } from '../../src/domain/bytes/digest.js'
import type { Planning } from '../../src/domain/plans/planning.js'
import { ROTATION_STEPS } from '../../src/domain/plans/rotate.js'
import type { Identity } from '../../src/domain/shapes/authority.js'
import type { CaseOpened } from '../../src/domain/shapes/event.js'
import type { Requirement, ResolvedRequirement } from '../../src/domain/shapes/requirement.js'

const AT = '2026-01-01T00:00:00.000Z'
const NONE = digest({})

/** From one to two in the morning, an hour after everything in this case happens. */
const inWindow = {
  ...{ escalateAfterMs: 86_400_000, expireAfterMs: 172_800_000 },
  windows: [{ zone: 'UTC', weekdays: [1, 2, 3, 4, 5, 6, 7], fromMinute: 60, toMinute: 120 }],
}

/** A calendar without holidays and freezes. */
export const calm = {
  zone: 'UTC',
  calendar: { weekdays: [1, 2, 3, 4, 5], holidays: [], freezes: [], windows: {} },
}

const requirementOf = (stepId: string): Requirement => ({
  ...{ v: 1, stepId, quorum: 1, assurance: 'key', ahead: 'allowed', facts: [] },
  groups: [{ name: 'identity-owner', persons: ['per_ana'], need: 1 }],
  ...{ escalateAfterMs: 1000, expireAfterMs: 2000, decisionMaxAgeMs: 2000 },
  ...(stepId === 'retire' ? inWindow : {}),
})

export const resolvedFor = (stepId: string): ResolvedRequirement => ({
  requirement: requirementOf(stepId),
  requirementHash: digest(requirementOf(stepId)),
  pack: { packId: 'default', version: 1, hash: NONE },
  rules: ['r1'],
})

export const opened: CaseOpened = {
  type: 'CaseOpened',
  ...{ caseId: 'rotate:com_acme:nhi_billing:01J00000000000000000000000' },
  asked: { kind: 'rotate' },
  enterprise: 'ent_bank',
  scope: { kind: 'identity', id: 'nhi_billing' },
  ...{ systemId: 'sys_pg', tier: 'tier1' },
  ...{ ownerId: 'per_ana', objectiveId: 'obj_rotation', contract: null },
  executor: 'com_acme',
  requester: { kind: 'partner', companyId: 'com_acme', personId: null, changeReference: null },
  change: 'normal',
  settings: { soakMs: 1, unusedForMs: 1, withinMs: 1, leaseMs: 1000, claimWithinMs: 1000 },
  evidence: [
    ...['new-credential-works', 'consumer-on-new', 'old-unused', 'old-refused', 'no-session-left'],
  ] as CaseOpened['evidence'],
  requirements: Object.fromEntries(ROTATION_STEPS.map((id) => [id, resolvedFor(id)])),
  authority: { version: 1, hash: NONE },
}

/** The planner reads tier, names and consumers of the identity, nothing else. */
const identity = {
  ...{ identityId: 'nhi_billing', systemId: 'sys_pg', objectiveId: 'obj_rotation', tier: 'tier1' },
  group: 'app',
  credentials: ['app_a', 'app_b'],
  consumers: [{ consumerId: 'cns_web', appears: 'web' }],
} as unknown as Identity

const credential = (name: string, login: 'enabled' | 'disabled') =>
  ({ credential: name, login, memberOfGroup: 'yes', sessions: [] }) as const

export const rotation: Planning = {
  ...{ opened, identity, fences: [], attributes: ['app_a.login'], at: AT },
  seen: {
    group: 'present',
    holdings: {
      owned: [],
      ownedCount: 0,
      ownedElsewhere: 0,
      privileges: 0,
      privilegesOutOfReach: 0,
    },
    credentials: [credential('app_a', 'enabled'), credential('app_b', 'disabled')],
    missing: [],
  },
}

/**
 * The one table of the kinds of case: all in which they differ besides their plans. A new kind is one
 * file in plans/, one line here, what is asked and planned for in shapes/, its policy rules and its tests.
 */
import { ATTESTATION_STEPS } from './plans/attest.js'
import { BREAK_GLASS_STEPS } from './plans/break-glass.js'
import { CONTAINMENT_STEPS } from './plans/contain.js'
import { DEMAND_STEPS } from './plans/demand.js'
import { DEPROVISION_STEPS } from './plans/deprovision.js'
import { DISPUTE_STEPS } from './plans/dispute.js'
import { DRILL_STEPS } from './plans/drill.js'
import { EXCEPTION_STEPS } from './plans/exception.js'
import { INCIDENT_STEPS } from './plans/incident.js'
import { LIFT_STEPS } from './plans/lift.js'
import { PARTNER_REVIEW_STEPS } from './plans/partner-review.js'
import { PROVISION_STEPS } from './plans/provision.js'
import { RECERTIFY_STEPS } from './plans/recertify.js'
import { REINSTATE_STEPS } from './plans/reinstate.js'
import { ROTATION_STEPS } from './plans/rotate.js'
import { SUCCESSION_STEPS } from './plans/succession.js'
import { SUSPENSION_STEPS } from './plans/suspend.js'
import type { CaseKind, CaseScope, Outcome, TargetKind } from './shapes/basic.js'

export interface KindOfCase {
  /** In the order in which they are performed. */
  readonly steps: readonly string[]
  /** The control outcome that it serves; null when it serves the enterprise as a whole. */
  readonly outcome: Outcome | null
  readonly scope:
    | CaseScope['kind']
    | 'identity or partner'
    | 'partner or enterprise'
    | 'identity or partner or enterprise'
  /** What its operations act on: the identity's system, or the evidence store alone. */
  readonly place: 'target' | 'records'
  /**
   * `clause`: a partner's, under a clause of its contract. `own`: the enterprise's, against everybody's will if
   * need be: no partner is needed for it and no fence stops it. `asker`: a partner's when a partner asks. `scope`: the
   * partner's that the case is about, whatever its contract says; no fence stops it.
   */
  readonly work: 'clause' | 'own' | 'asker' | 'scope'
  /** Who may ask for it, where no clause says so. */
  readonly askedBy: readonly ('partner' | 'enterprise')[]
  /** What it has for itself while it is open: the identity, the identity's one containment, or nothing. */
  readonly holds: 'identity' | 'containment' | 'nothing'
  /** `at-once`: no freeze, no window, no preflight and no missing signer holds it up. */
  readonly urgency: 'ordinary' | 'at-once'
}

/** A change of the identity on its system. */
const CHANGE = {
  scope: 'identity',
  place: 'target',
  askedBy: ['enterprise'],
  holds: 'identity',
  urgency: 'ordinary',
} as const satisfies Partial<KindOfCase>

/** A change of the authority itself: the enterprise's own, by persons of its own. */
const AUTHORITY = {
  ...{ steps: ['approve', 'activate'], outcome: null, scope: 'enterprise', place: 'records' },
  ...{ work: 'own', askedBy: ['enterprise'], holds: 'nothing', urgency: 'ordinary' },
} as const satisfies KindOfCase

type PlaceOf<Kind extends CaseKind> = Kind extends TargetKind ? 'target' : 'records'

export const KINDS: {
  readonly [Kind in CaseKind]: KindOfCase & { readonly place: PlaceOf<Kind> }
} = {
  rotate: { ...CHANGE, steps: ROTATION_STEPS, outcome: 'rotation', work: 'clause' },
  provision: { ...CHANGE, steps: PROVISION_STEPS, outcome: 'provisioning', work: 'clause' },
  reinstate: { ...CHANGE, steps: REINSTATE_STEPS, outcome: 'provisioning', work: 'clause' },
  deprovision: { ...CHANGE, steps: DEPROVISION_STEPS, outcome: 'deprovisioning', work: 'asker' },
  lift: { ...CHANGE, steps: LIFT_STEPS, outcome: 'incidents', work: 'own' },
  contain: {
    ...{ ...CHANGE, steps: CONTAINMENT_STEPS, outcome: 'incidents', work: 'own' },
    ...{ holds: 'containment', urgency: 'at-once' },
  },
  exception: {
    ...{ steps: EXCEPTION_STEPS, outcome: 'exceptions', scope: 'identity', place: 'records' },
    ...{ work: 'own', askedBy: ['partner', 'enterprise'], holds: 'nothing', urgency: 'ordinary' },
  },
  attest: {
    ...{ steps: ATTESTATION_STEPS, outcome: 'exceptions', scope: 'identity', place: 'records' },
    ...{ work: 'own', askedBy: ['enterprise'], holds: 'nothing', urgency: 'ordinary' },
  },
  demand: {
    ...{ steps: DEMAND_STEPS, outcome: null, scope: 'partner', place: 'records' },
    ...{ work: 'scope', askedBy: ['enterprise'], holds: 'nothing', urgency: 'ordinary' },
  },
  dispute: {
    ...{ steps: DISPUTE_STEPS, outcome: null, scope: 'partner', place: 'records' },
    ...{ work: 'scope', askedBy: ['partner'], holds: 'nothing', urgency: 'ordinary' },
  },
  recertify: {
    ...{ steps: RECERTIFY_STEPS, outcome: 'recertification', scope: 'partner or enterprise' },
    ...{ place: 'records', work: 'own', askedBy: ['enterprise'] },
    ...{ holds: 'nothing', urgency: 'ordinary' },
  },
  incident: {
    ...{ steps: INCIDENT_STEPS, outcome: 'incidents', place: 'records', work: 'own' },
    ...{ scope: 'identity or partner or enterprise', askedBy: ['partner', 'enterprise'] },
    ...{ holds: 'nothing', urgency: 'at-once' },
  },
  'change-policy': AUTHORITY,
  'change-contracts': AUTHORITY,
  'change-ownership': AUTHORITY,
  'change-people': AUTHORITY,
  'revoke-keys': { ...AUTHORITY, steps: ['activate'], urgency: 'at-once' },
  drill: {
    ...{ steps: DRILL_STEPS, outcome: null, scope: 'partner', place: 'records', work: 'own' },
    ...{ askedBy: ['enterprise'], holds: 'nothing', urgency: 'ordinary' },
  },
  succession: { ...AUTHORITY, steps: SUCCESSION_STEPS, urgency: 'at-once' },
  'partner-review': {
    ...{ steps: PARTNER_REVIEW_STEPS, outcome: null, scope: 'partner', place: 'records' },
    ...{ work: 'own', askedBy: ['enterprise'], holds: 'nothing', urgency: 'ordinary' },
  },
  'break-glass': {
    ...{ ...CHANGE, steps: BREAK_GLASS_STEPS, outcome: 'incidents', work: 'own' },
    urgency: 'at-once',
  },
  suspend: { ...CHANGE, steps: SUSPENSION_STEPS, outcome: 'recertification', work: 'own' },
}

/** Whether what is asked, or planned, is worked on at a target. */
export const isOnTarget = <Of extends { readonly kind: CaseKind }>(
  of: Of,
): of is Extract<Of, { readonly kind: TargetKind }> => KINDS[of.kind].place === 'target'

/** What an open case of this kind has for itself, as a key of which there is one at a time; null: nothing. */
export function holdOf(kind: CaseKind, scope: CaseScope): string | null {
  const { holds } = KINDS[kind]
  if (holds === 'nothing') return null
  return holds === 'containment' ? `containment of ${scope.id}` : scope.id
}

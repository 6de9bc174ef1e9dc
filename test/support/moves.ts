/**
 * Moves of a rotation, for `given`: what the connector, the owners, the partner and the clock do. Owners'
 * decisions and partners' claims are signed with their real keys at the story's own time.
 */
import { ulid } from 'ulid'
import type { Authority } from '../../src/domain/authority/authority.js'
import { stepOf } from '../../src/domain/case/case.js'
import { admitDecision } from '../../src/domain/decide/decision.js'
import { fence } from '../../src/domain/decide/ending.js'
import * as execution from '../../src/domain/decide/execution.js'
import { openGate, passDeadline, plan as planCase } from '../../src/domain/decide/gate.js'
import { leaseTask, recordClaim } from '../../src/domain/decide/task.js'
import { planRotation } from '../../src/domain/plans/rotate.js'
import { isRefusal, type RefusalCode, refuse } from '../../src/domain/refusal.js'
import type { Fact } from '../../src/domain/shapes/basic.js'
import type { Claim, Decision, Envelope, Permit } from '../../src/domain/shapes/envelope.js'
import type { Plan, TargetState } from '../../src/domain/shapes/plan.js'
import type { Requirement } from '../../src/domain/shapes/requirement.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import type { TestKey, TestPerson } from './authority.js'
import {
  asking,
  attestOf,
  billing,
  DAY,
  type Move,
  resolvedAs,
  type Story,
  shifted,
} from './given.js'
import { aClaim, aDecision } from './people.js'

export const waits =
  (ms: number): Move =>
  (story) => ({ ...story, at: shifted(story.at, ms) })

export const believes =
  (authority: Authority): Move =>
  (story) => ({ ...story, authority })

export const targetChanges =
  (change: TargetState): Move =>
  (story) => ({ ...story, target: { ...story.target, ...change } })

// ---- the connector -------------------------------------------------------------------------------

const idle = (credential: string, login: 'enabled' | 'disabled') =>
  ({ credential, login, memberOfGroup: 'yes', sessions: [] }) as const

export const plannedAs = (change: (plan: Plan) => Plan): Move =>
  asking((story) => {
    const identity = billing(story.authority)
    const seen = {
      group: 'present' as const,
      holdings: {
        owned: [],
        ownedCount: 0,
        ownedElsewhere: 0,
        privileges: 0,
        privilegesOutOfReach: 0,
      },
      credentials: [idle('billing_a', 'enabled'), idle('billing_b', 'disabled')],
      missing: [],
    }
    const attributes = Object.keys(story.target)
    const plan = planRotation({
      ...{ opened: story.opened, identity, seen, attributes, at: story.at, fences: [] },
    })
    if (isRefusal(plan)) return plan
    return planCase(story.state, { plan: change(plan), attest: attestOf(story) })
  })

export const planned: Move = plannedAs((plan) => plan)

/** With the requirement of the opening, or with the terms that it has got since. */
export const gateOpens = (stepId: string, terms?: Partial<Requirement>): Move =>
  asking((story) => {
    const pinned = story.opened.requirements[stepId]
    if (pinned === undefined) return refuse('WRONG_STEP', stepId)
    const resolved = terms === undefined ? pinned : resolvedAs(pinned, terms)
    const { target: preState, at } = story
    return openGate(story.state, {
      stepId,
      preState,
      resolved,
      mandateId: null,
      pack: story.pack,
      at,
      attest: attestOf(story),
    })
  })

export const grants = (stepId: string): Move =>
  asking((story) => {
    const { version, hash } = story.authority
    const step = stepOf(story.state, stepId)
    return execution.grant(story.state, {
      ...{ stepId, grantId: ulid(), fencingToken: story.recorded.length },
      decisionIds: step?.votes.map((vote) => vote.decisionId) ?? [],
      ...{ authority: { version, hash }, attest: attestOf(story) },
    })
  })

export const gateRefuses = (stepId: string, code: RefusalCode = 'PRESTATE_CHANGED'): Move =>
  asking((story) =>
    execution.refuseAtGate(story.state, {
      ...{ stepId, refusal: refuse(code, '/preState'), attest: attestOf(story) },
    }),
  )

const grantIdOf = (story: Story, stepId: string): string =>
  stepOf(story.state, stepId)?.grant?.grantId ?? ulid()

export const offers = (stepId: string): Move =>
  asking((story) => {
    const { state, at, opened } = story
    const grantId = grantIdOf(story, stepId)
    const until = shifted(at, opened.settings.claimWithinMs)
    const { keyId, signer } = story.cast.keys.connector
    const permit: Permit = {
      ...{ type: 'permit', v: 1, enterprise: opened.enterprise, companyId: opened.executor },
      ...{ caseId: opened.caseId, stepId, planHash: state.planHash ?? 'sha256:', grantId },
      ...{ fencingToken: stepOf(state, stepId)?.grant?.fencingToken ?? 0, notAfter: until },
    }
    return attestOf(story)({
      ...{ type: 'TaskOffered', stepId, grantId, companyId: opened.executor, sealed: {}, until },
      permit: signEnvelope({ kind: 'permit', payload: permit, keyId, signer }),
    })
  })

/** One operation of the step was seen done, and showed these facts. */
export const observes = (stepId: string, facts: readonly Fact[]): Move =>
  asking((story) =>
    attestOf(story)({
      ...{ type: 'OperationObserved', stepId, grantId: grantIdOf(story, stepId), op: 'verify' },
      place: 0,
      ...{ outcome: 'done', code: null, facts: [...facts], observed: {} },
      ...{ startedAt: story.at, endedAt: story.at },
    }),
  )

export const finishes = (stepId: string, facts?: readonly Fact[]): Move =>
  asking((story) => {
    const produced = stepOf(story.state, stepId)?.step.produces ?? []
    const grantId = grantIdOf(story, stepId)
    return execution.finishStep(story.state, {
      ...{ stepId, grantId, facts: facts ?? produced, attest: attestOf(story) },
    })
  })

export const fails = (stepId: string, target: 'clean' | 'dirty'): Move =>
  asking((story) => {
    const grantId = grantIdOf(story, stepId)
    const attest = attestOf(story)
    return execution.failStep(story.state, {
      stepId,
      grantId,
      code: 'VERIFY_FAILED',
      target,
      attest,
    })
  })

export const undoes = (stepId: string): Move =>
  asking((story) =>
    execution.undoStep(story.state, {
      ...{
        stepId,
        grantId: grantIdOf(story, stepId),
        left: 'nothing' as const,
        observed: {},
        attest: attestOf(story),
      },
    }),
  )

export const contradicts = (stepId: string): Move =>
  asking((story) => {
    const claimId = stepOf(story.state, stepId)?.task?.claimId ?? ulid()
    const attest = attestOf(story)
    return execution.contradictClaim(story.state, { stepId, claimId, observed: {}, attest })
  })

export const deadline = (stepId: string): Move =>
  asking((story) => passDeadline(story.state, { stepId, at: story.at }))

export const fences: Move = asking((story) =>
  fence(story.state, { scope: { kind: 'partner', id: 'com_acme' }, fenceId: ulid() }),
)

/** A containment of the identity goes before. */
export const preempts: Move = asking((story) =>
  fence(story.state, {
    ...{ scope: { kind: 'identity', id: 'nhi_billing' }, fenceId: ulid(), speed: 'cut' },
  }),
)

// ---- the owners ----------------------------------------------------------------------------------

export interface Signing {
  readonly as?: Partial<Decision>
  /** Another key than the person's own `key`. */
  readonly key?: TestKey
}

/** What this person signs now: at the open gate, or ahead. */
export function decision(
  story: Story,
  input: { readonly stepId: string; readonly person: TestPerson } & Signing,
): Envelope {
  const { stepId, person, as, key = story.cast.keys.persons[person] } = input
  const span = { notBefore: story.at, notAfter: shifted(story.at, 30 * DAY) }
  const payload = aDecision(story.state, { stepId, person, overrides: { ...span, ...as } })
  return signEnvelope({ kind: 'decision', payload, keyId: key.keyId, signer: key.signer })
}

export const sends = (envelope: Envelope): Move =>
  asking(({ state, authority, at }) => {
    const admitted = admitDecision(state, {
      envelope,
      choices: null,
      authority,
      verify: nodeVerify,
      at,
    })
    return isRefusal(admitted) ? admitted : admitted.events
  })

export const signs =
  (person: TestPerson, stepId: string, signing: Signing = {}): Move =>
  (story) =>
    sends(decision(story, { stepId, person, ...signing }))(story)

export const declines = (person: TestPerson, stepId: string, signing: Signing = {}): Move =>
  signs(person, stepId, { ...signing, as: { verdict: 'decline', ...signing.as } })

// ---- the partner ---------------------------------------------------------------------------------

export const leases = (stepId: string, companyId = 'com_acme'): Move =>
  asking((story) => {
    const { leaseMs } = story.opened.settings
    return leaseTask(story.state, { stepId, companyId, leaseMs, at: story.at })
  })

export interface Claiming {
  readonly as?: Partial<Claim>
  readonly key?: TestKey
}

export function claim(story: Story, claiming: Claiming & { readonly stepId: string }): Envelope {
  const { stepId, as = {}, key = story.cast.keys.claims.com_acme } = claiming
  const lease = stepOf(story.state, stepId)?.task?.lease?.number ?? 1
  const payload = aClaim(story.state, { stepId, lease, overrides: as })
  return signEnvelope({ kind: 'claim', payload, keyId: key.keyId, signer: key.signer })
}

export const sendsClaim = (envelope: Envelope): Move =>
  asking(({ state, authority, at }) =>
    recordClaim(state, { envelope, authority, verify: nodeVerify, at }),
  )

export const claims =
  (stepId: string, claiming: Claiming = {}): Move =>
  (story) =>
    sendsClaim(claim(story, { stepId, ...claiming }))(story)

// ---- whole steps ---------------------------------------------------------------------------------

export const all =
  (...moves: readonly Move[]): Move =>
  (story) => {
    let told = story
    for (const move of moves) {
      const next = move(told)
      if (isRefusal(next)) return next
      told = next
    }
    return told
  }

const OWNERS: Readonly<Record<string, readonly TestPerson[]>> = { retire: ['per_ana', 'per_ben'] }

/** The gate opens and everybody whom the default pack asks signs. */
export const approved = (stepId: string): Move =>
  all(gateOpens(stepId), ...(OWNERS[stepId] ?? ['per_ana']).map((person) => signs(person, stepId)))

export const granted = (stepId: string): Move => all(approved(stepId), grants(stepId))
export const offered: Move = all(granted('cut-over'), offers('cut-over'))
export const claimed: Move = all(offered, leases('cut-over'), claims('cut-over'))

export const performed = (stepId: string): Move =>
  all(stepId === 'cut-over' ? claimed : granted(stepId), finishes(stepId))

/** judge: decisions given ahead; and every envelope against every gate that it was not signed for. */
import { describe, expect, it } from 'vitest'
import { judge } from '../../src/domain/approval/approval.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { Fact } from '../../src/domain/shapes/basic.js'
import { nodeVerify } from '../../src/keys/verify.js'
import {
  aRotation,
  DAY,
  given,
  HOUR,
  refusal,
  type Story,
  shifted,
  told,
} from '../support/given.js'
import {
  decision,
  declines,
  gateOpens,
  performed,
  planned,
  signs,
  targetChanges,
  waits,
} from '../support/moves.js'

const ahead = (fact: Fact = 'new-credential-works') => ({ gate: { opensWhen: [fact] } })

describe('a decision given ahead', () => {
  const start = told(aRotation(), planned)
  const signsAhead = signs('per_ana', 'cut-over', { as: ahead() })

  it('satisfies its own gate when that opens', () => {
    given(start, signsAhead, performed('issue'))
      .when(gateOpens('cut-over'))
      .gives('GateOpened', 'GateSatisfied')
  })

  it('satisfies no other gate', () => {
    given(start, signsAhead).when(gateOpens('issue')).gives('GateOpened')
  })

  it('is one of two votes where two are asked', () => {
    const story = told(
      start,
      signs('per_ana', 'retire', { as: ahead('consumer-on-new') }),
      performed('issue'),
      performed('cut-over'),
    )
    given(story).when(gateOpens('retire')).gives('GateOpened')
    given(story, gateOpens('retire'))
      .when(signs('per_ben', 'retire'))
      .gives('DecisionAdmitted', 'GateSatisfied')
    given(story, gateOpens('retire'))
      .when(signs('per_ana', 'retire'))
      .gives(refusal('PERSON_COUNTED'))
  })

  it('is refused where the policy forbids it', () => {
    given(start)
      .when(signs('per_ana', 'issue', { as: ahead() }))
      .gives(refusal('AHEAD_FORBIDDEN'))
  })

  it('is refused when it waits for less than the gate asks', () => {
    const as = { gate: { opensWhen: ['old-unused' as const] } }
    given(start)
      .when(signs('per_ana', 'cut-over', { as }))
      .gives(refusal('CONDITION_UNMET'))
  })

  it('is refused when it waits for what this gate does not wait for', () => {
    const opensWhen = ['new-credential-works', 'old-refused'] as const
    const as = { gate: { opensWhen: [...opensWhen] } }
    given(start)
      .when(signs('per_ana', 'cut-over', { as }))
      .gives(refusal('CONDITION_UNMET'))
    given(start, performed('issue'), gateOpens('cut-over'))
      .when(signs('per_ana', 'cut-over', { as }))
      .gives(refusal('CONDITION_UNMET'))
  })

  it('asks nothing: a question needs an open gate', () => {
    given(start)
      .when(signs('per_ana', 'cut-over', { as: { ...ahead(), verdict: 'ask' } }))
      .gives(refusal('GATE_NOT_OPEN'))
  })

  it('does not count once it has ended, and its signer may sign again', () => {
    const as = { ...ahead(), notAfter: shifted(start.at, HOUR) }
    const story = told(start, signs('per_ana', 'cut-over', { as }), performed('issue'), waits(HOUR))
    given(story).when(gateOpens('cut-over')).gives('GateOpened')
    given(story, gateOpens('cut-over'))
      .when(signs('per_ana', 'cut-over'))
      .gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('does not count for a requirement that has become another, and its signer may sign again', () => {
    const story = told(start, signsAhead, performed('issue'))
    const stricter = { decisionMaxAgeMs: DAY }
    given(story).when(gateOpens('cut-over', stricter)).gives('GateOpened')
    given(story, gateOpens('cut-over', stricter))
      .when(signs('per_ana', 'cut-over'))
      .gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('blocks the whole case when it is a decline', () => {
    given(start)
      .when(declines('per_ana', 'cut-over', { as: ahead() }))
      .gives('DecisionAdmitted', 'GateDeclined', 'CaseClosed')
  })

  it('blocks by a decline at an open gate whatever that waits for', () => {
    const story = told(start, performed('issue'), performed('cut-over'), gateOpens('retire'))
    const as = { gate: { opensWhen: ['consumer-on-new' as const, 'old-refused' as const] } }
    given(story)
      .when(declines('per_ana', 'retire', { as }))
      .gives('DecisionAdmitted', 'GateDeclined', 'CaseClosed')
  })
})

describe('every envelope against every other gate (I12)', () => {
  it('is admitted at exactly the gate that it was signed for', () => {
    const cases = ['A', 'B'].map((letter) => `${CASE_PREFIX}${letter.repeat(26)}`)
    const gates = cases.flatMap((caseId) => openGates(caseId))
    const sheaf = gates.map((gate) =>
      decision(gate.story, { stepId: gate.stepId, person: 'per_ana' }),
    )
    const counts = sheaf.map((envelope) =>
      gates.map(({ story }) => {
        const { state, authority, at } = story
        return isRefusal(
          judge({ envelope, choices: null, state, authority, verify: nodeVerify, at }),
        )
          ? 0
          : 1
      }),
    )
    expect(counts).toEqual(
      sheaf.map((_, row) => gates.map((_, column) => (row === column ? 1 : 0))),
    )
  })
})

const CASE_PREFIX = 'rotate:com_acme:nhi_billing:'

/** Every gate of one case as it stands open, some of them a second time. */
function openGates(caseId: string): { readonly story: Story; readonly stepId: string }[] {
  const start = told(aRotation({ caseId }), planned)
  const issue = told(start, gateOpens('issue'))
  const other = told(start, targetChanges({ 'billing_b.login': 'true' }), gateOpens('issue'))
  const cutOver = told(start, performed('issue'), gateOpens('cut-over'))
  const retire = told(start, performed('issue'), performed('cut-over'), gateOpens('retire'))
  const close = told(start, ...['issue', 'cut-over', 'retire'].map(performed), gateOpens('close'))
  return [
    { story: issue, stepId: 'issue' },
    { story: other, stepId: 'issue' },
    { story: cutOver, stepId: 'cut-over' },
    { story: retire, stepId: 'retire' },
    { story: close, stepId: 'close' },
  ]
}

/** What may be appended to a case, and what it owes next: gates, grants, failures, deadlines, fences, endings. */
import { describe, expect, it } from 'vitest'
import { due, stepOf, waitingOn } from '../../src/domain/case.js'
import {
  admitDecision,
  countingVotes,
  holdsGrant,
  MAX_RECORDED_REFUSALS,
  recordRefusal,
} from '../../src/domain/decide.js'
import { digest } from '../../src/domain/digest.js'
import { refuse } from '../../src/domain/refusal.js'
import { nodeVerify } from '../../src/keys/verify.js'
import {
  aRotation,
  asking,
  DAY,
  given,
  HOUR,
  refusal,
  type Story,
  shifted,
  told,
} from '../support/given.js'
import {
  all,
  approved,
  claimed,
  contradicts,
  deadline,
  decision,
  declines,
  fails,
  fences,
  finishes,
  gateOpens,
  gateRefuses,
  granted,
  grants,
  offered,
  performed,
  planned,
  signs,
  undoes,
  waits,
} from '../support/moves.js'

const start = told(aRotation(), planned)
const ahead = { gate: { opensWhen: ['new-credential-works' as const] } }
const phases = (story: Story) => story.state.steps.map(({ phase }) => phase)
const owed = (story: Story) => {
  const next = due(story.state)
  return 'stepId' in next ? `${next.kind} ${next.stepId}` : next.kind
}

describe('a rotation', () => {
  it('goes through its four gates and closes completed, owing one thing at a time', () => {
    const story = told(start, ...['issue', 'cut-over', 'retire', 'close'].map(performed))
    expect(due(story.state)).toEqual({ kind: 'closed', outcome: 'completed' })
    expect(phases(story)).toEqual(['performed', 'performed', 'performed', 'performed'])
    expect(owed(aRotation())).toBe('plan')
    expect(owed(start)).toBe('open-gate issue')
    expect(owed(told(start, gateOpens('issue')))).toBe('decision issue')
    expect(owed(told(start, approved('issue')))).toBe('perform issue')
    expect(owed(told(start, performed('issue'), offered))).toBe('claim cut-over')
    expect(owed(told(start, performed('issue'), claimed))).toBe('observe cut-over')
  })

  it('is planned once, and not after it was fenced', () => {
    given(start).when(planned).gives(refusal('NOT_DUE'))
    given(aRotation(), fences).when(planned).gives(refusal('NOT_DUE'))
  })

  it('names whose turn it is', () => {
    expect(waitingOn(start.state)).toEqual(['system'])
    expect(waitingOn(told(start, performed('issue'), offered).state)).toEqual(['partner:com_acme'])
    const retire = told(start, performed('issue'), performed('cut-over'), gateOpens('retire'))
    expect(waitingOn(retire.state)).toEqual(['owner:per_ana', 'owner:per_ben'])
    expect(waitingOn(told(retire, signs('per_ben', 'retire')).state)).toEqual(['owner:per_ana'])
    expect(waitingOn(told(start, fences).state)).toEqual([])
  })

  it('does not close before the evidence that its rule asks for is complete', () => {
    const before = told(start, performed('issue'), performed('cut-over'))
    given(before, granted('retire'), finishes('retire', ['old-unused']))
      .when(gateOpens('close'))
      .gives(refusal('CONDITION_UNMET'))
  })
})

describe('a gate', () => {
  it('opens only for the step that is due', () => {
    given(start).when(gateOpens('cut-over')).gives(refusal('NOT_DUE'))
    given(start, gateOpens('issue')).when(gateOpens('issue')).gives(refusal('NOT_DUE'))
    given(start, performed('issue')).when(gateOpens('issue')).gives(refusal('NOT_DUE'))
  })

  it('opens only once what its step needs was observed', () => {
    given(start, granted('issue'), finishes('issue', []))
      .when(gateOpens('cut-over'))
      .gives(refusal('CONDITION_UNMET', '/steps/cut-over'))
  })

  it('does not open in a case that is ending', () => {
    given(start, fences).when(gateOpens('issue')).gives(refusal('NOT_DUE'))
  })

  it('that was refused at execution opens again and says why, and its votes are gone', () => {
    const story = given(start, approved('issue')).when(gateRefuses('issue')).gives('GateRefused')
    expect(stepOf(story.state, 'issue')).toMatchObject({
      ...{ phase: 'pending', round: 1, because: 'PRESTATE_CHANGED', votes: [], gate: null },
    })
    const again = given(story).when(gateOpens('issue')).gives('GateOpened')
    expect(again.recorded.at(-1)?.event).toMatchObject({ round: 2, because: 'PRESTATE_CHANGED' })
    given(again).when(signs('per_ana', 'issue')).gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('is refused at execution only while it is satisfied', () => {
    given(start, gateOpens('issue')).when(gateRefuses('issue')).gives(refusal('NOT_DUE'))
    given(start, granted('issue')).when(gateRefuses('issue')).gives(refusal('NOT_DUE'))
    const ending = told(start, performed('issue'), approved('cut-over'), fences)
    given(ending).when(gateRefuses('cut-over')).gives(refusal('NOT_DUE'))
  })

  it('that was refused does not count what was given ahead for it a second time', () => {
    given(
      start,
      signs('per_ana', 'cut-over', { as: ahead }),
      performed('issue'),
      gateOpens('cut-over'),
      gateRefuses('cut-over'),
    )
      .when(gateOpens('cut-over'))
      .gives('GateOpened')
  })

  it('does not count what was given ahead when a step before it failed', () => {
    for (const failing of [fails('issue', 'clean'), all(fails('issue', 'dirty'), undoes('issue'))])
      given(
        start,
        signs('per_ana', 'cut-over', { as: ahead }),
        ...[granted('issue'), failing, performed('issue')],
      )
        .when(gateOpens('cut-over'))
        .gives('GateOpened')
  })
})

describe('a grant', () => {
  it('arises only from a satisfied gate', () => {
    given(start).when(grants('issue')).gives(refusal('NOT_DUE'))
    given(start, gateOpens('issue')).when(grants('issue')).gives(refusal('NOT_DUE'))
    given(start, approved('issue')).when(grants('issue')).gives('Granted')
  })

  it('arises once', () => {
    given(start, granted('issue')).when(grants('issue')).gives(refusal('NOT_DUE'))
    given(start, performed('issue')).when(grants('issue')).gives(refusal('NOT_DUE'))
  })

  it('does not arise in a case that is ending, whoever signed before', () => {
    const satisfied = told(start, performed('issue'), approved('cut-over'))
    given(satisfied, fences).when(grants('cut-over')).gives(refusal('NOT_DUE'))
    given(satisfied, declines('per_ana', 'cut-over'))
      .when(grants('cut-over'))
      .gives(refusal('NOT_DUE'))
  })

  it('binds what was signed: plan, requirement and state of the target', () => {
    const story = told(start, granted('issue'))
    const { gate } = stepOf(story.state, 'issue') ?? {}
    expect(story.recorded.at(-1)?.event).toMatchObject({
      ...{ planHash: story.state.planHash, preStateHash: gate?.preStateHash },
      ...{ requirementHash: gate?.resolved.requirementHash, round: 1, mandateId: null },
    })
  })

  it('is held by nobody once the case is closed', () => {
    const { state } = told(start, granted('issue'))
    const grantId = stepOf(state, 'issue')?.grant?.grantId ?? ''
    const closed = { ...state, outcome: 'fenced' as const }
    expect(holdsGrant(closed, { stepId: 'issue', grantId })).toMatchObject({ refused: 'NOT_DUE' })
  })

  it('is held by exactly one step, under exactly one id, while the step is not finished', () => {
    const story = told(start, granted('issue'))
    const grantId = stepOf(story.state, 'issue')?.grant?.grantId ?? ''
    expect(holdsGrant(story.state, { stepId: 'issue', grantId })).toMatchObject({
      phase: 'granted',
    })
    for (const held of [
      { stepId: 'cut-over', grantId },
      { stepId: 'issue', grantId: `${grantId.slice(0, -1)}X` },
      { stepId: 'nothing', grantId },
    ])
      expect(holdsGrant(story.state, held)).toMatchObject({ refused: 'NOT_DUE' })
    const done = told(story, finishes('issue'))
    expect(holdsGrant(done.state, { stepId: 'issue', grantId })).toMatchObject({
      refused: 'NOT_DUE',
    })
  })
})

describe('a step that fails', () => {
  it('clean is before its gate again', () => {
    const story = given(start, granted('issue')).when(fails('issue', 'clean')).gives('StepFailed')
    expect(owed(story)).toBe('open-gate issue')
    expect(stepOf(story.state, 'issue')).toMatchObject({ because: 'VERIFY_FAILED', grant: null })
  })

  it('dirty is undone first, under the grant that failed', () => {
    const story = given(start, granted('issue')).when(fails('issue', 'dirty')).gives('StepFailed')
    expect(owed(story)).toBe('undo issue')
    given(story).when(gateOpens('issue')).gives(refusal('NOT_DUE'))
    const undone = given(story).when(undoes('issue')).gives('StepUndone')
    expect(owed(undone)).toBe('open-gate issue')
    expect(stepOf(undone.state, 'issue')?.because).toBe('VERIFY_FAILED')
  })

  it('does not fail or succeed a second time', () => {
    const story = told(start, granted('issue'), fails('issue', 'dirty'))
    given(story).when(fails('issue', 'clean')).gives(refusal('NOT_DUE'))
    given(story).when(finishes('issue')).gives(refusal('NOT_DUE'))
  })

  it('cannot have failed without a grant', () => {
    given(start, approved('issue')).when(fails('issue', 'clean')).gives(refusal('NOT_DUE'))
    given(start, performed('issue')).when(fails('issue', 'dirty')).gives(refusal('NOT_DUE'))
  })

  it('is not undone when it did not fail', () => {
    given(start, granted('issue')).when(undoes('issue')).gives(refusal('NOT_DUE'))
    given(start, performed('issue')).when(undoes('issue')).gives(refusal('NOT_DUE'))
  })
})

describe('a partner’s step', () => {
  it('is performed only after a claim', () => {
    for (const before of [granted('cut-over'), offered])
      given(start, performed('issue'), before).when(finishes('cut-over')).gives(refusal('NOT_DUE'))
    given(start, performed('issue'), claimed).when(finishes('cut-over')).gives('StepPerformed')
  })

  it('is open again when the probe contradicts the claim', () => {
    const story = given(start, performed('issue'), claimed)
      .when(contradicts('cut-over'))
      .gives('ClaimContradicted')
    expect(owed(story)).toBe('claim cut-over')
    given(story).when(contradicts('cut-over')).gives(refusal('NOT_DUE'))
    given(story).when(finishes('cut-over')).gives(refusal('NOT_DUE'))
  })

  it('whose claim is contradicted while the case ends is withdrawn', () => {
    const ending = told(start, performed('issue'), claimed, fences)
    given(ending).when(contradicts('cut-over')).gives('ClaimContradicted', 'TaskExpired')
  })
})

describe('noise', () => {
  const noise = asking(({ state }) =>
    recordRefusal(state, {
      refusal: refuse('WRONG_NONCE', `/${'x'.repeat(300)}`),
      sent: digest('noise'),
      door: 'signal',
    }),
  )

  it('is recorded up to the cap, then counted, and its text is cut', () => {
    const full = told(start, ...Array.from({ length: MAX_RECORDED_REFUSALS }, () => noise))
    const first = full.recorded.find(({ event }) => event.type === 'DecisionRefused')?.event
    expect(first).toMatchObject({ code: 'WRONG_NONCE', where: expect.stringMatching(/^.{200}$/) })
    given(start, noise).when(noise).gives('DecisionRefused')
    const more = given(full).when(noise).gives('RefusalsCounted')
    expect(more.state.refusals).toBe(MAX_RECORDED_REFUSALS + 1)
    given(more).when(noise).gives('RefusalsCounted')
  })

  it('about a case that does not exist is not recorded', () => {
    const { state } = { ...start, state: { ...start.state, opened: null } }
    const refused = { refusal: refuse('WRONG_CASE', '/'), sent: digest(1), door: 'api' } as const
    expect(recordRefusal(state, refused)).toEqual([])
  })

  it('changes nothing that the case owes', () => {
    const open = told(start, gateOpens('issue'))
    expect(due(told(open, noise).state)).toEqual(due(open.state))
  })
})

describe('an admitted decision', () => {
  it('names the authority under which it was judged, and whose vote it is', () => {
    const story = told(start, gateOpens('issue'))
    const envelope = decision(story, { stepId: 'issue', person: 'per_ana' })
    const { state, authority, at } = story
    const admitted = admitDecision(state, { envelope, authority, verify: nodeVerify, at })
    const { version, hash } = authority
    expect(admitted).toMatchObject({
      judged: { votes: 'per_ana', signedBy: 'per_ana', round: 1 },
      events: [
        { type: 'DecisionAdmitted', authority: { version, hash }, envelope },
        { type: 'GateSatisfied', round: 1 },
      ],
    })
  })
})

describe('the votes that count', () => {
  it('are approvals of this opening or given ahead, and in force', () => {
    const step = stepOf(told(start, gateOpens('issue')).state, 'issue')
    if (step === null) throw new Error('no step')
    const vote = { person: 'per_ana', verdict: 'approve' as const, round: 1, notAfter: start.at }
    const votes = [
      { ...vote, decisionId: 'now', notAfter: shifted(start.at, 1) },
      { ...vote, decisionId: 'ahead', notAfter: shifted(start.at, 1), round: 0 },
      { ...vote, decisionId: 'earlier', notAfter: shifted(start.at, 1), round: 7 },
      { ...vote, decisionId: 'asked', notAfter: shifted(start.at, 1), verdict: 'ask' as const },
      { ...vote, decisionId: 'over' },
    ]
    const counted = countingVotes({ ...step, votes }, start.at)
    expect(counted.map(({ decisionId }) => decisionId)).toEqual(['now', 'ahead'])
  })
})

describe('the clock', () => {
  it('counts the deadlines of a gate from the opening of that gate', () => {
    const story = told(start, waits(HOUR), gateOpens('issue'))
    given(story, waits(DAY - 1))
      .when(deadline('issue'))
      .gives(refusal('NOT_DUE'))
    given(story, waits(DAY)).when(deadline('issue')).gives('GateEscalated')
  })
})

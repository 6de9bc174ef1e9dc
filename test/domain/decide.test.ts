/** What may be appended to a case, and what it owes next: gates, grants, failures, deadlines, fences, endings. */
import { describe, expect, it } from 'vitest'
import { digest } from '../../src/domain/bytes/digest.js'
import { countingVotes, stepOf } from '../../src/domain/case/case.js'
import { due, waitingOn } from '../../src/domain/case/due.js'
import { admitDecision, recordRefusal } from '../../src/domain/decide/decision.js'
import { refuse } from '../../src/domain/refusal.js'
import type { Plan } from '../../src/domain/shapes/plan.js'
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
  deadline,
  decision,
  fails,
  fences,
  gateOpens,
  gateRefuses,
  granted,
  offered,
  performed,
  planned,
  signs,
  undoes,
  waits,
} from '../support/moves.js'
import { ahead, owed, phases, start, startWith } from '../support/rotation.js'

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
    const turn = ({ state, at }: Story) => waitingOn(state, at)
    expect(turn(start)).toEqual(['system'])
    expect(turn(told(start, performed('issue'), offered))).toEqual(['partner:com_acme'])
    const retire = told(start, performed('issue'), performed('cut-over'), gateOpens('retire'))
    expect(turn(retire)).toEqual(['owner:per_ana', 'owner:per_ben'])
    expect(turn(told(retire, signs('per_ben', 'retire')))).toEqual(['owner:per_ana'])
    expect(turn(told(start, fences))).toEqual([])
  })

  it('names a person again whose vote has run out', () => {
    const retire = told(start, performed('issue'), performed('cut-over'), gateOpens('retire'))
    const as = { notAfter: shifted(retire.at, HOUR) }
    const story = told(retire, signs('per_ben', 'retire', { as }))
    const turnAfter = (ms: number) => waitingOn(story.state, shifted(story.at, ms))
    expect(turnAfter(HOUR - 1)).toEqual(['owner:per_ana'])
    expect(turnAfter(HOUR)).toEqual(['owner:per_ana', 'owner:per_ben'])
    given(story, waits(HOUR)).when(signs('per_ana', 'retire')).gives('DecisionAdmitted')
  })

  it('does not close before the evidence that its rule asks for is complete', () => {
    const steps = (plan: Plan) => plan.steps.filter(({ stepId }) => stepId !== 'retire')
    const story = startWith((plan) => ({ ...plan, steps: steps(plan) }))
    given(story, performed('issue'), performed('cut-over'))
      .when(gateOpens('close'))
      .gives(refusal('CONDITION_UNMET', '/steps/close'))
  })
})

describe('a gate', () => {
  it('opens only for the step that is due', () => {
    given(start).when(gateOpens('cut-over')).gives(refusal('NOT_DUE'))
    given(start, gateOpens('issue')).when(gateOpens('issue')).gives(refusal('NOT_DUE'))
    given(start, performed('issue')).when(gateOpens('issue')).gives(refusal('NOT_DUE'))
  })

  it('opens only once what its step needs was observed', () => {
    const [issue, ...others] = start.state.plan?.steps ?? []
    if (issue === undefined) throw new Error('no plan')
    const story = startWith((plan) => ({ ...plan, steps: [{ ...issue, produces: [] }, ...others] }))
    given(story, performed('issue'))
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
      signs('per_ana', 'cut-over', { as: ahead() }),
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
        signs('per_ana', 'cut-over', { as: ahead() }),
        ...[granted('issue'), failing, performed('issue')],
      )
        .when(gateOpens('cut-over'))
        .gives('GateOpened')
  })

  it('does not count what was given ahead when the partner let a step before it run out', () => {
    const signed = signs('per_ana', 'retire', { as: ahead('consumer-on-new') })
    const retire = [performed('cut-over'), gateOpens('retire')]
    const asPlanned = told(start, signed, performed('issue'), ...retire)
    expect(stepOf(asPlanned.state, 'retire')?.votes).toHaveLength(1)
    const ranOut = [offered, waits(DAY), deadline('cut-over')]
    const late = told(start, signed, performed('issue'), ...ranOut, ...retire)
    expect(stepOf(late.state, 'retire')?.votes).toEqual([])
  })
})

describe('noise', () => {
  const noisy = (uncounted: number) =>
    asking(({ state }) =>
      recordRefusal(state, {
        refusal: refuse('WRONG_NONCE', `/${'x'.repeat(300)}`),
        ...{ sent: digest('noise'), door: 'signal', uncounted },
      }),
    )
  const noise = noisy(0)

  it('is recorded up to the cap, its text cut; then an entry counts as many again as there were', () => {
    const full = told(start, ...Array.from({ length: 50 }, () => noise))
    const first = full.recorded.find(({ event }) => event.type === 'DecisionRefused')?.event
    expect(first).toMatchObject({ code: 'WRONG_NONCE', where: expect.stringMatching(/^.{200}$/) })
    given(start, noise).when(noise).gives('DecisionRefused')
    given(full).when(noisy(49)).gives()
    const more = given(full).when(noisy(50)).gives('RefusalsCounted')
    expect(more.state.refusals).toBe(100)
    given(more).when(noisy(99)).gives()
    given(more).when(noisy(100)).gives('RefusalsCounted')
  })

  it('about a case that does not exist is not recorded', () => {
    const { state } = { ...start, state: { ...start.state, opened: null } }
    const refused = { refusal: refuse('WRONG_CASE', '/'), sent: digest(1), door: 'api' } as const
    expect(recordRefusal(state, { ...refused, uncounted: 0 })).toEqual([])
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
    const admitted = admitDecision(state, {
      envelope,
      choices: null,
      authority,
      verify: nodeVerify,
      at,
    })
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
    const vote = {
      person: 'per_ana',
      signedBy: 'per_ana',
      verdict: 'approve' as const,
      round: 1,
      notAfter: start.at,
    }
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

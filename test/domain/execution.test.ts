/** What a connector may say of a step: it is granted once, performed when all was observed, failed, undone, contradicted. */
import { describe, expect, it } from 'vitest'
import { stepOf } from '../../src/domain/case/case.js'
import { holdsGrant } from '../../src/domain/decide/execution.js'
import { given, refusal, told } from '../support/given.js'
import {
  approved,
  claimed,
  contradicts,
  declines,
  fails,
  fences,
  finishes,
  gateOpens,
  granted,
  grants,
  observes,
  offered,
  performed,
  undoes,
} from '../support/moves.js'
import { owed, start } from '../support/rotation.js'

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
      { stepId: 'issue', grantId: `${grantId.slice(0, -1)}${grantId.endsWith('X') ? 'Y' : 'X'}` },
      { stepId: 'nothing', grantId },
    ])
      expect(holdsGrant(story.state, held)).toMatchObject({ refused: 'NOT_DUE' })
    const done = told(story, finishes('issue'))
    expect(holdsGrant(done.state, { stepId: 'issue', grantId })).toMatchObject({
      refused: 'NOT_DUE',
    })
  })
})

describe('a step that is done', () => {
  const PRODUCED = [
    ['issue', 'new-credential-works'],
    ['cut-over', 'consumer-on-new'],
    ['retire', 'old-unused'],
    ['retire', 'old-refused'],
    ['retire', 'no-session-left'],
  ] as const
  it.each(PRODUCED)('%s is not performed before %s was observed', (stepId, lacking) => {
    const before = ['issue', 'cut-over', 'retire'].slice(
      0,
      ['issue', 'cut-over', 'retire'].indexOf(stepId),
    )
    const story = told(
      start,
      ...before.map(performed),
      stepId === 'cut-over' ? claimed : granted(stepId),
    )
    const { produces } = stepOf(story.state, stepId)?.step ?? { produces: [] }
    given(story)
      .when(
        finishes(
          stepId,
          produces.filter((fact) => fact !== lacking),
        ),
      )
      .gives(refusal('CONDITION_UNMET', `/steps/${stepId}`))
    given(story).when(finishes(stepId, produces)).gives('StepPerformed')
  })

  it('is not performed by what was observed under an earlier grant', () => {
    const story = told(
      start,
      ...[performed('issue'), performed('cut-over'), granted('retire')],
      ...[observes('retire', ['old-unused']), fails('retire', 'clean'), granted('retire')],
    )
    expect(story.state.facts).toContain('old-unused')
    given(story)
      .when(finishes('retire', ['old-refused', 'no-session-left']))
      .gives(refusal('CONDITION_UNMET'))
  })

  it('can still fail when it did not show what it should, so that its gate opens again', () => {
    const story = told(start, granted('issue'))
    given(story).when(finishes('issue', [])).gives(refusal('CONDITION_UNMET'))
    const failed = given(story).when(fails('issue', 'dirty')).gives('StepFailed')
    expect(owed(told(failed, undoes('issue')))).toBe('open-gate issue')
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
    expect(stepOf(story.state, 'cut-over')?.because).toBe('CLAIM_CONTRADICTED')
    given(story).when(contradicts('cut-over')).gives(refusal('NOT_DUE'))
    given(story).when(finishes('cut-over')).gives(refusal('NOT_DUE'))
  })

  it('whose claim is contradicted while the case ends is withdrawn', () => {
    const ending = told(start, performed('issue'), claimed, fences)
    given(ending)
      .when(contradicts('cut-over'))
      .gives('ClaimContradicted', 'TaskExpired', 'CaseClosed')
  })
})

/** How a case ends early: silence, declines, fences; what is undone then, and what is left alone. */
import { describe, expect, it } from 'vitest'
import { stepOf } from '../../src/domain/case/case.js'
import { due } from '../../src/domain/case/due.js'
import { aRotation, DAY, given, type Move, refusal, type Story, told } from '../support/given.js'
import {
  all,
  approved,
  claimed,
  deadline,
  declines,
  fails,
  fences,
  finishes,
  gateOpens,
  granted,
  leases,
  offered,
  performed,
  preempts,
  signs,
  undoes,
  waits,
} from '../support/moves.js'
import { ahead, owed, phases, start, startWith } from '../support/rotation.js'

describe('silence', () => {
  const open = told(start, gateOpens('issue'))

  it('before the deadline changes nothing', () => {
    given(open, waits(DAY - 1))
      .when(deadline('issue'))
      .gives(refusal('NOT_DUE'))
    given(start).when(deadline('issue')).gives(refusal('NOT_DUE'))
    given(start).when(deadline('nothing')).gives(refusal('NOT_DUE'))
  })

  it('escalates, once, and then expires: it never approves', () => {
    const escalated = given(open, waits(DAY)).when(deadline('issue')).gives('GateEscalated')
    given(escalated).when(deadline('issue')).gives(refusal('NOT_DUE'))
    given(escalated, waits(2 * DAY - 1))
      .when(deadline('issue'))
      .gives(refusal('NOT_DUE'))
    const expired = given(escalated, waits(2 * DAY))
      .when(deadline('issue'))
      .gives('GateExpired', 'CaseClosed')
    expect(expired.state.outcome).toBe('expired')
  })

  it('expires even when nobody came to escalate', () => {
    given(open, waits(3 * DAY))
      .when(deadline('issue'))
      .gives('GateExpired', 'CaseClosed')
  })

  it('can still be broken after the escalation', () => {
    given(open, waits(DAY), deadline('issue'))
      .when(signs('per_ana', 'issue'))
      .gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('does not expire what was satisfied', () => {
    given(start, approved('issue'), waits(9 * DAY))
      .when(deadline('issue'))
      .gives(refusal('NOT_DUE'))
  })

  it('of the partner ends the task, and the owner is asked again', () => {
    const story = told(start, performed('issue'), offered)
    given(story, waits(DAY - 1))
      .when(deadline('cut-over'))
      .gives(refusal('NOT_DUE'))
    const expired = given(story, waits(DAY)).when(deadline('cut-over')).gives('TaskExpired')
    expect(owed(expired)).toBe('open-gate cut-over')
    expect(stepOf(expired.state, 'cut-over')?.because).toBe('LEASE_LOST')
  })
})

const late = (stepId: string): Move => all(gateOpens(stepId), waits(9 * DAY), deadline(stepId))

describe('a case that ends early', () => {
  const endings: readonly (readonly [string, (stepId: string) => Move])[] = [
    ['declined', (stepId) => all(gateOpens(stepId), declines('per_ana', stepId))],
    ['expired', late],
    ['fenced', (stepId) => all(gateOpens(stepId), fences)],
  ]

  it.each(endings)('%s at its first gate closes so, with nothing to undo', (outcome, ends) => {
    expect(due(told(start, ends('issue')).state)).toEqual({ kind: 'closed', outcome })
  })

  it.each(endings)('%s after issue undoes issue and closes rolled back', (_outcome, ends) => {
    const story = told(start, performed('issue'), ends('cut-over'))
    expect(owed(story)).toBe('undo issue')
    const undone = given(story).when(undoes('issue')).gives('StepUndone', 'CaseClosed')
    expect(undone.state.outcome).toBe('rolled-back')
    expect(phases(undone)[0]).toBe('undone')
  })

  it.each(endings)(
    '%s after the cut-over closes and leaves both credentials working',
    (outcome, ends) => {
      const story = told(start, performed('issue'), performed('cut-over'), ends('retire'))
      expect(story.state.outcome).toBe(outcome)
      expect(phases(story).slice(0, 2)).toEqual(['performed', 'performed'])
      given(story).when(undoes('issue')).gives(refusal('NOT_DUE'))
    },
  )

  it('pre-empted closes superseded, with nothing to undo and after its rollback', () => {
    const early = told(start, gateOpens('issue'), preempts)
    expect(due(early.state)).toEqual({ kind: 'closed', outcome: 'superseded' })
    const story = told(start, performed('issue'), gateOpens('cut-over'), preempts)
    expect(owed(story)).toBe('undo issue')
    const undone = given(story).when(undoes('issue')).gives('StepUndone', 'CaseClosed')
    expect(undone.state.outcome).toBe('superseded')
    expect(phases(undone)[0]).toBe('undone')
  })

  const flying = told(start, granted('issue'))
  const declinedAhead = declines('per_ana', 'cut-over', { as: ahead() })

  it('finishes a step that was granted before, and undoes it', () => {
    for (const ends of [declinedAhead, fences]) {
      const ending = told(flying, ends)
      expect(owed(ending)).toBe('perform issue')
      const finished = given(ending).when(finishes('issue')).gives('StepPerformed')
      expect(owed(finished)).toBe('undo issue')
      given(finished).when(undoes('issue')).gives('StepUndone', 'CaseClosed')
    }
  })

  it('closes when the step in flight failed clean', () => {
    given(flying, declinedAhead).when(fails('issue', 'clean')).gives('StepFailed', 'CaseClosed')
  })

  it('undoes the step in flight that failed dirty, and then closes', () => {
    const story = told(flying, declinedAhead, fails('issue', 'dirty'))
    expect(owed(story)).toBe('undo issue')
    given(story).when(undoes('issue')).gives('StepUndone', 'CaseClosed')
  })

  it('finishes its last step and closes as it ended, when nothing can be undone any more', () => {
    const last = told(start, ...['issue', 'cut-over', 'retire'].map(performed), granted('close'))
    const story = given(last, fences).when(finishes('close')).gives('StepPerformed', 'CaseClosed')
    expect(story.state.outcome).toBe('fenced')
  })
})

describe('what a secret may have been delivered for', () => {
  const delivered = all(offered, leases('cut-over'))
  const endings: readonly (readonly [string, Move])[] = [
    ['declined', all(gateOpens('cut-over'), declines('per_ana', 'cut-over'))],
    ['expired', late('cut-over')],
    ['fenced', fences],
  ]

  it.each(endings)(
    'stays when the case is %s after the partner ran out of time',
    (outcome, ends) => {
      const ranOut = told(start, performed('issue'), delivered, waits(DAY), deadline('cut-over'))
      const story = told(ranOut, ends)
      expect(story.state.outcome).toBe(outcome)
      expect(phases(story)[0]).toBe('performed')
      given(story).when(undoes('issue')).gives(refusal('NOT_DUE'))
    },
  )

  it('stays when a fence withdraws the task from who took it', () => {
    const story = told(start, performed('issue'), delivered)
    const fenced = given(story).when(fences).gives('CaseFenced', 'TaskExpired', 'CaseClosed')
    expect(fenced.state.outcome).toBe('fenced')
    expect(phases(fenced)[0]).toBe('performed')
  })

  it('stays when the step that delivered it failed and had nothing to roll back', () => {
    const failed = told(start, performed('issue'), claimed, fails('cut-over', 'dirty'))
    const story = told(failed, fences)
    expect(owed(story)).toBe('undo cut-over')
    const undone = given(story).when(undoes('cut-over')).gives('StepUndone', 'CaseClosed')
    expect(undone.state.outcome).toBe('fenced')
    expect(phases(undone)[0]).toBe('performed')

    const again = told(failed, undoes('cut-over'), gateOpens('cut-over'))
    const declined = told(again, declines('per_ana', 'cut-over'))
    expect(declined.state.outcome).toBe('declined')
    expect(phases(declined)[0]).toBe('performed')
  })

  it('stays through a second grant that failed clean', () => {
    const ranOut = told(start, performed('issue'), delivered, waits(DAY), deadline('cut-over'))
    const second = told(ranOut, claimed, fails('cut-over', 'clean'), fences)
    expect(second.state.outcome).toBe('fenced')
    expect(phases(second)[0]).toBe('performed')
  })

  it('is undone after the step that delivered it, when that has a rollback of its own and it ran', () => {
    const undo = [{ op: 'unset' as const, credential: 'billing_b' }]
    const story = startWith((plan) => ({
      ...plan,
      steps: plan.steps.map((step) => (step.stepId === 'cut-over' ? { ...step, undo } : step)),
    }))
    const ending = told(story, performed('issue'), claimed, fails('cut-over', 'dirty'), fences)
    expect(owed(ending)).toBe('undo cut-over')
    const first = given(ending).when(undoes('cut-over')).gives('StepUndone')
    expect(owed(first)).toBe('undo issue')
    const both = given(first).when(undoes('issue')).gives('StepUndone', 'CaseClosed')
    expect(both.state.outcome).toBe('rolled-back')
  })

  it('is undone when nobody took the task', () => {
    const story = told(start, performed('issue'), offered, waits(DAY), deadline('cut-over'), fences)
    expect(owed(story)).toBe('undo issue')
  })
})

describe('a fence', () => {
  const at: readonly (readonly [string, Story])[] = [
    ['before the plan', aRotation()],
    ['before a gate', start],
    ['at an open gate', told(start, gateOpens('issue'))],
    ['at a satisfied gate', told(start, approved('issue'))],
  ]
  it.each(at)('%s closes the case', (_when, story) => {
    const fenced = given(story).when(fences).gives('CaseFenced', 'CaseClosed')
    expect(fenced.state.outcome).toBe('fenced')
  })

  const held: readonly (readonly [string, Story, string])[] = [
    ['granted', told(start, granted('issue')), 'perform issue'],
    ['failed', told(start, granted('issue'), fails('issue', 'dirty')), 'undo issue'],
    [
      'granted to the partner',
      told(start, performed('issue'), granted('cut-over')),
      'perform cut-over',
    ],
    ['claimed', told(start, performed('issue'), claimed), 'observe cut-over'],
  ]
  it.each(held)(
    'while a step is %s ends the case once that has an outcome',
    (_when, story, owes) => {
      expect(owed(given(story).when(fences).gives('CaseFenced'))).toBe(owes)
    },
  )

  it('withdraws a task that is offered', () => {
    const story = told(start, performed('issue'), offered)
    expect(owed(given(story).when(fences).gives('CaseFenced', 'TaskExpired'))).toBe('undo issue')
  })

  it('comes once, and not after the end', () => {
    given(start, performed('issue'), fences).when(fences).gives(refusal('NOT_DUE'))
    const over = told(start, ...['issue', 'cut-over', 'retire', 'close'].map(performed))
    given(over).when(fences).gives(refusal('NOT_DUE'))
  })
})

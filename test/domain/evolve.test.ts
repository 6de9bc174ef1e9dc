/** What an entry changes, and what it does not. */
import { describe, expect, it } from 'vitest'
import { initial } from '../../src/domain/case/case.js'
import { due } from '../../src/domain/case/due.js'
import { evolve } from '../../src/domain/case/evolve.js'
import type { CaseEvent } from '../../src/domain/shapes/event.js'
import { start } from '../support/rotation.js'

describe('a case', () => {
  it('is nothing before its first entry', () => {
    expect(due(initial('x'))).toEqual({ kind: 'plan' })
  })

  it('is not changed by an entry that concerns none of its steps', () => {
    const stray: CaseEvent = { type: 'TaskExpired', stepId: 'nothing', grantId: 'x' }
    const moved = evolve(start.state, {
      seq: 9,
      hash: start.state.head ?? 'sha256:',
      at: '',
      event: stray,
    })
    expect(moved.steps).toEqual(start.state.steps)
  })

  it('is not changed by what is only found or recovered', () => {
    const found: CaseEvent[] = [
      { type: 'FindingRecorded', code: 'EVIDENCE_TAMPERED', where: '/', detail: '' },
      { type: 'WorkflowRecovered', previous: 'terminated' },
    ]
    for (const event of found) {
      const moved = evolve(start.state, { seq: 3, hash: 'sha256:', at: '', event })
      expect({ ...moved, seq: 0, head: null }).toEqual({ ...start.state, seq: 0, head: null })
    }
  })
})

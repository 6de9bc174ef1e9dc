/** What a drill measures, and what the grid of the rights holds against the enterprise. */
import { describe, expect, it } from 'vitest'
import type { Recorded } from '../../src/domain/case/case.js'
import { measureAll, measuredFrom, stateOfMeasured } from '../../src/domain/rights/drill.js'
import { gridOf, type Standing } from '../../src/domain/rights/rights.js'
import { anAuthority } from '../support/authority.js'

const at = (second: number): string => `2026-06-01T12:00:${String(second).padStart(2, '0')}.000Z`
const DRILL = { caseId: 'drill:com_bank:com_zeta:01JD0000000000000000000000', openedAt: at(0) }
const drill = { ...DRILL, canary: 'nhi_reports' }

const entry = (second: number, event: object): Recorded =>
  ({ seq: 1, hash: 'sha256:', at: at(second), event }) as unknown as Recorded

const containment = (living: readonly string[], openedAt = 3) => ({
  caseId: 'contain:com_bank:nhi_reports:01JD0000000000000000000001',
  recorded: [
    entry(openedAt, {
      type: 'CaseOpened',
      asked: { kind: 'contain', fenceId: 'fence' },
      scope: { kind: 'identity', id: 'nhi_reports' },
    }),
    entry(4, { type: 'Planned', plan: { about: { kind: 'contain', living } } }),
    entry(6, { type: 'OperationObserved', facts: ['access-disabled'] }),
  ],
})

const measuring = (grants = 0, fencedAt: string | null = at(2)) => ({
  ...{ drill, fencedAt: () => fencedAt, grantsBetween: () => grants },
})
const revoke = (...of: Parameters<typeof measureAll>) =>
  measureAll(...of).find(({ right }) => right === 'revoke')

describe('the right to revoke', () => {
  it('has passed when access that was there is seen gone, timed from the fence', () => {
    const all = measureAll([containment(['reports_a'])], measuring())
    expect(all[0]).toMatchObject({ right: 'revoke', says: 'passed', tookMs: 4000, grantsAfter: 0 })
    expect(all[1]).toMatchObject({ says: 'open', caseId: null })
    expect(measuredFrom(stateOfMeasured(all))).toEqual(all)
  })

  it('has failed when there was nothing to cut, or a grant passed after the fence was acknowledged', () => {
    expect(revoke([containment([])], measuring())).toMatchObject({ says: 'failed' })
    expect(revoke([containment(['reports_a'])], measuring(1))).toMatchObject({ says: 'failed' })
  })

  it('was not exercised by a cut from before the drill, or by none around the canary', () => {
    expect(revoke([containment(['reports_a'])], measuring(0, null))).toMatchObject({ says: 'open' })
    const earlier = { ...measuring(), drill: { ...drill, openedAt: at(5) } }
    expect(revoke([containment(['reports_a'])], earlier)).toMatchObject({ caseId: null })
  })
})

describe('the grid', () => {
  const { authority } = anAuthority()
  const place = { partnerId: 'com_zeta', systemId: 'sys_billing', right: 'revoke' as const }
  const worked = { ...place, caseId: 'contain:x', at: at(10), tookMs: 1 }
  const cellAt = (standing: Partial<Standing>) =>
    gridOf(authority, {
      ...{ exercises: [worked], drills: [], everyMsOf: () => 60_000, at: at(30) },
      ...standing,
    }).find(({ partnerId, right }) => partnerId === 'com_zeta' && right === 'revoke')

  it('holds a right against the enterprise that never worked, or not within its period', () => {
    expect(cellAt({})).toMatchObject({ finding: null })
    expect(cellAt({ exercises: [] })).toMatchObject({ finding: 'never' })
    expect(cellAt({ everyMsOf: () => 10_000 })).toMatchObject({ finding: 'overdue' })
    expect(cellAt({ everyMsOf: () => null, at: '2036-01-01T00:00:00.000Z' })).toMatchObject({
      finding: null,
    })
  })

  it('holds against it what its newest drill did not see work, until it works again', () => {
    const failed = { ...place, caseId: 'drill:x', says: 'open' as const }
    expect(cellAt({ drills: [{ ...failed, at: at(20) }] })).toMatchObject({ finding: 'failed' })
    expect(cellAt({ drills: [{ ...failed, at: at(5) }] })).toMatchObject({ finding: null })
  })
})

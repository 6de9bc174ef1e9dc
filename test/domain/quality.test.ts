/** How owners decided, as a role: from the entries alone, so that anybody who has them gets the same numbers. */
import { describe, expect, it } from 'vitest'
import { rootOver } from '../../src/domain/bytes/merkle.js'
import type { Recorded } from '../../src/domain/case/case.js'
import { burdenOf, qualityOf } from '../../src/domain/review/quality.js'
import type { EventOf } from '../../src/domain/shapes/event.js'
import type { Choice } from '../../src/domain/shapes/recertify.js'
import { leafHash, nodeHash } from '../../src/ledger/tree.js'
import { aRotation, told } from '../support/given.js'
import { all, approved, planned } from '../support/moves.js'

const story = told(aRotation(), all(planned, approved('issue')))

/** The story's decision, as if it had chosen this, so long after the gate opened. */
const decided = (of: { seconds: number; verdict: Choice['verdict'] }): readonly Recorded[] =>
  story.recorded.map((item) => {
    if (item.event.type !== 'DecisionAdmitted') return item
    const choice: Choice = { identityId: 'nhi_billing', verdict: of.verdict, given: 'one-by-one' }
    const event: EventOf<'DecisionAdmitted'> = { ...item.event, choices: [choice] }
    const at = new Date(Date.parse(item.at) + of.seconds * 1000).toISOString()
    return { ...item, at, event }
  })

describe('approval quality', () => {
  it('says by role how long a decision took and how many kept everything', () => {
    const cases = [
      decided({ seconds: 4, verdict: 'keep' }),
      decided({ seconds: 90, verdict: 'revoke' }),
      decided({ seconds: 600, verdict: 'keep' }),
    ]
    expect(qualityOf(cases)).toEqual([
      {
        ...{ role: 'identity-owner', decisions: 3, keptAll: 2 },
        dwellMs: { shortest: 4000, median: 90_000, longest: 600_000 },
      },
    ])
  })

  it('leaves out decisions that chose nothing', () => {
    expect(qualityOf([story.recorded])).toEqual([])
  })
})

describe('what control costs', () => {
  const at = (minute: number): string => `2026-06-01T12:${String(minute).padStart(2, '0')}:00.000Z`
  const entry = (minute: number, event: object): Recorded =>
    ({ seq: 1, hash: 'sha256:', at: at(minute), event }) as unknown as Recorded
  const aCase = (...signedAt: readonly number[]): readonly Recorded[] => [
    entry(0, { type: 'CaseOpened', asked: { kind: 'rotate' } }),
    entry(1, { type: 'GateOpened', stepId: 'issue' }),
    ...signedAt.map((minute) =>
      entry(minute, { type: 'DecisionAdmitted', stepId: 'issue', signedBy: 'per_ana' }),
    ),
    entry(50, { type: 'Granted', mandateId: null }),
    entry(51, { type: 'Granted', mandateId: '01KB0000000000000000000005' }),
    entry(52, { type: 'CaseClosed', outcome: 'completed' }),
  ]

  it('counts for each signature the time since its gate opened, or since the last one of the same person', () => {
    expect(burdenOf([aCase(5), aCase(7)])).toEqual([
      {
        ...{ month: '2026-06', signatures: 2, changes: 2, ownerMinutesPerChange: 3 },
        granted: { byMandate: 2, bySignatures: 2 },
      },
    ])
  })

  it('says no minutes for a change where none was completed', () => {
    const open = aCase(5).filter(({ event }) => event.type !== 'CaseClosed')
    expect(burdenOf([open])).toMatchObject([{ changes: 0, ownerMinutesPerChange: null }])
    expect(burdenOf([])).toEqual([])
  })
})

describe('the root over choices', () => {
  it('is the RFC 6962 root over their canonical bytes, so that one can be shown without the others', () => {
    const bytes = (text: string) => leafHash(new TextEncoder().encode(text))
    const root = nodeHash(bytes('{"a":1,"b":2}'), bytes('{"c":3}'))
    expect(rootOver([{ b: 2, a: 1 }, { c: 3 }])).toBe(`sha256:${Buffer.from(root).toString('hex')}`)
  })
})

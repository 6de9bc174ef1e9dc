import { describe, expect, it } from 'vitest'
import {
  type AcceptedException,
  attestationsToAsk,
  exceptionsInForce,
  isExcepted,
} from '../../src/domain/case/exceptions.js'

const DAY = 86_400_000
const day = (n: number) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString()
const yes = (attestedBy: string, dueAt: string) => ({ attestedBy, dueAt, said: 'yes' as const })

const anException = (change: Partial<AcceptedException> = {}): AcceptedException => ({
  exceptionId: 'exception:com_ent:nhi_a:01JD0000000000000000000000',
  identityId: 'nhi_a',
  terms: {
    ...{ deviation: 'maximum-age', reference: 'RISK-1', attestEveryMs: 10 * DAY, until: day(35) },
    controls: [
      { controlId: 'allow-list', attestedBy: 'per_ana' },
      { controlId: 'alerting', attestedBy: 'per_ben' },
    ],
  },
  ...{ acceptedAt: day(0), attestations: [], ...change },
})
const holds = (exception: AcceptedException, at: string) =>
  exceptionsInForce([exception], at).length === 1

describe('an exception', () => {
  it('is in force from its acceptance until the first attestation is due, and no longer without one', () => {
    expect(holds(anException(), day(9))).toBe(true)
    expect(holds(anException(), day(10))).toBe(false)
  })

  it('needs the attestation of every person whom it names', () => {
    const one = [yes('per_ana', day(10))]
    expect(holds(anException({ attestations: one }), day(12))).toBe(false)
    const both = [...one, yes('per_ben', day(10))]
    expect(holds(anException({ attestations: both }), day(19))).toBe(true)
    expect(holds(anException({ attestations: both }), day(20))).toBe(false)
  })

  it('is suspended at once, and for good, by one who denies its controls', () => {
    const attestations = [{ attestedBy: 'per_ana', dueAt: day(10), said: 'no' as const }]
    expect(holds(anException({ attestations }), day(6))).toBe(false)
    expect(attestationsToAsk([anException({ attestations })], day(6))).toEqual([])
  })

  it('ends by itself', () => {
    const attestations = [10, 20, 30].flatMap((n) => [
      yes('per_ana', day(n)),
      yes('per_ben', day(n)),
    ])
    expect(holds(anException({ attestations }), day(34))).toBe(true)
    expect(holds(anException({ attestations }), day(35))).toBe(false)
    expect(attestationsToAsk([anException({ attestations })], day(34))).toEqual([])
  })

  it('excepts its own identity from its own rule', () => {
    const of = { identityId: 'nhi_a', deviation: 'maximum-age' as const, at: day(1) }
    expect(isExcepted([anException()], of)).toBe(true)
    expect(isExcepted([anException()], { ...of, identityId: 'nhi_b' })).toBe(false)
    expect(isExcepted([anException()], { ...of, deviation: 'ended-need' })).toBe(false)
  })
})

describe('an attestation', () => {
  it('is asked for ahead of its due date, of each person', () => {
    expect(attestationsToAsk([anException()], day(4))).toEqual([])
    const { exceptionId, identityId } = anException()
    const asked = { exceptionId, identityId, dueAt: day(10) }
    expect(attestationsToAsk([anException()], day(5))).toEqual([
      { ...asked, attestedBy: 'per_ana' },
      { ...asked, attestedBy: 'per_ben' },
    ])
  })

  it('that is late is asked for still, before any later one', () => {
    const asked = attestationsToAsk([anException()], day(25))
    expect(asked.map(({ dueAt }) => dueAt)).toEqual([day(10), day(10)])
  })
})

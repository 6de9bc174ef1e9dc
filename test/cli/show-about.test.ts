/** What a person reads before signing: nothing that the plan binds is left out. */
import { describe, expect, it } from 'vitest'
import { aboutLines } from '../../src/cli/owners/show-about.js'
import type { Plan } from '../../src/domain/shapes/plan.js'
import { startWith } from '../support/rotation.js'

const plan = startWith((one) => one).state.plan
const about = (terms: Plan['about']): string => {
  if (plan === null) throw new Error('no plan')
  return aboutLines({ ...plan, about: terms }).join('\n')
}
const UNTIL = '2026-12-01T00:00:00.000Z'

describe('what a review says it is about', () => {
  it('an exception: its reason, what makes up for it, who attests that and how often', () => {
    const text = about({
      ...{ kind: 'exception', deviation: 'maximum-age', reference: 'RISK-1', until: UNTIL },
      ...{ controls: [{ controlId: 'CC-7', attestedBy: 'per_ben' }], attestEveryMs: 60_000 },
    })
    expect(text).toMatch(/maximum-age until 2026-12-01.*RISK-1/)
    expect(text).toMatch(/CC-7, attested by per_ben every 60 s/)
  })

  it('a change of the authority: each change, the bundle it becomes, who accepts it and whom it concerns', () => {
    const hash = `sha256:${'a'.repeat(64)}` as const
    const text = about({
      ...{
        kind: 'change-ownership',
        reference: 'CHG-1',
        accepting: ['per_eve'],
        affected: ['per_zed'],
      },
      ...{
        from: { version: 1, hash },
        to: { version: 2, hash },
        changes: ['identity nhi_x added'],
      },
    })
    for (const word of ['identity nhi_x added', `version 2, ${hash}`, 'per_eve', 'per_zed'])
      expect(text).toContain(word)
  })
})

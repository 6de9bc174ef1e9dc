/**
 * Policy over random histories: packs come and go between the opening of a case and the grant. Whatever is asked in
 * the end is never less than what the opening's pack asks, nor than what today's does; and a requirement that
 * was signed for counts only while today's is the same.
 */
import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { termsAgain } from '../../src/domain/approval/count.js'
import { identityScope, matterOf } from '../../src/domain/authority/matter.js'
import { stepOf } from '../../src/domain/case/case.js'
import { satisfied } from '../../src/domain/policy/quorum.js'
import { requirementOf, requirementToday } from '../../src/domain/policy/requirements.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { Pack } from '../../src/domain/shapes/policy.js'
import type { ResolvedRequirement } from '../../src/domain/shapes/requirement.js'
import { must } from '../support/authority.js'
import { aRotation, PACK, PACK_HASH, told } from '../support/given.js'
import { gateOpens, performed, planned } from '../support/moves.js'

const PERSONS = ['per_ana', 'per_ben', 'per_cleo', 'per_dora'] as const
const ROLES = ['identity-owner', 'objective-owner', 'risk-owner', 'duty-person', 'officer'] as const
const HOUR_MS = 3_600_000

/** What a pack asks for cut-over. */
interface Asks {
  readonly roles: readonly (typeof ROLES)[number][]
  readonly spare: number
  readonly expireAfterMs: number
}
const asks: fc.Arbitrary<Asks> = fc.record({
  roles: fc.uniqueArray(fc.constantFrom(...ROLES), { minLength: 1, maxLength: 2 }),
  spare: fc.integer({ min: 0, max: 1 }),
  expireAfterMs: fc.constantFrom(48 * HOUR_MS, 72 * HOUR_MS),
})

const packOf = ({ roles, spare, expireAfterMs }: Asks): Pack => ({
  ...PACK,
  rules: PACK.rules.map((rule) => {
    const terms = rule.steps['cut-over']
    if (rule.id !== 'rotate' || terms === undefined) return rule
    const approvers = roles.map((role) => ({ role, need: 1 }))
    const changed = { ...terms, approvers, quorum: roles.length + spare, expireAfterMs }
    return { ...rule, steps: { ...rule.steps, 'cut-over': changed } }
  }),
})

const story = told(aRotation(), planned, performed('issue'), gateOpens('cut-over'))
const { authority, at, opened, state } = story
const stepId = 'cut-over'
const open = stepOf(state, stepId)
const gate = open?.gate ?? null
if (open === null || gate === null) throw new Error('the gate is not open')

const under = (pack: Pack) => ({
  ...{ authority, pack, packHash: PACK_HASH, stepId, involved: [], uses: [] },
  ...{ asked: opened.asked, change: opened.change, askedAt: state.openedAt ?? at, at },
})

/** What this pack alone asks. */
const alone = (pack: Pack) =>
  requirementOf({
    ...{ ...under(pack), matter: must(matterOf(authority, identityScope('nhi_billing'))) },
    ...{ requester: opened.requester, executorCompany: opened.executor },
  })

/** What is asked under the second pack of a case that opened under the first. */
function asked(first: Pack, second: Pack) {
  const pinned = alone(first)
  if (isRefusal(pinned)) return pinned
  const requirements = { ...opened.requirements, [stepId]: pinned }
  return requirementToday({ ...under(second), opened: { ...opened, requirements } })
}

const RUNS = { numRuns: 100 }
const votes = fc.subarray([...PERSONS])
const satisfies = ({ requirement }: ResolvedRequirement, persons: readonly string[]) =>
  satisfied({ requirement, votes: persons })

describe('whatever packs come and go', () => {
  test.prop([asks, asks, votes], RUNS)(
    'who satisfies what is asked satisfies the opening’s pack and today’s',
    (first, second, persons) => {
      const today = asked(packOf(first), packOf(second))
      if (isRefusal(today) || !satisfies(today, persons)) return
      for (const pack of [first, second]) {
        const one = must(alone(packOf(pack)))
        expect(satisfies(one, persons)).toBe(true)
        expect(today.requirement.expireAfterMs).toBeLessThanOrEqual(one.requirement.expireAfterMs)
      }
    },
  )

  test.prop([asks, asks, asks], RUNS)(
    'what was signed for under one pack is granted under another only when it asks the same',
    (first, signed, now) => {
      const resolved = asked(packOf(first), packOf(signed))
      const today = asked(packOf(first), packOf(now))
      if (isRefusal(resolved)) return
      const requirements = { ...opened.requirements, [stepId]: must(alone(packOf(first))) }
      const answer = termsAgain({
        ...{ ...under(packOf(now)), opened: { ...opened, requirements }, state },
        step: { ...open, gate: { ...gate, resolved } },
      })
      const isSame = !isRefusal(today) && today.requirementHash === resolved.requirementHash
      expect(isRefusal(answer)).toBe(!isSame)
    },
  )

  test('asks for more, the same and the impossible in these histories (control)', () => {
    const met = fc
      .sample(fc.tuple(asks, asks), { numRuns: 100, seed: 7 })
      .map(([first, second]) => {
        const [pinned, today] = [alone(packOf(first)), asked(packOf(first), packOf(second))]
        if (isRefusal(today) || isRefusal(pinned)) return 'impossible'
        return today.requirementHash === pinned.requirementHash ? 'same' : 'more'
      })
    expect([...new Set(met)].sort()).toEqual(['impossible', 'more', 'same'])
  })
})

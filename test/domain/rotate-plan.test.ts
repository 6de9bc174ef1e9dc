/** planRotation: which credential comes in, which retires, in which steps; or why not. */
import { describe, expect, it } from 'vitest'
import { digest } from '../../src/domain/bytes/digest.js'
import type { Seen } from '../../src/domain/plans/planning.js'
import { planRotation, ROTATION_STEPS } from '../../src/domain/plans/rotate.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { Identity } from '../../src/domain/shapes/authority.js'
import { type Operation, Plan, type Undo } from '../../src/domain/shapes/plan.js'
import { AT, must } from '../support/authority.js'
import { aRotation, billing, CAST } from '../support/given.js'

type Credential = Seen['credentials'][number]
const credential = (
  name: 'billing_a' | 'billing_b',
  change: Partial<Credential> = {},
): Credential => ({
  ...{ credential: name, login: 'enabled', memberOfGroup: 'yes', sessions: [], ...change },
})
const inUse = (application = 'billing-service') => ({ sessions: [{ application, count: 3 }] })
const OFF = { login: 'disabled' } as const

const identity = billing(CAST.authority)
const { opened } = aRotation()
const plan = (
  credentials: readonly Credential[],
  change: { readonly tier?: Identity['tier']; readonly missing?: readonly string[] } = {},
) =>
  planRotation({
    ...{ opened, fences: [], attributes: ['billing_b.login'], at: AT },
    identity: { ...identity, tier: change.tier ?? identity.tier },
    seen: {
      ...{ group: 'present', credentials, missing: change.missing ?? [] },
      holdings: {
        owned: [],
        ownedCount: 0,
        ownedElsewhere: 0,
        privileges: 0,
        privilegesOutOfReach: 0,
      },
    },
  })
const touchedBy = (operation: Operation | Undo): readonly string[] =>
  'credentials' in operation
    ? operation.credentials
    : 'credential' in operation
      ? [operation.credential]
      : []
const good = (credentials: readonly Credential[]) => must(plan(credentials))
const refusedAt = (answer: ReturnType<typeof planRotation>) =>
  isRefusal(answer) ? `${answer.refused} ${answer.where}` : 'planned'

describe('a rotation’s plan', () => {
  const usual = good([credential('billing_a', inUse()), credential('billing_b', OFF)])

  it('has the four steps in order, each with its own rollback in words', () => {
    expect(usual.steps.map(({ stepId }) => stepId)).toEqual(ROTATION_STEPS)
    for (const step of usual.steps) expect(step.rollback.length).toBeGreaterThan(10)
    expect(Plan.safeParse(usual).success).toBe(true)
  })

  it('retires the credential in use and brings the other one in, whichever that is', () => {
    expect(usual.about).toMatchObject({ retiring: 'billing_a', incoming: 'billing_b' })
    const turned = good([credential('billing_a', OFF), credential('billing_b', inUse())])
    expect(turned.about).toMatchObject({ retiring: 'billing_b', incoming: 'billing_a' })
  })

  it('goes by use when both may log in, and by login when neither is in use', () => {
    const used = good([credential('billing_a'), credential('billing_b', inUse())])
    expect(used.about).toMatchObject({ retiring: 'billing_b' })
    const idle = good([credential('billing_a', OFF), credential('billing_b')])
    expect(idle.about).toMatchObject({ retiring: 'billing_b' })
  })

  it('touches only the incoming credential before retire, and disables only the retiring one', () => {
    for (const { stepId, operations, undo } of usual.steps)
      for (const operation of [...operations, ...undo])
        for (const credential of touchedBy(operation))
          expect([stepId, credential]).toEqual([
            stepId,
            stepId === 'retire' ? 'billing_a' : 'billing_b',
          ])
  })

  it('proves death only after it saw the credential unused, disabled it and ended its sessions', () => {
    const retire = usual.steps.find(({ stepId }) => stepId === 'retire')
    expect(retire?.operations.map(({ op }) => op)).toEqual([
      ...['observe-unused', 'disable', 'end-sessions', 'prove-dead'],
    ])
    expect(retire?.operations.at(-1)).toMatchObject({ control: 'billing_b' })
  })

  it('takes its durations from the case, and delivers to the registered consumers', () => {
    const [deliver, observe] = usual.steps[1]?.operations ?? []
    expect(deliver).toMatchObject({ op: 'deliver', to: ['cns_billing'] })
    const { soakMs, withinMs } = opened.settings
    expect(observe).toMatchObject({ consumers: ['cns_billing'], soakMs, withinMs })
    const { unusedForMs } = opened.settings
    expect(usual.steps[2]?.operations[0]).toMatchObject({ unusedForMs, withinMs })
  })

  it('lets each step need what the one before produces', () => {
    const produced = new Set<string>(['evidence-complete'])
    for (const step of usual.steps) {
      for (const need of step.needs) expect(produced).toContain(need)
      for (const fact of step.produces) produced.add(fact)
    }
  })

  it('says what it saw: consumers on the retiring credential, strangers as a warning', () => {
    expect(usual).toMatchObject({
      target: { consumersSeen: ['billing-service: 3'] },
      warnings: [],
    })
    const strange = good([credential('billing_a', inUse('psql')), credential('billing_b', OFF)])
    expect(strange.warnings.join()).toContain('psql')
    expect(digest(strange)).not.toBe(digest(usual))
  })

  it('is a high risk for tier 0', () => {
    const credentials = [credential('billing_a', inUse()), credential('billing_b', OFF)]
    const risks = (['tier0', 'tier1', 'tier2', 'tier3'] as const).map(
      (tier) => must(plan(credentials, { tier })).change.risk,
    )
    expect(risks).toEqual(['high', 'moderate', 'low', 'low'])
  })
})

describe('a target that cannot be rotated', () => {
  const off = credential('billing_b', OFF)
  const unsuitable: readonly (readonly [string, readonly Credential[], string])[] = [
    [
      'lacks a credential',
      [credential('billing_a', { login: 'absent' }), off],
      '/credentials/billing_a',
    ],
    [
      'has one outside its group',
      [credential('billing_a', { memberOfGroup: 'no' }), off],
      '/credentials/billing_a',
    ],
    [
      'uses both',
      [credential('billing_a', inUse()), credential('billing_b', inUse())],
      '/credentials',
    ],
    [
      'may use both and uses neither',
      [credential('billing_a'), credential('billing_b')],
      '/credentials',
    ],
    ['may use neither', [credential('billing_a', OFF), off], '/credentials'],
    ['has only one', [credential('billing_a')], '/credentials'],
  ]
  it.each(unsuitable)('because it %s is named', (_why, credentials, where) => {
    expect(refusedAt(plan(credentials))).toBe(`TARGET_UNSUITABLE ${where}`)
  })

  it('because a right is missing names the statement that grants it', () => {
    const grant = 'GRANT pg_signal_backend TO countersign_admin'
    const answer = plan([credential('billing_a'), off], { missing: [grant] })
    expect(answer).toMatchObject({ refused: 'TARGET_UNSUITABLE', where: '/missing', detail: grant })
  })
})

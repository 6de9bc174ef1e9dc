/** What stands in the way of a step on the target: it is refused with its own code, and the owner is asked again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stepOf } from '../../src/domain/case/case.js'
import type { EventOf } from '../../src/domain/shapes/event.js'
import { readCase } from '../../src/execution/deps.js'
import { registerSecret } from '../../src/execution/secrets.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const appears = 'billing-service'

/** The operation that was refused last, and how its step failed. */
async function refusedAt(caseId: string, stepId: string) {
  const { recorded, state } = await readCase(world.connector, caseId)
  const observed = recorded.findLast(
    ({ event }) => event.type === 'OperationObserved' && event.outcome === 'refused',
  )?.event as EventOf<'OperationObserved'> | undefined
  const failed = recorded.findLast(({ event }) => event.type === 'StepFailed')?.event as
    | EventOf<'StepFailed'>
    | undefined
  const { phase, because } = stepOf(state, stepId) ?? {}
  return {
    ...{ op: observed?.op, code: observed?.code, observed: observed?.observed },
    ...{ failed: failed?.code, target: failed?.target, phase, because },
  }
}

const loginOf = async (role: string): Promise<string> => {
  const { rows } = await world.targetDba.query<{ login: string }>(
    'select rolcanlogin::text as login from pg_roles where rolname = $1',
    [role],
  )
  return rows[0]?.login ?? 'absent'
}

/** A rotation of billing up to the gate of retire, by a partner that lies first. */
async function upToRetire() {
  const caseId = await work.open('billing', { kind: 'rotate' })
  const password = world.secretOf('billing')
  const old = await work.connect({ user: 'billing_a', password, appears })
  await work.signAndPerform(caseId, { stepId: 'issue', by: ['per_ana'] })
  await work.signAndPerform(caseId, { stepId: 'cut-over', by: ['per_ana'] })
  const first = await work.deliver(caseId, 'cut-over')
  await work.claim(caseId, { stepId: 'cut-over', lease: first.lease })
  const lied = stepOf(await work.stateOf(caseId), 'cut-over')
  const { secret, lease } = await work.deliver(caseId, 'cut-over')
  const fresh = await work.connect({ user: 'billing_b', password: secret, appears })
  await work.claim(caseId, { stepId: 'cut-over', lease })
  return { caseId, old, fresh, lied }
}

const OWNERS = ['per_ana', 'per_ben'] as const

describe('a step', () => {
  it('is TARGET_REJECTED when the target does not let the connector change it, and changes nothing', async () => {
    const caseId = await work.open('ledger', { kind: 'rotate' })
    await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await world.targetDba.query('alter role countersign_admin nocreaterole')
    await work.perform(caseId, 'issue')
    expect(await refusedAt(caseId, 'issue')).toMatchObject({
      ...{ op: 'set', code: 'TARGET_REJECTED', failed: 'TARGET_REJECTED', target: 'clean' },
      ...{ observed: { sqlstate: '42501' }, phase: 'open', because: 'TARGET_REJECTED' },
    })
    expect(await loginOf('ledger_b')).toBe('false')
    await world.targetDba.query('alter role countersign_admin createrole')
    await work.signAndPerform(caseId, { stepId: 'issue', by: ['per_ana'] })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'cut-over' })
  })

  it('waits for the truth: a claim that is not seen, a credential in use, a death without control', async () => {
    const { caseId, old, fresh, lied } = await upToRetire()
    expect(lied).toMatchObject({
      phase: 'offered',
      because: 'CLAIM_CONTRADICTED',
      task: { claimId: null },
    })

    await work.signAndPerform(caseId, { stepId: 'retire', by: OWNERS })
    expect(await refusedAt(caseId, 'retire')).toMatchObject({
      ...{ op: 'observe-unused', code: 'STILL_IN_USE', failed: 'STILL_IN_USE', target: 'clean' },
      ...{ observed: { sessions: `${appears}:1` }, phase: 'open', because: 'STILL_IN_USE' },
    })
    expect(await loginOf('billing_a')).toBe('true')
    await old.end()

    const identity = { identityId: 'nhi_billing', credential: 'billing_a' }
    await registerSecret(world.connector, { ...identity, secret: 'not-its-secret' })
    await work.signAndPerform(caseId, { stepId: 'retire', by: OWNERS })
    expect(await refusedAt(caseId, 'retire')).toMatchObject({
      ...{ op: 'observe-unused', code: 'DEATH_UNPROVED', failed: 'DEATH_UNPROVED' },
      ...{ observed: { control: 'refused 28P01' }, because: 'DEATH_UNPROVED' },
    })
    expect(await loginOf('billing_a')).toBe('true')

    await registerSecret(world.connector, { ...identity, secret: world.secretOf('billing') })
    await work.signAndPerform(caseId, { stepId: 'retire', by: OWNERS })
    expect(await loginOf('billing_a')).toBe('false')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'close' })
    await fresh.end()
  })
})

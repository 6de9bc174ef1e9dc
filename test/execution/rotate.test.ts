import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCase } from '../../src/execution/deps.js'
import { renewedAt } from '../../src/store/schedule/renewals.js'
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

/** What the connector recorded under the grants of a step: a list for each transaction. */
async function commitsOf(caseId: string, stepId: string): Promise<readonly (readonly string[])[]> {
  const { rows } = await world.dba.query<{ commit: string; said: string }>(
    `select xmin::text as commit, coalesce(body ->> 'op', body ->> 'type') as said
       from entries, lateral (select convert_from(bytes, 'UTF8')::jsonb -> 'body' as body) entry
      where stream = $1 and body ->> 'stepId' = $2 and type in ('OperationObserved', 'StepPerformed')
      order by seq`,
    [caseId, stepId],
  )
  const commits = [...new Set(rows.map(({ commit }) => commit))]
  return commits.map((id) => rows.filter(({ commit }) => commit === id).map(({ said }) => said))
}

describe('a rotation on real PostgreSQL, without Temporal', () => {
  it('moves the credential by the owners’ signatures, step by step, and proves the old one dead', async () => {
    const caseId = await work.open('billing', { kind: 'rotate' })
    const password = world.secretOf('billing')
    const old = await work.connect({ user: 'billing_a', password, appears })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'issue', round: 1 })

    expect(await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })).toMatchObject({
      gate: 'satisfied',
    })
    await work.perform(caseId, 'issue')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'cut-over' })

    await work.approve(caseId, { stepId: 'close', person: 'per_ana' })
    await work.signAndPerform(caseId, { stepId: 'cut-over', by: ['per_ana'] })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'claim', stepId: 'cut-over' })

    const { secret, lease } = await work.deliver(caseId, 'cut-over')
    const fresh = await work.connect({ user: 'billing_b', password: secret, appears })
    await work.claim(caseId, { stepId: 'cut-over', lease })
    await old.end()

    expect(await work.approve(caseId, { stepId: 'retire', person: 'per_ana' })).toMatchObject({
      gate: 'waiting',
    })
    expect(await work.approve(caseId, { stepId: 'retire', person: 'per_ben' })).toMatchObject({
      gate: 'satisfied',
    })
    await work.perform(caseId, 'retire')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'perform', stepId: 'close' })
    await work.perform(caseId, 'close')

    const state = await work.stateOf(caseId)
    expect(state.outcome).toBe('completed')
    const last = (await readCase(world.connector, caseId)).recorded.at(-1)
    expect((await renewedAt(world.keeper.db, ['nhi_billing'])).get('nhi_billing')).toBe(last?.at)
    expect(state.facts).toEqual(
      expect.arrayContaining([
        ...['new-credential-works', 'consumer-on-new', 'old-unused', 'old-refused'],
        ...['no-session-left', 'evidence-complete'],
      ]),
    )
    await expect(work.connect({ user: 'billing_a', password, appears })).rejects.toMatchObject({
      code: '28000',
    })
    await fresh.end()

    // What was seen is kept before the next change of the target, and with the end of the step.
    expect(await commitsOf(caseId, 'issue')).toEqual([['stage', 'set', 'verify', 'StepPerformed']])
    expect(await commitsOf(caseId, 'retire')).toEqual([
      ['observe-unused'],
      ['disable'],
      ['end-sessions', 'prove-dead', 'StepPerformed'],
    ])
  })

  it('keeps a change that was made when what follows it fails, and goes on from there', async () => {
    await world.targetDba.query('alter role ledger_b connection limit 0')
    const caseId = await work.open('ledger', { kind: 'rotate' })
    await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await expect(work.perform(caseId, 'issue')).rejects.toMatchObject({ code: '53300' })
    const kept = async () =>
      (await readCase(world.connector, caseId)).recorded.flatMap(({ event }) =>
        event.type === 'OperationObserved' ? [`${event.op} ${event.outcome}`] : [],
      )
    expect(await kept()).toEqual(['stage done', 'set done'])
    await world.targetDba.query('alter role ledger_b connection limit -1')
    await work.perform(caseId, 'issue')
    expect(await kept()).toEqual(['stage done', 'set done', 'verify done'])
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'cut-over' })
  })
})

/** One step in so many goes to people although a mandate covers it: by a lot that everybody draws the same. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityScope } from '../../src/domain/authority/matter.js'
import { initial } from '../../src/domain/case/case.js'
import { isDrawn } from '../../src/domain/rights/mandate-record.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { openCase } from '../../src/store/case/open-case.js'
import { giveMandate, listMandates } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { verdictOn } from '../support/packets.js'
import { aMandate, signMandate } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const mandateOf = (mandateId: string) =>
  aMandate({
    ...{ mandateId, sendOneIn: 2 },
    covers: {
      ...{ kinds: ['deprovision'], steps: ['disable'], tiers: ['tier1'] },
      ...{ systems: null, partners: null, identities: null },
    },
  })

/** A deprovision with its plan, and a mandate for its first step by which it is drawn, or not. */
async function planned(name: string, drawn: boolean): Promise<string> {
  const { caseId } = must(
    await openCase(world.api, {
      request: {
        asked: { kind: 'deprovision', reassignTo: null },
        scope: identityScope(`nhi_${name}`),
        requester: { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' },
        ...{ change: 'standard', changeReference: null },
      },
      ...{ principal: 'dora', idempotencyKey: ulid() },
    }),
  )
  await drawPlan(world.connector, caseId)
  const state = await work.stateOf(caseId)
  await world.dba.query('delete from mandates')
  for (;;) {
    const mandate = mandateOf(ulid())
    if (isDrawn(mandate, { state, stepId: 'disable' }) !== drawn) continue
    must(await giveMandate(world.api, signMandate(world.authority.keys, mandate)))
    break
  }
  await openDueGate(world.connector, caseId)
  return caseId
}

describe('a mandate that sends some of its steps to people', () => {
  it('does not satisfy the gate of a step that the lot draws, which waits for signatures', async () => {
    const caseId = await planned('billing', true)
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'disable' })
  })

  it('satisfies the others; the packet verifies, and the week’s uses are listed', async () => {
    const caseId = await planned('ledger', false)
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'perform', stepId: 'disable' })
    await work.perform(caseId, 'disable')
    expect((await work.stateOf(caseId)).facts).toContain('access-disabled')
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    const [listed] = await listMandates(world.api, new Date().toISOString())
    expect(listed?.lately).toMatchObject([{ caseId, stepId: 'disable' }])
    const inAWeek = new Date(Date.now() + 8 * 86_400_000).toISOString()
    expect((await listMandates(world.api, inAWeek))[0]).toMatchObject({ used: 1, lately: [] })
  })

  it('draws about as many as it says, and never what has to be done at once', async () => {
    const caseId = await planned('reports', true)
    const state = await work.stateOf(caseId)
    const of = (stepId: string, from = state) => isDrawn(mandateOf(ulid()), { state: from, stepId })
    const draws = Array.from({ length: 400 }, () => of('disable')).filter(Boolean).length
    expect(draws).toBeGreaterThan(120)
    expect(draws).toBeLessThan(280)
    expect(of('disable', initial(caseId))).toBe(false)
    const { opened } = state
    if (opened === null) throw new Error('no case')
    const asked = { kind: 'contain', fenceId: ulid() } as const
    const contained = { ...state, opened: { ...opened, asked } }
    expect(Array.from({ length: 50 }, () => of('contain', contained))).not.toContain(true)
  })
})

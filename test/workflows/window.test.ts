/** A step with a window through Temporal: the workflow sleeps until it opens, says so, and goes on by itself. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ATTRIBUTES } from '../../src/contract/messages.js'
import { stepOf } from '../../src/domain/case/case.js'
import { due } from '../../src/domain/case/due.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { verdictOn } from '../support/packets.js'
import { installPack, windowedPack } from '../support/packs.js'
import { soon } from '../support/people.js'
import { aRig, phaseOf, type Rig, until } from '../support/rig.js'

/** Long enough for a slow machine to sign anew before it ends. */
const FROZEN_MS = 12_000

const hourOfDay = (ms: number): string => `'${soon(ms).slice(11, 13)}:00'`
/** Open now, whatever the time of day. */
const window = `{ days: [1, 2, 3, 4, 5, 6, 7], from: ${hourOfDay(-3_600_000)}, to: ${hourOfDay(12 * 3_600_000)} }`
const zone = 'UTC'

let rig: Rig
beforeAll(async () => {
  rig = await aRig({ pack: windowedPack({ zone, window }) })
})
afterAll(() => rig.stop())

const recordedOf = (caseId: string) => eventsSince(rig.world.db('cs_api'), { caseId, after: 0 })

async function detailsOf(caseId: string): Promise<string> {
  const { currentDetails = '' } = await rig.client.workflow
    .getHandle(caseId)
    .query<{ readonly currentDetails?: string }>('__temporal_workflow_metadata')
  return currentDetails
}

it('sleeps until the window opens, with a timer that says for what, and performs the step then', async () => {
  const caseId = await rig.open('billing')
  const handle = rig.client.workflow.getHandle(caseId)
  // The window that was open is frozen for a while: the connector asks, is refused, and a new gate opens.
  const freeze = { from: soon(-60_000), until: soon(FROZEN_MS) }
  const freezes = [`{ name: outage, from: '${freeze.from}', until: '${freeze.until}' }`]
  await installPack(rig.world, { pack: windowedPack({ zone, window, freezes }) })
  await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
  await until('its gate is open again', async () => {
    const step = stepOf(await rig.stateOf(caseId), 'issue')
    return step?.round === 2 && step.phase === 'open'
  })
  await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
  expect(due(await rig.stateOf(caseId))).toMatchObject({ kind: 'wait', until: freeze.until })

  await until('the workflow waits for the window', async () => (await phaseOf(handle)) === 'window')
  const { typedSearchAttributes: shown } = await handle.describe()
  expect(shown.get(ATTRIBUTES.waitingOn)).toEqual(['window'])
  expect(shown.get(ATTRIBUTES.deadline)).toEqual(new Date(freeze.until))
  expect(await detailsOf(caseId)).toContain(
    `### approved, waits for the window from ${freeze.until} to `,
  )

  await until('the next gate is open', async () => {
    const next = due(await rig.stateOf(caseId))
    return next.kind === 'decision' && next.stepId === 'cut-over'
  })
  const recorded = await recordedOf(caseId)
  const types = recorded.map(({ event }) => event.type)
  const [waited, opened, granted] = ['GateSatisfied', 'WindowOpened', 'Granted'].map((type) =>
    types.lastIndexOf(type as (typeof types)[number]),
  )
  expect([waited, opened, granted]).toEqual([waited, (waited ?? 0) + 1, (waited ?? 0) + 2])
  expect((recorded[opened ?? 0]?.at ?? '') >= freeze.until).toBe(true)
  const { events } = await handle.fetchHistory()
  const timers = (events ?? []).filter((event) => event.timerStartedEventAttributes)
  expect(timers.some((event) => event.userMetadata?.summary != null)).toBe(true)
  expect(await verdictOn(rig.world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  rig.keep('window', caseId)
})

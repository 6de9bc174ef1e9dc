/**
 * A step with a window on real PostgreSQL, on the night on which the clocks go forward in Berlin. The database shows
 * the times of that night, because it is the clock by which everything is decided.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRefusal } from '../../src/domain/refusal.js'
import { readCase } from '../../src/execution/deps.js'
import { openDueGate } from '../../src/execution/prepare.js'
import { entryFile } from '../../src/packet/files.js'
import { submitDecision } from '../../src/store/case/cases.js'
import { passDeadlines } from '../../src/store/case/deadlines.js'
import { passGate } from '../../src/store/case/gate.js'
import { filesOf, forge, reattest, type Written, writtenIn } from '../packet/forge.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf, verdictOn } from '../support/packets.js'
import { setClock, windowedPack } from '../support/packs.js'
import { aDecision, signDecision } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

/** Saturday from ten to four: 22:00 is winter time, 04:00 is summer time, and five hours lie between. */
const [FROM, UNTIL] = ['2027-03-27T21:00:00.000Z', '2027-03-28T02:00:00.000Z']
const [NEXT_FROM, NEXT_UNTIL] = ['2027-04-03T20:00:00.000Z', '2027-04-04T02:00:00.000Z']
const FREEZE = { from: '2027-03-26T00:00:00.000Z', until: '2027-03-27T12:00:00.000Z' }
const FOREVER = { notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2098-01-01T00:00:00.000Z' }

let world: World
let work: Casework
let [billing, ledger] = ['', '']
beforeAll(async () => {
  world = await aWorld(
    {},
    windowedPack({
      zone: 'Europe/Berlin',
      window: "{ days: [6], from: '22:00', to: '04:00' }",
      freezes: [`{ name: quarter end, from: '${FREEZE.from}', until: '${FREEZE.until}' }`],
    }),
  )
  work = caseworkIn(world)
})
afterAll(() => world.stop())

async function approve(caseId: string) {
  const { notAfter } = FOREVER
  const decision = aDecision(await work.stateOf(caseId), {
    ...{ stepId: 'issue', person: 'per_ana', overrides: { notAfter } },
  })
  const envelope = signDecision(world.authority.keys, decision)
  return must(await submitDecision(world.api, { caseId, envelope, door: 'api' }))
}
const typesOf = async (caseId: string) =>
  (await readCase(world.connector, caseId)).recorded.map(({ event }) => event.type)
const issueOf = async (caseId: string) => (await work.stateOf(caseId)).steps[0]
const askGate = async (caseId: string) => {
  const opening = (await readCase(world.connector, caseId)).recorded.findLast(
    ({ event }) => event.type === 'GateOpened',
  )?.event
  const preState = opening?.type === 'GateOpened' ? opening.preState : {}
  const answer = await passGate(world.connector, { caseId, stepId: 'issue', preState })
  return isRefusal(answer) ? answer : answer.answer
}

describe('a step that is approved before its window', () => {
  it('belongs to a case that does not open in a freeze', async () => {
    await setClock(world, '2027-03-27T11:00:00.000Z')
    expect(await work.ask('billing', { kind: 'rotate' })).toMatchObject({
      ...{ refused: 'NO_RULE', where: '/calendar/freezes' },
    })
  })

  it('waits, and the execution gate refuses it without taking the approval away', async () => {
    await setClock(world, '2027-03-27T20:00:00.000Z')
    billing = await work.open('billing', { kind: 'rotate' })
    ledger = await work.open('ledger', { kind: 'rotate' })
    for (const caseId of [billing, ledger]) {
      expect(await approve(caseId)).toMatchObject({ gate: 'satisfied' })
      expect(await work.dueOf(caseId)).toMatchObject({ kind: 'wait', until: FROM })
    }
    const before = await typesOf(billing)
    await work.perform(billing, 'issue')
    expect(await askGate(billing)).toMatchObject({
      gate: 'refused',
      refusal: { refused: 'OUTSIDE_WINDOW', detail: `it is open from ${FROM} to ${UNTIL}` },
    })
    expect(await passDeadlines(world.keeper.db)).toBe(0)
    expect(await typesOf(billing)).toEqual(before)
  })

  it('is performed once the window is open', async () => {
    await setClock(world, FROM)
    expect(await passDeadlines(world.keeper.db)).toBe(2)
    await work.perform(billing, 'issue')
    expect(await work.dueOf(billing)).toMatchObject({ kind: 'decision', stepId: 'cut-over' })
    expect(await typesOf(billing)).toEqual(expect.arrayContaining(['WindowOpened', 'Granted']))
  })
})

describe('a step whose window is over', () => {
  it('is refused by the execution gate, and has to be approved again for the next window', async () => {
    await setClock(world, UNTIL)
    await work.perform(ledger, 'issue')
    expect(await typesOf(ledger)).toEqual(expect.arrayContaining(['GateRefused']))
    expect(await issueOf(ledger)).toMatchObject({
      ...{ phase: 'open', round: 2, because: 'OUTSIDE_WINDOW', votes: [] },
      gate: { window: { from: NEXT_FROM, until: NEXT_UNTIL, now: 'shut' } },
    })
  })

  it('loses its approval even while no connector is there to ask', async () => {
    await approve(ledger)
    await setClock(world, NEXT_UNTIL)
    await passDeadlines(world.keeper.db)
    expect((await typesOf(ledger)).at(-1)).toBe('WindowClosed')
    await openDueGate(world.connector, ledger)
    expect(await issueOf(ledger)).toMatchObject({ phase: 'open', round: 3, votes: [] })
  })
})

describe('the packet', () => {
  it('verifies with its windows, the one that was used and those that were missed', async () => {
    for (const caseId of [billing, ledger])
      expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  const forged = async (rewrite: (written: Written[]) => Written[]) => {
    const bytes = await packetOf(world, billing)
    const { authority } = world
    const verdict = verdictOf(world, await forge({ bytes, authority, rewrite }))
    return verdict.problems[0]
  }
  const numberOf = async (type: string) =>
    writtenIn(filesOf(await packetOf(world, billing))).findIndex(({ body }) => body.type === type) +
    1
  /** Granted at another time, by an insider who holds the keys of connector and log. */
  const grantedAt = (at: string) =>
    forged((written) => {
      const kept = written.filter(({ body }) => body.type !== 'WindowOpened')
      const from = kept.findIndex(({ body }) => body.type === 'Granted')
      return kept.map((item, index) => ({
        ...item,
        at: index === from || (index > from && item.at < at) ? at : item.at,
      }))
    })

  it('does not verify when the step was granted before its window or after it', async () => {
    const where = entryFile((await numberOf('Granted')) - 1)
    expect(await grantedAt('2027-03-27T20:59:59.999Z')).toMatchObject({
      ...{ code: 'OUTSIDE_WINDOW', where },
    })
    expect(await grantedAt(UNTIL)).toMatchObject({ code: 'OUTSIDE_WINDOW', where })
  })

  it('does not verify when the gate was opened for another window than the pack gives', async () => {
    const seq = await numberOf('GateOpened')
    const key = world.authority.keys.connector
    const other = (window: object | null) =>
      forged((written) =>
        written.map((item, index) => {
          if (index !== seq - 1 || item.body.type !== 'GateOpened') return item
          const { window: _, ...rest } = item.body
          const event = { ...rest, ...(window === null ? {} : { window }) } as typeof item.body
          return { ...item, body: reattest(billing, { event, key }) }
        }),
      )
    const where = entryFile(seq)
    const code = 'JUDGEMENT_DIFFERS'
    expect(await other({ from: FROM, until: NEXT_UNTIL })).toMatchObject({ code, where })
    expect(await other(null)).toMatchObject({ code, where })
  })

  it('does not verify when the window is said to have opened too early', async () => {
    const seq = await numberOf('WindowOpened')
    const early = '2027-03-27T20:59:59.999Z'
    const problem = await forged((written) =>
      written.map((item, index) => (index === seq - 1 ? { ...item, at: early } : item)),
    )
    expect(problem).toMatchObject({ code: 'NOT_DUE', where: entryFile(seq) })
  })

  it('does not verify when the case was opened in a freeze', async () => {
    const problem = await forged((written) =>
      written.map((item, index) => (index === 0 ? { ...item, at: FREEZE.from } : item)),
    )
    expect(problem).toMatchObject({ code: 'NO_RULE', where: entryFile(1) })
  })
})

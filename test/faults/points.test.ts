/**
 * Kill -9 of the connector at each of its named points. Every point has a case of its own that is sure
 * to pass it; cases that wait until Temporal notices a lost connector go on beside the next points and
 * may be the ones that pass it first, so many of them are hit more than once.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { due } from '../../src/domain/case.js'
import type { Consumer } from '../../src/demo/system.js'
import { FAULT_POINTS, type FaultPoint } from '../../src/execution/faults.js'
import { type CaseView, type Parties, partiesOf } from '../journeys/parties.js'
import { type Running, runSystem } from '../journeys/running-system.js'
import {
  consumerProblems,
  effectProblems,
  grantProblems,
  packetProblems,
  say,
  strayEffects,
} from './invariants.js'
import { effectsOnTarget, logRoleChanges, type TargetEffect } from './target-log.js'

const ACCOUNTS = ['billing', 'ledger', 'payroll', 'reports'] as const

interface Ended {
  readonly point: FaultPoint
  readonly view: CaseView
}

let running: Running
let parties: Parties
const consumers = new Map<string, Consumer>()
const ended: Ended[] = []
let effects: readonly TargetEffect[] = []
let outcome: 'passed' | 'failed' = 'failed'

beforeAll(async () => {
  running = await runSystem({ accounts: ACCOUNTS })
  parties = partiesOf(running.system)
  for (const account of ACCOUNTS) consumers.set(account, await running.system.startConsumer(account))
  await logRoleChanges(running.system)
})

afterAll(async () => {
  for (const consumer of consumers.values()) await consumer.child.stop()
  await parties?.end()
  await running?.stop(outcome === 'passed' ? 'removed' : 'kept')
})

const context = ({ point, view }: Ended): string =>
  [`point ${point}`, `case ${view.state.caseId}`, say(view), `logs in ${running.system.dir}/logs`].join('\n')

/** The connector is running, and dies when anybody passes this point. */
async function arm(point: FaultPoint | null): Promise<void> {
  const { system, env } = running
  env['connector'] = point === null ? {} : { COUNTERSIGN_FAULT: point }
  await system.process('connector').kill()
  await system.startProcess('connector')
}

async function rotate(input: { point: FaultPoint; account: string }): Promise<void> {
  const { point, account } = input
  const consumer = consumers.get(account)
  if (consumer === undefined) throw new TypeError(`no consumer of ${account}`)
  const caseId = await parties.open({ account, changeReference: `CHG-${point}` })
  const decline = point === 'undo.after_effect' ? { decline: 'cut-over' } : {}
  ended.push({ point, view: await parties.carry({ caseId, consumer, ...decline }) })
}

/** Each point in turn, with the next account that has no open case. */
async function runAll(): Promise<void> {
  const busy = new Map<string, Promise<void>>()
  const free = async (): Promise<string> => {
    for (;;) {
      const account = ACCOUNTS.find((name) => !busy.has(name))
      if (account !== undefined) return account
      await Promise.race(busy.values())
    }
  }
  for (const point of FAULT_POINTS) {
    const account = await free()
    await arm(point)
    const { exited } = running.system.process('connector')
    const rotating = rotate({ point, account }).finally(() => busy.delete(account))
    busy.set(account, rotating)
    expect((await Promise.race([exited, failure(rotating)])).signal, `the connector at ${point}`).toBe('SIGKILL')
  }
  await arm(null)
  await Promise.all(busy.values())
}

/** Never resolves: a case that ends well does not end the wait for the connector's end. */
const failure = (work: Promise<void>): Promise<never> =>
  new Promise((_resolve, reject) => {
    work.catch(reject)
  })

describe('kill -9 of the connector at a named point', () => {
  it('happens at every point, and every case ends all the same', async () => {
    await runAll()
    effects = await effectsOnTarget(running.system)
    expect(ended.map(({ point }) => point).toSorted()).toEqual([...FAULT_POINTS].toSorted())
  })

  it.each(FAULT_POINTS)('at %s leaves one effect, whole evidence and the promised outcome', async (point) => {
    const found = ended.find((item) => item.point === point)
    if (found === undefined) throw new Error(`the case of ${point} did not end`)
    const { view } = found
    const wanted = point === 'undo.after_effect' ? 'rolled-back' : 'completed'
    const problems = [
      ...(view.state.outcome === wanted ? [] : [`${JSON.stringify(due(view.state))}`]),
      ...grantProblems(view),
      ...effectProblems(view, effects),
      ...(await packetProblems(running.system, { parties, view })),
    ]
    expect(problems, context(found)).toEqual([])
  })

  it('never changed a role without a grant that the ledger holds', () => {
    expect(strayEffects(ended.map(({ view }) => view), effects)).toEqual([])
  })

  it('never left a consumer without a credential that works', async () => {
    const all = [...consumers.values()].map((consumer) =>
      consumerProblems(running.system, { consumer, target: 'lived' }),
    )
    expect((await Promise.all(all)).flat(), `logs in ${running.system.dir}/logs`).toEqual([])
    outcome = 'passed'
  })
})

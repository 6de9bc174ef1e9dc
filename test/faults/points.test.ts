/**
 * Kill -9 of the connector at each of its named points. A new case that is sure to pass the point is
 * opened for each, while older ones that were hit go on beside it, once Temporal has noticed the loss,
 * and may be hit again; the kill takes whatever else the connector does at that moment with it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Consumer } from '../../src/demo/processes.js'
import { ROTATION_POINTS, type RotationPoint } from '../../src/execution/faults.js'
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
import { asSuperuser, effectsOnTarget, logRoleChanges, type TargetEffect } from './target-log.js'

/** Reached only by a case that an owner declines after the first step. */
const UNDONE: RotationPoint = 'undo.after_effect'
const ACCOUNTS = ['billing', 'ledger', 'payroll', 'orders'] as const

interface Ended {
  readonly point: RotationPoint
  readonly view: CaseView
}

let running: Running
let parties: Parties
const consumers = new Map<string, Consumer>()
const ended: Ended[] = []
const hit: RotationPoint[] = []
let effects: readonly TargetEffect[] = []
let failures = 0

beforeAll(async () => {
  running = await runSystem({ accounts: ACCOUNTS })
  parties = partiesOf(running.system)
  for (const account of ACCOUNTS)
    consumers.set(account, await running.system.startConsumer(account))
  await logRoleChanges(running.system)
})

afterEach(({ task }) => {
  if (task.result?.state === 'fail') failures += 1
})

afterAll(async () => {
  for (const consumer of consumers.values()) await consumer.child.stop()
  await parties?.end()
  await running?.stop(failures === 0 ? 'removed' : 'kept')
})

const context = ({ point, view }: Ended): string =>
  [
    `point ${point}`,
    `case ${view.state.caseId}`,
    say(view),
    `logs in ${running.system.dir}/logs`,
  ].join('\n')

/** The connector is running, and dies when anybody passes this point. */
async function arm(point: RotationPoint | null): Promise<void> {
  const { system, env } = running
  env.connector = point === null ? {} : { COUNTERSIGN_FAULT: point }
  await system.process('connector').kill()
  await system.startProcess('connector')
}

async function rotate(input: { point: RotationPoint; account: string }): Promise<void> {
  const { point, account } = input
  const consumer = consumers.get(account)
  if (consumer === undefined) throw new TypeError(`no consumer of ${account}`)
  const caseId = await parties.open({ account, changeReference: `CHG-${point}` })
  const decline = point === UNDONE ? { decline: 'cut-over' } : {}
  ended.push({ point, view: await parties.carry({ caseId, consumer, ...decline }) })
}

/** Each point in turn, with the next account that has no open case, unless an older case passes the point first. */
async function runAll(): Promise<void> {
  const busy = new Map<string, Promise<void>>()
  for (const point of ROTATION_POINTS) {
    await arm(point)
    const { exited } = running.system.process('connector')
    const died = exited.then(() => 'died' as const)
    const account = await Promise.race([died, freeAccount(busy)])
    if (account !== 'died') {
      const rotating = rotate({ point, account }).finally(() => busy.delete(account))
      busy.set(account, rotating)
      await Promise.race([died, failureOf(rotating)])
    }
    if ((await exited).signal === 'SIGKILL') hit.push(point)
  }
  await arm(null)
  await Promise.all(busy.values())
}

async function freeAccount(busy: ReadonlyMap<string, Promise<void>>): Promise<string> {
  for (;;) {
    const account = ACCOUNTS.find((name) => !busy.has(name))
    if (account !== undefined) return account
    await Promise.race(busy.values())
  }
}

/** Never resolves: a case that ends well does not end the wait for the connector's end. */
const failureOf = (work: Promise<void>): Promise<never> =>
  new Promise((_resolve, reject) => {
    work.catch(reject)
  })

describe('kill -9 of the connector at each named point', () => {
  it('happens, and every case ends all the same', async () => {
    await runAll()
    effects = await effectsOnTarget(running.system)
    expect(hit).toEqual([...ROTATION_POINTS])
  })

  it('leaves every case with its promised outcome', () => {
    for (const item of ended) {
      const wanted = item.point === UNDONE ? 'rolled-back' : 'completed'
      expect(item.view.state.outcome, context(item)).toBe(wanted)
    }
  })

  it('leaves at most one effective change on the target for each grant', () => {
    for (const item of ended) expect(effectProblems(item.view, effects), context(item)).toEqual([])
  })

  it('leaves exactly one outcome for each grant, and no observation without a grant', () => {
    for (const item of ended) expect(grantProblems(item.view), context(item)).toEqual([])
  })

  it('leaves a packet that verifies', async () => {
    for (const item of ended)
      expect(
        await packetProblems(running.system, { parties, view: item.view }),
        context(item),
      ).toEqual([])
  })

  it('never changed a role without a grant that the ledger holds', () => {
    const views = ended.map(({ view }) => view)
    expect(strayEffects(views, effects)).toEqual([])
  })

  it('never left a consumer without a credential that works', async () => {
    const all = [...consumers.values()].map((consumer) =>
      consumerProblems(running.system, { consumer, target: 'lived' }),
    )
    expect((await Promise.all(all)).flat(), `logs in ${running.system.dir}/logs`).toEqual([])
  })

  it('would have seen a change without a grant, and counts none that was rolled back', async () => {
    await asSuperuser(running.system, async (dba) => {
      await dba.query('begin')
      await dba.query('alter role billing_a')
      await dba.query('alter role billing_a login')
      await dba.query('rollback')
      await dba.query('alter role billing_b login')
    })
    const views = ended.map(({ view }) => view)
    expect(strayEffects(views, await effectsOnTarget(running.system))).toEqual([
      'other on billing_b under no grant',
    ])
  })
})

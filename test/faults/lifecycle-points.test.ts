/**
 * Kill -9 of the connector at each named point of a provision and of a deprovision: one case each, which
 * goes on after every kill, and what is on the target is what the entries say.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Asked } from '../../src/domain/shapes/asked.js'
import {
  DEPROVISION_POINTS,
  type FaultPoint,
  PROVISION_POINTS,
} from '../../src/execution/faults.js'
import { type CaseView, type Parties, partiesOf } from '../journeys/parties.js'
import { type Running, runSystem } from '../journeys/running-system.js'
import { grantProblems, packetProblems, say } from './invariants.js'
import { asSuperuser } from './target-log.js'

let running: Running
let parties: Parties
let failures = 0
beforeAll(async () => {
  running = await runSystem({ accounts: ['billing'] })
  parties = partiesOf(running.system)
})
afterEach(({ task }) => {
  if (task.result?.state === 'fail') failures += 1
})
afterAll(async () => {
  await parties?.end()
  await running?.stop(failures === 0 ? 'removed' : 'kept')
})

/** Starts the connector so that it dies at this point; resolves with the signal that ended it. */
async function arm(point: FaultPoint | null): Promise<NodeJS.Signals | null> {
  const { system, env } = running
  env.connector = point === null ? {} : { COUNTERSIGN_FAULT: point }
  await system.process('connector').kill()
  await system.startProcess('connector')
  return point === null ? null : (await system.process('connector').exited).signal
}

async function carriedThrough(input: {
  readonly asked: Asked
  readonly account: string
  readonly points: readonly FaultPoint[]
  readonly decline?: string
}): Promise<{ readonly view: CaseView; readonly signals: readonly (string | null)[] }> {
  const { asked, account, points, decline } = input
  const first = arm(points[0] ?? null)
  const caseId = await parties.open({ account, asked, changeReference: `CHG-${asked.kind}` })
  const carrying = parties.carry({
    ...{ caseId, consumer: null },
    ...(decline === undefined ? {} : { decline }),
  })
  const signals = [await first]
  for (const point of points.slice(1)) signals.push(await arm(point))
  await arm(null)
  return { view: await carrying, signals }
}

const roles = async (prefix: string): Promise<string[]> =>
  asSuperuser(running.system, async (dba) => {
    const { rows } = await dba.query<{ name: string }>(
      'select rolname as name from pg_roles where rolname like $1 order by 1',
      [`${prefix}\\_%`],
    )
    return rows.map(({ name }) => name)
  })

const killed = (points: readonly FaultPoint[]) => points.map(() => 'SIGKILL')

async function expectSound(view: CaseView): Promise<void> {
  expect(grantProblems(view), say(view)).toEqual([])
  expect(await packetProblems(running.system, { parties, view }), say(view)).toEqual([])
}

describe('kill -9 of the connector at each named point', () => {
  it('of a provision that is declined after the creation: nothing of it is left on the target', async () => {
    const { view, signals } = await carriedThrough({
      asked: { kind: 'provision', memberOf: ['payments_work'] },
      ...{ account: 'intake', points: PROVISION_POINTS, decline: 'enable' },
    })
    expect(signals).toEqual(killed(PROVISION_POINTS))
    expect(view.state.outcome, say(view)).toBe('rolled-back')
    expect(await roles('intake')).toEqual([])
    await expectSound(view)
  })

  it('of a deprovision: the identity is removed once, and its case is completed', async () => {
    const { view, signals } = await carriedThrough({
      asked: { kind: 'deprovision', reassignTo: null },
      ...{ account: 'billing', points: DEPROVISION_POINTS },
    })
    expect(signals).toEqual(killed(DEPROVISION_POINTS))
    expect(view.state.outcome, say(view)).toBe('completed')
    expect(await roles('billing')).toEqual([])
    await expectSound(view)
  })
})

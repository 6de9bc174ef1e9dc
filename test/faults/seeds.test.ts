/**
 * Seeded kills: each seed is one rotation during which three of the processes and servers are killed with
 * SIGKILL, each at a moment of the case that the seed draws, and started again at once.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Consumer } from '../../src/demo/processes.js'
import { type CaseView, type Parties, partiesOf } from '../journeys/parties.js'
import { type Running, runSystem } from '../journeys/running-system.js'
import { waitUntil } from '../support/wait.js'
import { type Cast, castOf } from './cast.js'
import {
  consumerProblems,
  effectProblems,
  grantProblems,
  packetProblems,
  say,
  strayEffects,
} from './invariants.js'
import { type Blow, sayBlow, scheduleOf, seedsFrom } from './schedule.js'
import { effectsOnTarget, logRoleChanges } from './target-log.js'

const SEEDS = seedsFrom(process.env)
const accountOf = (seed: number): string => `seed${seed}`

let running: Running
let parties: Parties
let cast: Cast
const views: CaseView[] = []
let passed = 0

beforeAll(async () => {
  running = await runSystem({ accounts: SEEDS.map(accountOf) })
  parties = partiesOf(running.system)
  cast = castOf(running)
  await logRoleChanges(running.system)
})

afterAll(async () => {
  await parties?.end()
  await cast?.stop()
  await running?.stop(passed === SEEDS.length ? 'removed' : 'kept')
})

/** Looks at the ledger until the moment of the blow is there. */
async function strike(caseId: string, blow: Blow): Promise<void> {
  const isReached = ({ recorded }: CaseView): boolean =>
    recorded.filter(({ event }) => event.type === blow.type).length >= blow.count
  await waitUntil(async () => isReached(await parties.read(caseId)))
  await pause(blow.laterMs)
  await cast.kill(blow.victim)
  await cast.start(blow.victim)
}

async function rotate(input: {
  seed: number
  consumer: Consumer
  blows: readonly Blow[]
}): Promise<CaseView> {
  const { seed, consumer, blows } = input
  const caseId = await parties.open({ account: accountOf(seed), changeReference: `CHG-${seed}` })
  let over = false
  const all = Promise.all([
    parties.carry({ caseId, consumer }),
    ...blows.map((blow) => strike(caseId, blow)),
  ]).finally(() => {
    over = true
  })
  const fell = waitUntil(() => over || cast.fallen().length > 0).then(() => 'fell' as const)
  const first = await Promise.race([all, fell])
  // Whoever ends because another one was killed would not be there when it comes back.
  if (first === 'fell' && !over) {
    const fallen = `${cast.fallen().join(' ')} ended by itself`
    throw new Error([fallen, ...told(seed, await parties.read(caseId))].join('\n'))
  }
  const [view] = await all
  return view
}

const told = (seed: number, view: CaseView): string[] => [
  `seed ${seed}`,
  ...scheduleOf(seed).map(sayBlow),
  say(view),
  `logs in ${running.system.dir}/logs`,
]

describe('kill -9 of any three processes and servers', () => {
  it.each(SEEDS)('seed %i leaves one effect, whole evidence and a case that ends', async (seed) => {
    const { system } = running
    const blows = scheduleOf(seed)
    const consumer = await system.startConsumer(accountOf(seed))
    const view = await rotate({ seed, consumer, blows })
    views.push(view)
    const effects = await effectsOnTarget(system)
    const target = blows.some(({ victim }) => victim === 'target') ? 'was killed' : 'lived'
    const problems = [
      ...(view.state.outcome === 'completed' ? [] : [`ended ${view.state.outcome}`]),
      ...grantProblems(view),
      ...effectProblems(view, effects),
      ...strayEffects(views, effects),
      ...(await consumerProblems(system, { consumer, target })),
      ...(await packetProblems(system, { parties, view })),
    ]
    await consumer.child.stop()
    expect(problems, told(seed, view).join('\n')).toEqual([])
    passed += 1
  })
})

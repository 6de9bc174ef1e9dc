/**
 * The tour: the life of identities in chapters, on the running system, as its users live it. It ends with the packet
 * of every case that was opened, asked for or not, verified. A chapter that does not hold ends the tour.
 */
import type { Consumer } from '../processes.js'
import type { Stage } from '../stage.js'
import { breakingGlass } from './breaking-glass.js'
import { drilling } from './drilling.js'
import { excepting } from './excepting.js'
import type { Chapter } from './hands.js'
import { offboarding } from './offboarding.js'
import { verifyAll } from './packets.js'
import { provisioning } from './provisioning.js'
import { recertifying } from './recertifying.js'
import { responding } from './responding.js'
import { reviewing } from './reviewing.js'
import { rotating } from './rotating.js'

const CHAPTERS: readonly Chapter[] = [
  ...[provisioning, rotating, recertifying, excepting],
  ...[responding, breakingGlass, reviewing, offboarding, drilling],
]

/** The accounts that the target has before the tour begins. */
export const tourAccounts = [
  'billing',
  'ledger',
  'archive',
  'reports',
  'vault',
  'canary',
  'emergency',
]

/** The line that says what was verified; rejects with the chapter that did not hold. */
export async function playTour(stage: Stage, print: (line: string) => void): Promise<string> {
  const started = performance.now()
  const consumer = consumersOf(stage)
  for (const [index, { title, play }] of CHAPTERS.entries()) {
    const number = `${index + 1}. ${title}`
    print(`\n${number}`)
    const say = (line: string) => print(`   ${line}`)
    await play({ stage, say, consumer }).catch((error: unknown) => {
      throw new Error(`chapter ${number} does not hold: ${(error as Error).message}`)
    })
  }
  print('\nThe evidence of all of it')
  const { packets, cases, entries, decisions, refusals } = await verifyAll({
    ...{ stage, consumer },
    say: (line) => print(`   ${line}`),
  })
  const seconds = Math.round((performance.now() - started) / 1000)
  print(`   ${CHAPTERS.length} chapters in ${seconds} s`)
  return `VERIFIED packets=${packets} cases=${cases} entries=${entries} decisions=${decisions} refusals=${refusals}`
}

/** Each is started once. */
function consumersOf({ system }: Stage) {
  const started = new Map<string, Promise<Consumer>>()
  return (account: string): Promise<Consumer> => {
    const known = started.get(account) ?? system.startConsumer(account)
    started.set(account, known)
    return known
  }
}

/**
 * The tour: the life of identities in chapters, on the running system, as its users live it. It ends with the packet
 * of every case that was opened, asked for or not, verified. A chapter that does not hold ends the tour.
 */
import type { Stage } from '../stage.js'
import type { Chapter } from './hands.js'
import { verifyAll } from './packets.js'
import { provisioning } from './provisioning.js'
import { recertifying } from './recertifying.js'
import { rotating } from './rotating.js'

const CHAPTERS: readonly Chapter[] = [provisioning, rotating, recertifying]

/** The accounts that the target has before the tour begins. */
export const tourAccounts = ['billing', 'ledger', 'archive', 'reports', 'vault', 'canary']

/** The line that says what was verified; rejects with the chapter that did not hold. */
export async function playTour(stage: Stage, print: (line: string) => void): Promise<string> {
  const started = performance.now()
  for (const [index, { title, play }] of CHAPTERS.entries()) {
    const number = `${index + 1}. ${title}`
    print(`\n${number}`)
    const say = (line: string) => print(`   ${line}`)
    await play({ stage, say }).catch((error: unknown) => {
      throw new Error(`chapter ${number} does not hold: ${(error as Error).message}`)
    })
  }
  print('\nThe evidence of all of it')
  const { packets, cases, entries, decisions, refusals } = await verifyAll({
    stage,
    say: (line) => print(`   ${line}`),
  })
  const seconds = Math.round((performance.now() - started) / 1000)
  print(`   ${CHAPTERS.length} chapters in ${seconds} s`)
  return `VERIFIED packets=${packets} cases=${cases} entries=${entries} decisions=${decisions} refusals=${refusals}`
}

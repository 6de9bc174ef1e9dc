/**
 * The tour: the life of identities in chapters, on the running system, as its users live it. It ends with the packet
 * of every case that was opened, asked for or not, verified. A chapter that does not hold ends the tour.
 */
import { join } from 'node:path'
import type { Consumer } from '../processes.js'
import type { Stage } from '../stage.js'
import { accountFor, isChange } from '../target-account.js'
import { committedOn, logStatements } from '../target-log.js'
import { breakingGlass } from './breaking-glass.js'
import { drilling } from './drilling.js'
import { excepting } from './excepting.js'
import type { Chapter } from './hands.js'
import { offboarding } from './offboarding.js'
import { type Verified, verifyAll } from './packets.js'
import { provisioning } from './provisioning.js'
import { recertifying } from './recertifying.js'
import { responding } from './responding.js'
import { reviewing } from './reviewing.js'
import { rotating } from './rotating.js'
import { silencing } from './silencing.js'

const CHAPTERS: readonly Chapter[] = [
  ...[provisioning, rotating, recertifying, excepting, silencing],
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
  const hands: string[] = []
  const byHand = async (sql: string): Promise<void> => {
    hands.push(sql)
    await stage.targetDba.query(sql)
  }
  await logStatements(stage.targetDba)
  for (const [index, { title, play }] of CHAPTERS.entries()) {
    const number = `${index + 1}. ${title}`
    print(`\n${number}`)
    const say = (line: string) => print(`   ${line}`)
    await play({ stage, say, consumer, byHand }).catch((error: unknown) => {
      throw new Error(`chapter ${number} does not hold: ${(error as Error).message}`)
    })
  }
  print('\nThe evidence of all of it')
  const { packets, cases, entries, decisions, refusals, told } = await verifyAll({
    ...{ stage, consumer, byHand },
    say: (line) => print(`   ${line}`),
  })
  print(`   ${await accounted(stage, { told, hands })}`)
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

/** The target's own log against the packets; rejects with each change that neither a grant nor a chapter explains. */
async function accounted(
  { system, targetDba: dba }: Stage,
  { told, hands }: { readonly told: Verified['told']; readonly hands: readonly string[] },
): Promise<string> {
  const logFile = join(system.dir, 'logs', 'target.log')
  const committed = await committedOn({ dba, logFile, counts: isChange })
  const { statements, grants, unexplained } = accountFor(committed, told)
  const stray = unexplained.filter((change) => !hands.some((sql) => change.endsWith(` ${sql}`)))
  if (stray.length > 0 || unexplained.length !== hands.length)
    throw new Error(`the target was changed without a signature: ${stray.join('; ')}`)
  return `every change on the target follows a signature or a mandate: ${statements} statements, ${grants} grants; ${hands.length} made by hand, and no other, without one`
}

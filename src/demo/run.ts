/** `demo` and `start`: the embedded system shown at work, or run as a service whose data survives. */
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { stopChildren } from '../embedded/children.js'
import { attackAccounts, playAll } from './attack/play.js'
import { recipientKey } from './configuration.js'
import { EMERGENCY } from './enterprise.js'
import { PROCESSES } from './processes.js'
import { showRotation, verifyOffline } from './rotation.js'
import { openStage } from './stage.js'
import { REGISTERED, type System, startSystem } from './system.js'
import { playTour, tourAccounts } from './tour/tour.js'

export interface DemoOptions {
  readonly attack?: boolean
  readonly keep?: boolean
  readonly me?: boolean
  readonly tour?: boolean
}

const HOME = '.countersign'
/** Accounts that a consumer works with; beside them there is a login that is kept for emergencies. */
const SERVED = ['billing', 'ledger']
const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** Returns the exit status: 0 when everything that was promised happened. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const dir = resolve(HOME, `demo-${process.pid}`)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const system = await startSystem({
    dir,
    accounts: accountsOf(options),
    progress: (line) => print(`… ${line}`),
    ...impatient(options),
  })
  let status = 1
  try {
    status = await play(system, options)
    if (options.keep === true) await untilTold()
    return status
  } finally {
    await system.stop()
    await stopChildren()
    if (status === 0 && options.keep !== true) await rm(dir, { recursive: true, force: true })
    else process.stderr.write(`Logs and data are kept in ${dir}\n`)
  }
}

const play = (system: System, options: DemoOptions): Promise<number> =>
  options.attack === true
    ? attack(system)
    : options.tour === true
      ? tour(system)
      : rotation(system, options)

const accountsOf = ({ attack, tour }: DemoOptions): readonly string[] =>
  tour === true ? tourAccounts : ['billing', ...(attack === true ? attackAccounts : [])]

/** Under attack a lost workflow is looked for at once instead of after a minute; on the tour the schedule looks every second. */
const impatient = ({ attack, tour }: DemoOptions) =>
  attack === true
    ? { env: { keeper: { COUNTERSIGN_RECONCILE_MS: '500', COUNTERSIGN_MISSING_GRACE_MS: '1000' } } }
    : tour === true
      ? { env: { keeper: { COUNTERSIGN_SCHEDULE_MS: '1000' } } }
      : {}

async function tour(system: System): Promise<number> {
  const stage = await openStage(system)
  try {
    print(await playTour(stage, print))
    return 0
  } catch (error) {
    print(`FAILED: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  } finally {
    await stage.close()
  }
}

async function rotation(system: System, options: DemoOptions): Promise<number> {
  const stage = await openStage(system)
  try {
    const owner = options.me === true ? 'me' : 'scripted'
    const { packetFile } = await showRotation({ stage, print, owner }, 'billing')
    const trustFile = join(system.dir, 'trust.json')
    const { line, where } = await verifyOffline({ packetFile, trustFile })
    if (options.keep === true) printAddresses(system)
    print(`Verified ${where}, from the packet and the trusted keys alone:`)
    print(line)
    return line === '' ? 1 : 0
  } finally {
    await stage.close()
  }
}

async function attack(system: System): Promise<number> {
  const stage = await openStage(system)
  try {
    print(
      'Abuse against the running system. Nothing may change on the target, and each leaves a record:',
    )
    const { failed } = await playAll(stage, print)
    print(
      failed === 0
        ? 'Every attempt was refused and recorded.'
        : `${failed} attempt(s) did not go as they must.`,
    )
    return failed === 0 ? 0 : 1
  } finally {
    await stage.close()
  }
}

/** The same system as a service: its folder survives a restart. */
export async function runStart(): Promise<number> {
  const dir = resolve(HOME, 'service')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const system = await startSystem({
    dir,
    accounts: [...SERVED, EMERGENCY],
    progress: (line) => print(`… ${line}`),
  })
  for (const account of [...SERVED, REGISTERED]) {
    const { url } = await system.startConsumer(account)
    print(`  consumer   ${url} (${account})`)
  }
  print(`  recipient  ${recipientKey(dir)} (${EMERGENCY})`)
  printAddresses(system)
  const ended = await Promise.race([untilTold(), firstToEnd(system)])
  if (ended !== undefined)
    print(`${ended} ended by itself: see ${join(system.dir, 'logs')}. Stopping.`)
  await system.stop()
  await stopChildren()
  return ended === undefined ? 0 : 1
}

function printAddresses(system: System): void {
  for (const [name, address] of Object.entries(system.addresses))
    print(`  ${name.padEnd(10)} ${address}`)
  print(`  profiles   ${join(system.dir, 'profiles')}`)
  print(`  logs       ${join(system.dir, 'logs')}`)
  print('Everything keeps running. Ctrl-C stops it.')
}

/** The name of the first process that ends without having been told to. */
const firstToEnd = (system: System): Promise<string> =>
  Promise.race(
    PROCESSES.map(async (name) => {
      await system.process(name).exited
      return name
    }),
  )

/** Everything keeps running until SIGINT or SIGTERM. */
const untilTold = (): Promise<void> =>
  new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done())
  })

/**
 * What a process says of itself in the evidence store: its start, with the digests of its build and of its
 * configuration, and how far its machine's clock is from the database's. Past the bound that is an entry, as is its
 * coming back. Nothing waits for it: a store that cannot be reached is told as soon as it can, and without it nobody acts.
 */
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { TOOL } from '../src/packet/files.js'
import { type Db, openDb } from '../src/store/db.js'
import { isFarOff, MOST_SKEW_MS, skewOf } from '../src/store/log/skew.js'
import {
  forgetClock,
  keepClock,
  type Running,
  recordClock,
  recordStart,
} from '../src/store/streams/processes.js'
import { buildDigest } from './build-digest.js'
import { startLoop } from './loop.js'
import { type Service, withEnd } from './service.js'
import { type Configurations, configurationDigest } from './stated.js'

const MEASURE_EVERY_MS = 15_000

/** Nothing is installed yet under which this process could act. */
export class NoAuthority extends Error {
  override readonly name = 'NoAuthority'
}

export interface Present<Name extends keyof Configurations> {
  readonly process: Name
  readonly config: Configurations[Name]
  readonly log: Logger
  /** This machine's, unless given. */
  readonly clock?: () => number
}

/** The service, whose start is recorded before it begins where the store can be reached, and whose clock is watched until it ends. */
export async function present<Name extends keyof Configurations>(
  of: Present<Name>,
  start: () => Promise<Service>,
): Promise<Service> {
  const { config, process, log } = of
  const db = openDb(config.databaseUrl, { name: `${process}-presence`, max: 1 })
  const running: Running = { process, instance: ulid() }
  const presence = createPresence({ ...of, db, running })
  let tried: () => void = () => undefined
  const first = new Promise<void>((resolve) => {
    tried = resolve
  })
  const loop = startLoop({
    ...{ name: 'presence', log, periodMs: MEASURE_EVERY_MS },
    work: () => presence().finally(tried),
  })
  const leave = async () => {
    await loop.stop()
    await forgetClock(db, running).catch(() => undefined)
    await db.end()
  }
  await first
  return withEnd(start, leave)
}

/** One round: afterwards the start is recorded, and what the clock is. Throws NoAuthority. */
export function createPresence<Name extends keyof Configurations>(
  of: Present<Name> & { readonly db: Db; readonly running: Running },
): () => Promise<void> {
  const { db, running, log, clock = Date.now } = of
  let told: 'nothing' | 'started' | 'off' = 'nothing'
  return async () => {
    const skewMs = Math.round(await surely(() => skewOf(db, clock)))
    if (told === 'nothing') {
      await started({ ...of, skewMs })
      told = 'started'
    }
    await keepClock(db, { ...running, skewMs })
    const off = isFarOff(skewMs)
    if (off === (told === 'off')) return
    await recordClock(db, { ...running, clock: off ? 'off' : 'right', skewMs })
    const words = off ? 'the clock is off the database’s' : 'the clock is right again'
    log.warn({ skewMs, mostMs: MOST_SKEW_MS }, words)
    told = off ? 'off' : 'started'
  }
}

/** A clock that seems off is looked at again: the way to the store may have been slow once. */
async function surely(measure: () => Promise<number>): Promise<number> {
  const once = await measure()
  if (!isFarOff(once)) return once
  const again = await measure()
  return Math.abs(again) < Math.abs(once) ? again : once
}

async function started<Name extends keyof Configurations>(
  of: Present<Name> & { readonly db: Db; readonly running: Running; readonly skewMs: number },
): Promise<void> {
  const { db, running, skewMs, process, config } = of
  const recorded = await recordStart(db, {
    ...{ type: 'ProcessStarted', ...running, host: hostOf(hostname()), tool: TOOL },
    ...{ build: buildDigest(), configuration: configurationDigest(process, config), skewMs },
  })
  if (recorded === 'not yet') throw new NoAuthority('no authority is installed yet')
}

/** As DNS spells it. */
const hostOf = (name: string): string => name.replaceAll(/[^A-Za-z0-9.-]/g, '-').slice(0, 63) || '-'

/**
 * The keeper: what must not depend on Temporal. It relays the outbox, sequences and signs the log as the
 * only holder of the log key, reconciles, and opens the cases that open by themselves. Each goes on while
 * another one fails, and all of them start without Temporal.
 */
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { type Env, type KeeperConfig, keeperConfig } from '../src/config.js'
import { loadKey } from '../src/keys/keystore.js'
import { nodeVerify } from '../src/keys/verify.js'
import type { WitnessPolicy } from '../src/ledger/witness-policy.js'
import { authoritySource } from '../src/store/authority/authority.js'
import { type Db, type Listener, listen, now, openDb } from '../src/store/db.js'
import { AWAITED } from '../src/store/log/proof.js'
import { keepPolicy } from '../src/store/log/witnesses.js'
import { type Loop, startLoop } from './loop.js'
import { measured } from './measured.js'
import { present } from './presence.js'
import { createReconciler } from './reconciler.js'
import { createRelay } from './relay.js'
import { createSchedule } from './schedule.js'
import { type Service, serve } from './service.js'
import { createSigning } from './signing.js'
import { startTelling } from './telling.js'
import { lazyClient } from './temporal.js'
import { createWitnessing } from './witnessing.js'

/** Entries are signed together with those of the next moment, unless somebody waits for a proof. */
const SIGN_WITHIN_MS = 250
/** Signing is woken by every commit; this is for a notification that was lost. */
const SIGN_AT_LEAST_EVERY_MS = 5000
/** Witnesses are asked for every signed head; this is for a notification that was lost. */
const ASK_AT_LEAST_EVERY_MS = 5000

export const run = (env: Env): Promise<void> =>
  serve({
    name: 'keeper',
    start: (log) => {
      const config = keeperConfig(env)
      const of = { process: 'keeper', config, log } as const
      return present(of, () => measured(of, () => startKeeper(config, log)))
    },
  })

/** Throws KeyFileFault; everything else that is missing is waited for. */
export async function startKeeper(config: KeeperConfig, log: Logger): Promise<Service> {
  const { path, ...options } = config.logKey
  const { signer } = await loadKey(path, options)
  const db = openDb(config.databaseUrl, { name: 'keeper' })
  const temporal = lazyClient(config.temporal, `cs-keeper@${hostname()}`)
  const authority = authoritySource({ trust: config.trust, verify: nodeVerify })
  const client = temporal.get
  const { missingGraceMs, intentGraceMs } = config
  const loops = {
    entries: startLoop({
      name: 'sequencer',
      log,
      periodMs: SIGN_AT_LEAST_EVERY_MS,
      work: createSigning({ db, authority, signer, stateDir: config.stateDir, log }),
    }),
    outbox: startLoop({
      name: 'relay',
      log,
      periodMs: config.relayPollMs,
      work: createRelay({ db, client, log }),
    }),
    schedule: startLoop({
      name: 'schedule',
      log,
      periodMs: config.scheduleMs,
      work: createSchedule({ db, authority, log }),
    }),
    reconcile: startLoop({
      name: 'reconciler',
      log,
      periodMs: config.reconcileMs,
      work: createReconciler({ db, client, log, missingGraceMs, intentGraceMs }),
    }),
  }
  const witnesses = startWitnesses({ db, log, policy: config.witnessPolicy })
  const telling = startTelling({ db, authority, settings: config.notices, log })
  const listening = listenForEver({
    db,
    url: config.databaseUrl,
    log,
    heard: (channel, payload) => {
      if (channel === 'outbox') loops.outbox.wake()
      else if (channel === 'checkpoint') for (const loop of witnesses) loop.wake()
      else {
        loops.entries.wake(payload === AWAITED ? 0 : SIGN_WITHIN_MS)
        telling.wake()
      }
    },
  })
  const stop = async (): Promise<void> => {
    await (await listening.stop())?.close()
    await Promise.all([...Object.values(loops), ...witnesses, telling].map((loop) => loop.stop()))
    await temporal.close()
    await db.end()
  }
  return withEnd({ ready: { process: 'keeper' }, stop })
}

/** One loop for each witness of the policy, so that one that hangs keeps nobody waiting, and one for the list of them. */
function startWitnesses(input: {
  readonly db: Db
  readonly log: Logger
  readonly policy: WitnessPolicy | null
}): readonly Loop[] {
  const { db, log, policy } = input
  if (policy === null) return []
  const asked = policy.witnesses.flatMap(({ url, ...witness }) =>
    url === null ? [] : [{ ...witness, url }],
  )
  return [
    startLoop({
      ...{ name: 'witness policy', log, periodMs: ASK_AT_LEAST_EVERY_MS },
      work: () => keepPolicy(db, policy),
    }),
    ...asked.map((witness) =>
      startLoop({
        ...{ name: `witness ${witness.name}`, log, periodMs: ASK_AT_LEAST_EVERY_MS },
        work: createWitnessing({ db, policy, witness }),
      }),
    ),
  ]
}

/** A service that ends only when it is stopped. */
function withEnd(input: Pick<Service, 'ready' | 'stop'>): Service {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  return { ...input, stop: () => input.stop().finally(end), ended }
}

/** Listening begins as soon as the store is there; the loops' own periods bridge until then. */
function listenForEver(input: {
  readonly db: Db
  readonly url: string
  readonly log: Logger
  readonly heard: (channel: string, payload: string) => void
}): { readonly stop: () => Promise<Listener | null> } {
  let opened: Listener | null = null
  const opening = startLoop({
    name: 'listener',
    log: input.log,
    periodMs: 2 ** 30,
    work: async () => {
      await now(input.db)
      opened ??= await listen({
        url: input.url,
        channels: ['entries', 'outbox', 'checkpoint'],
        heard: input.heard,
      })
      input.log.info('listening')
    },
  })
  return {
    stop: async () => {
      await opening.stop()
      return opened
    },
  }
}

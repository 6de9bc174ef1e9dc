/**
 * The signing loop's work: integrate and sign what is committed. The log's origin and key are those of the
 * verified authority bundle, or of the log that its officers opened after it; a key file that is not that key never signs. A *fork* stops signing for the
 * life of this process and is said loudly at every round; what else the keeper does goes on. While this machine's clock is far
 * from the database's nothing is signed either, which ends by itself.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { toBase64 } from '../src/domain/bytes/base64.js'
import { isRefusal } from '../src/domain/refusal.js'
import type { Signer } from '../src/keys/sign.js'
import { signNoteBytes } from '../src/keys/sign.js'
import { nodeVerify } from '../src/keys/verify.js'
import { followedLog } from '../src/ledger/successor-log.js'
import type { AuthoritySource } from '../src/store/authority/authority.js'
import type { Db } from '../src/store/db.js'
import { HIGH_WATER_FILE } from '../src/store/log/high-water.js'
import { keepRefused } from '../src/store/log/log-refused.js'
import { createSequencer, LogForked, type Sequencer } from '../src/store/log/sequencer.js'
import { isFarOff, MOST_SKEW_MS, skewOf } from '../src/store/log/skew.js'
import { openedLogs } from '../src/store/log/successors.js'

export interface SigningDeps {
  readonly db: Db
  readonly authority: AuthoritySource
  readonly signer: Signer
  readonly stateDir: string
  readonly log: Logger
  /** This machine's, unless given. */
  readonly clock?: () => number
}

/** Nothing can be signed yet, or not with this key. */
export class NotSigning extends Error {
  override readonly name = 'NotSigning'
}

export function createSigning(deps: SigningDeps): () => Promise<void> {
  let sequencer: Sequencer | null = null
  let forked: LogForked | null = null
  /** A process before this one may have said that nothing is signed. */
  let said = true
  const clockIsOff = watchClock(deps)
  return async () => {
    if (forked !== null) return say(deps, forked)
    if (await clockIsOff()) return
    sequencer ??= await openSequencer(deps)
    try {
      await sequencer.run()
      if (said) await keepRefused(deps.db, null)
      said = false
    } catch (error) {
      if (!(error instanceof LogForked)) throw error
      forked = error
      await say(deps, error)
    }
  }
}

/** In this process's log at every round, and in the store for whoever asks. */
async function say({ db, log }: SigningDeps, { message }: LogForked): Promise<void> {
  log.fatal(
    { fork: message, next: 'countersign restore status' },
    'the log is forked: nothing is signed',
  )
  await keepRefused(db, message)
}

const LOOK_EVERY_MS = 5000

/** Looked at now and then, and at every round while it is off; said at each such round, and once when it is right again. */
function watchClock({ db, log, clock = Date.now }: SigningDeps): () => Promise<boolean> {
  let off = false
  let lookAt = 0
  return async () => {
    if (!off && performance.now() < lookAt) return false
    const skewMs = Math.round(await skewOf(db, clock))
    lookAt = performance.now() + LOOK_EVERY_MS
    if (isFarOff(skewMs))
      log.fatal(
        { skewMs, mostMs: MOST_SKEW_MS },
        'the clock is off the database’s: nothing is signed',
      )
    else if (off) log.info({ skewMs }, 'the clock is right again: signing goes on')
    off = isFarOff(skewMs)
    return off
  }
}

async function openSequencer(deps: SigningDeps): Promise<Sequencer> {
  const { db, signer, stateDir } = deps
  const today = await deps.authority.today(db)
  if (isRefusal(today)) throw new NotSigning(`no authority bundle yet (${today.refused})`)
  const { trust } = deps.authority
  const opened = await openedLogs(db, { trust, verify: nodeVerify })
  if (isRefusal(opened)) throw new LogForked(`${opened.where}: ${opened.detail}`)
  const { origin, key } = followedLog(
    today.authority.root,
    opened.map(({ successor }) => successor),
  )
  if (signer.alg !== 'ed25519' || toBase64(signer.publicKey) !== key.publicKey)
    throw new NotSigning('the key file is not the log key of the authority bundle')
  await mkdir(stateDir, { recursive: true, mode: 0o700 })
  return createSequencer({
    db,
    signer: {
      origin,
      publicKey: signer.publicKey,
      sign: (message) => signNoteBytes(signer, message),
    },
    highWaterFile: join(stateDir, HIGH_WATER_FILE),
    opened,
  })
}

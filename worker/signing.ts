/**
 * The signing loop's work: integrate and sign what is committed. The log's origin and key are those of the
 * verified authority bundle; a key file that is not that key never signs. A *fork* stops signing for the
 * life of this process and is said loudly at every round; what else the keeper does goes on.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { toBase64 } from '../src/domain/base64.js'
import { isRefusal } from '../src/domain/refusal.js'
import type { Signer } from '../src/keys/sign.js'
import { signNoteBytes } from '../src/keys/sign.js'
import type { AuthoritySource } from '../src/store/authority.js'
import type { Db } from '../src/store/db.js'
import { createSequencer, LogForked, type Sequencer } from '../src/store/sequencer.js'

export interface SigningDeps {
  readonly db: Db
  readonly authority: AuthoritySource
  readonly signer: Signer
  readonly stateDir: string
  readonly log: Logger
}

/** Nothing can be signed yet, or not with this key. */
export class NotSigning extends Error {
  override readonly name = 'NotSigning'
}

export function createSigning(deps: SigningDeps): () => Promise<void> {
  let sequencer: Sequencer | null = null
  let forked: LogForked | null = null
  return async () => {
    if (forked !== null) {
      deps.log.fatal({ fork: forked.message }, 'the log is forked: nothing is signed')
      return
    }
    sequencer ??= await openSequencer(deps)
    try {
      await sequencer.run()
    } catch (error) {
      if (!(error instanceof LogForked)) throw error
      forked = error
      deps.log.fatal({ fork: error.message }, 'the log is forked: nothing is signed')
    }
  }
}

async function openSequencer(deps: SigningDeps): Promise<Sequencer> {
  const { db, signer, stateDir } = deps
  const today = await deps.authority.today(db)
  if (isRefusal(today)) throw new NotSigning(`no authority bundle yet (${today.refused})`)
  const { origin, key } = today.authority.root.log
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
    highWaterFile: join(stateDir, 'high-water.json'),
  })
}

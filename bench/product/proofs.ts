/** Time to a signed proof: an entry is committed, the keeper signs a head over it, its proof verifies here. */

import { LOG_ORIGIN } from '../../src/demo/enterprise.js'
import { fromBase64 } from '../../src/domain/bytes/base64.js'
import type { Digest } from '../../src/domain/bytes/digest.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { ed25519Verifier } from '../../src/ledger/note-key.js'
import { append, lockEnd } from '../../src/store/case/apply.js'
import { type Db, listen, transaction } from '../../src/store/db.js'
import { awaitProof, type Log } from '../../src/store/log/proof.js'
import type { ProductSide } from './side.js'

export interface ProofClock {
  /** Appends one entry and resolves with the milliseconds from its commit to its verified proof. */
  readonly once: () => Promise<number>
  readonly stop: () => Promise<void>
}

const WITHIN_MS = 10_000

export async function createProofClock({ system, stage }: ProductSide): Promise<ProofClock> {
  const published = new EventTarget()
  const listening = await listen({
    url: system.databaseUrl('cs_api'),
    channels: ['checkpoint'],
    heard: () => published.dispatchEvent(new Event('checkpoint')),
  })
  const { publicKey } = await system.genesis.key('key_log')
  const verifier = ed25519Verifier({
    name: LOG_ORIGIN,
    publicKey: fromBase64(publicKey) ?? new Uint8Array(),
    verify: nodeVerify,
  })
  const log: Log = { origin: LOG_ORIGIN, verifier }
  return {
    once: async () => {
      const hash = await commitOne(stage.db)
      const committed = performance.now()
      const proof = await awaitProof(stage.db, {
        ...{ hash, log, published, withinMs: WITHIN_MS, said: 'not yet' },
      })
      if (isRefusal(proof)) throw new Error(`${proof.refused} at ${proof.where}`)
      return performance.now() - committed
    },
    stop: () => listening.close(),
  }
}

/** An entry in a stream of the bench's own, which belongs to no case. */
const commitOne = (db: Db): Promise<Digest> =>
  transaction(db, async (tx) => {
    const locked = await lockEnd(tx, 'findings:bench')
    const [entry] = await append(tx, { locked, bodies: [{ type: 'FindingRecorded' }] })
    return entry?.hash ?? 'sha256:'
  })

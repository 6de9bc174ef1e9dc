/**
 * The signed inclusion proof of an entry: read the tiles, build the proof, verify it against the
 * checkpoint under the log's key from the root statement. What is returned has been verified.
 */
import { once } from 'node:events'
import { hexToBytes } from '@noble/hashes/utils.js'
import type { Digest } from '../domain/digest.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { type Opening, openCheckpoint } from '../ledger/checkpoint.js'
import { inclusionProof, tilesForInclusion, verifyInclusion } from '../ledger/proof.js'
import { tileHashReader } from '../ledger/tile.js'
import type { TlogProof } from '../ledger/tlog-proof.js'
import type { Db } from './db.js'
import { loadTiles } from './tiles.js'

/** The log as this process trusts it: its origin and key. */
export type Log = Pick<Opening, 'origin' | 'verifier'>

export const hashBytes = (digest: Digest): Uint8Array => hexToBytes(digest.slice('sha256:'.length))

/** The proof for the newest checkpoint, or null while the entry is not in a signed checkpoint yet. */
export async function proofOf(
  db: Db,
  input: { readonly hash: Digest; readonly log: Log },
): Promise<TlogProof | null | Refusal> {
  const { rows } = await db.query<{ index: string; note: string }>(
    `select l.index, c.note from leaves l
       join lateral (select note from checkpoints where size > l.index order by size desc limit 1) c on true
      where l.hash = $1`,
    [input.hash],
  )
  const [row] = rows
  if (row === undefined) return null
  const opened = openCheckpoint({ note: row.note, ...input.log })
  if (isRefusal(opened)) return opened
  const { size, root } = opened.checkpoint
  const index = Number(row.index)
  const readTile = await loadTiles(db, tilesForInclusion({ index, size }))
  const proof = inclusionProof({ index, size, hashReader: tileHashReader({ size, readTile }) })
  const leafHash = hashBytes(input.hash)
  return verifyInclusion({ index, size, leafHash, root, proof })
    ? { index, proof, checkpoint: row.note }
    : refuse('PROOF_INVALID', `/log/${index}`)
}

/** Waits until the entry has a verified signed proof; a refusal PROOF_MISSING after `withinMs`. */
export async function awaitProof(
  db: Db,
  input: {
    readonly hash: Digest
    readonly log: Log
    readonly withinMs: number
    readonly published: EventTarget
  },
): Promise<TlogProof | Refusal> {
  const over = AbortSignal.timeout(input.withinMs)
  for (;;) {
    const next = waitFor(input.published, over)
    const proof = await proofOf(db, input)
    if (proof !== null) return proof
    if ((await next) === 'over') return refuse('PROOF_MISSING', `/entries/${input.hash}`)
  }
}

/** Resolves at the next published checkpoint, or a little later in case the notification was lost. */
async function waitFor(published: EventTarget, over: AbortSignal): Promise<'published' | 'over'> {
  const round = AbortSignal.any([over, AbortSignal.timeout(500)])
  await once(published, 'checkpoint', { signal: round }).catch(() => undefined)
  return over.aborted ? 'over' : 'published'
}

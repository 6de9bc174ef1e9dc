/**
 * The signed inclusion proof of an entry: read the tiles, build the proof, verify it against the
 * checkpoint under the log's key from the root statement. What is returned has been verified.
 */
import { once } from 'node:events'
import { fromBase64 } from '../../domain/bytes/base64.js'
import type { Digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Root } from '../../domain/shapes/authority.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { type Opening, openCheckpoint } from '../../ledger/checkpoint.js'
import { leafOf } from '../../ledger/entry.js'
import { lineStart } from '../../ledger/note.js'
import { ed25519Verifier } from '../../ledger/note-key.js'
import { inclusionProof, tilesForInclusion, verifyInclusion } from '../../ledger/proof.js'
import { tileHashReader } from '../../ledger/tile.js'
import { tilePath } from '../../ledger/tile-path.js'
import type { TlogProof } from '../../ledger/tlog-proof.js'
import { type Db, prepared } from '../db.js'
import { loadTiles } from './tiles.js'
import { COSIGNED_NOTE } from './witnesses.js'

/** The log as this process trusts it: its origin and key. */
export type Log = Pick<Opening, 'origin' | 'verifier'>

/** The log as a root statement names it, never as the log does. */
export const logOf = ({ log }: Root, verify: Verify): Log => logNamed(log, verify)

export function logNamed({ origin, key }: Root['log'], verify: Verify): Log {
  const publicKey = fromBase64(key.publicKey) ?? new Uint8Array()
  return { origin, verifier: ed25519Verifier({ name: origin, publicKey, verify }) }
}

/** Against which head that the log's key signed: the newest, or the newest under which as many cosigned as the keeper's policy asks for. */
export type Heads = 'newest' | 'witnessed'

const HEADS: Readonly<Record<Heads, string>> = {
  newest: `select c.size, ${COSIGNED_NOTE} as note from checkpoints c
             where position($2 in c.note) > 0 order by c.size desc limit 1`,
  witnessed: `select c.size, ${COSIGNED_NOTE} as note from checkpoints c join quorums using (size)
               where position($2 in c.note) > 0 order by c.size desc limit 1`,
}

/** The proofs of all entries, in their order, against one checkpoint; null while it lacks one of them. */
export async function proofsOf(
  db: Db,
  input: { readonly hashes: readonly Digest[]; readonly log: Log; readonly heads?: Heads },
): Promise<readonly TlogProof[] | null | Refusal> {
  const { rows } = await db.query<{ hash: Digest; index: string; note: string }>(
    prepared(
      `select l.hash, l.index, c.note from leaves l, (${HEADS[input.heads ?? 'newest']}) c
        where l.hash = any($1) and l.index < c.size`,
      [input.hashes, lineStart(input.log.verifier)],
    ),
  )
  const [first] = rows
  const indexes = new Map(rows.map((row) => [row.hash, Number(row.index)]))
  if (first === undefined || !input.hashes.every((hash) => indexes.has(hash))) return null
  const opened = openCheckpoint({ note: first.note, ...input.log })
  if (isRefusal(opened)) return opened
  const { size, root } = opened.checkpoint
  const tiles = rows.flatMap(({ index }) => tilesForInclusion({ index: Number(index), size }))
  const byPath = new Map(tiles.map((tile) => [tilePath(tile), tile]))
  const readTile = await loadTiles(db, [...byPath.values()])
  const hashReader = tileHashReader({ size, readTile })
  const proofs: TlogProof[] = []
  for (const hash of input.hashes) {
    const index = indexes.get(hash) ?? -1
    const proof = inclusionProof({ index, size, hashReader })
    if (!verifyInclusion({ index, size, leafHash: leafOf(hash), root, proof }))
      return refuse('PROOF_INVALID', `/log/${index}`)
    proofs.push({ index, proof, checkpoint: first.note })
  }
  return proofs
}

/** Whether the log's key has signed any head of it. */
export async function isSigned(db: Db, log: Log): Promise<boolean> {
  const { rowCount } = await db.query(
    'select from checkpoints where position($1 in note) > 0 limit 1',
    [lineStart(log.verifier)],
  )
  return rowCount === 1
}

/** What the sequencer hears on the channel `entries` when somebody waits for a proof. */
export const AWAITED = 'awaited'

interface Awaiting {
  readonly log: Log
  readonly withinMs: number
  readonly heads?: Heads
  /** Whether the commit of the entries said that they are awaited, as that of a grant does. */
  readonly said: 'at commit' | 'not yet'
  /** Emits `checkpoint` when a new signed head is published. */
  readonly published: EventTarget
}

/** Waits until the entry has a verified signed proof; a refusal PROOF_MISSING after `withinMs`. */
export async function awaitProof(
  db: Db,
  input: Awaiting & { readonly hash: Digest },
): Promise<TlogProof | Refusal> {
  const proofs = await awaitProofs(db, { ...input, hashes: [input.hash] })
  if (isRefusal(proofs)) return proofs
  return proofs[0] ?? refuse('PROOF_MISSING', `/entries/${input.hash}`)
}

/** Waits until all entries have verified proofs against one checkpoint; PROOF_MISSING after `withinMs`. */
export async function awaitProofs(
  db: Db,
  input: Awaiting & { readonly hashes: readonly Digest[] },
): Promise<readonly TlogProof[] | Refusal> {
  const over = AbortSignal.timeout(input.withinMs)
  let asked = input.said === 'at commit'
  for (;;) {
    const next = waitFor(input.published, over)
    const proofs = await proofsOf(db, input)
    if (proofs !== null) return proofs
    if (!asked) await db.query(prepared("select pg_notify('entries', $1)", [AWAITED]))
    asked = true
    if ((await next) === 'over') return refuse('PROOF_MISSING', `/entries/${input.hashes.at(-1)}`)
  }
}

/** Resolves at the next published checkpoint, or a little later in case the notification was lost. */
async function waitFor(published: EventTarget, over: AbortSignal): Promise<'published' | 'over'> {
  const round = AbortSignal.any([over, AbortSignal.timeout(500)])
  await once(published, 'checkpoint', { signal: round }).catch(() => undefined)
  return over.aborted ? 'over' : 'published'
}

/**
 * The signer's *mark*: the largest head that it ever signed, in a file outside the database. What the store holds is
 * compared with it before anything is signed: it holds that head, or less (entries are *lost*), or another log.
 */
import { fromBase64 } from '../../domain/bytes/base64.js'
import type { Digest } from '../../domain/bytes/digest.js'
import type { Hash } from '../../domain/bytes/merkle.js'
import type { SuccessorLog } from '../../domain/shapes/successor-log.js'
import {
  consistencyProof,
  tilesForConsistency,
  tilesForRoot,
  verifyConsistency,
} from '../../ledger/proof.js'
import { frontierAt } from '../../ledger/subtree.js'
import { tileHashReader } from '../../ledger/tile.js'
import { rootOfFrontier } from '../../ledger/tree.js'
import type { Db, Tx } from '../db.js'
import { readDurable } from './durable.js'
import type { OpenedLog } from './successors.js'
import { loadTiles } from './tiles.js'

/** In the signer's folder. */
export const HIGH_WATER_FILE = 'high-water.json'

export interface HighWater {
  readonly size: number
  readonly root: string
  /** The log of which it is the head; absent where there was only one so far. */
  readonly origin?: string
  /** The signed note of that head. */
  readonly note?: string
}

/** What the signer remembers; null when there is no such file yet. */
export const readHighWater = async (file: string): Promise<HighWater | null> =>
  (await readDurable(file)) as HighWater | null

export type Compared =
  /** It extends the head. */
  | { readonly store: 'whole' }
  | { readonly store: 'lost'; readonly words: string }
  | { readonly store: 'other'; readonly words: string }

/** Whether the tree of this size and root, which is in the store, extends the head that was signed. */
export async function compareHead(
  db: Db | Tx,
  of: {
    readonly mark: Pick<HighWater, 'size' | 'root'>
    readonly size: number
    readonly root: Hash
  },
): Promise<Compared> {
  const { mark, size, root: newRoot } = of
  if (size < mark.size) return { store: 'lost', words: await lostWords(db, of) }
  const oldRoot = fromBase64(mark.root)
  const growth = { oldSize: mark.size, newSize: size }
  const readTile = await loadTiles(db, tilesForConsistency(growth))
  const proof = consistencyProof({ ...growth, hashReader: tileHashReader({ size, readTile }) })
  if (oldRoot !== null && verifyConsistency({ ...growth, oldRoot, newRoot, proof }))
    return { store: 'whole' }
  return {
    store: 'other',
    words: `the store has another log than the one of which ${mark.size} entries were signed: a backup was restored, or entries were changed`,
  }
}

/** One line: what was expected, what is there, how much is gone and since when. */
async function lostWords(
  db: Db | Tx,
  { mark, size }: { readonly mark: Pick<HighWater, 'size'>; readonly size: number },
): Promise<string> {
  const { rows } = await db.query<{ at: string }>(
    `select convert_from(e.bytes, 'UTF8')::json ->> 'at' as at
       from leaves l join entries e on e.hash = l.hash order by l.index desc limit 1`,
  )
  const since = rows[0] === undefined ? '' : `, those after ${rows[0].at}`
  return `the store has a log of ${size} entries, but ${mark.size} were signed: a backup was restored, or a fail-over lost commits; ${mark.size - size} entries are gone${since}`
}

/** The tree as it is stored, whole to the last leaf. */
export async function storedHead(
  db: Db | Tx,
): Promise<{ readonly size: number; readonly root: Hash }> {
  const { rows } = await db.query<{ size: string }>(
    'select coalesce(max(index) + 1, 0) as size from leaves',
  )
  const size = Number(rows[0]?.size ?? 0)
  const readTile = await loadTiles(db, tilesForRoot(size))
  const hashReader = tileHashReader({ size, readTile })
  return { size, root: rootOfFrontier(frontierAt({ size, hashReader })) }
}

/**
 * The mark in the log of this origin. The mark of another log counts where officers signed that this one follows it, and
 * know of a head no smaller than the mark; else the words that say why nothing is signed.
 */
export function markIn(
  origin: string,
  of: { readonly mark: HighWater; readonly opened: readonly OpenedLog[] },
): { readonly mark: HighWater; readonly begins: OpenedLog | null } | { readonly words: string } {
  const { mark, opened } = of
  const known = mark.origin ?? opened[0]?.successor.from.origin ?? origin
  const own = opened.find(({ successor }) => successor.to.origin === origin) ?? null
  if (known === origin) return { mark, begins: own }
  if (own === null || own.successor.from.origin !== known)
    return {
      words: `${mark.size} entries of ${known} were signed, and no statement of its officers leads from there to ${origin}`,
    }
  const { highest, restored } = own.successor
  return isKnownTo(own.successor, mark)
    ? { mark: { origin, ...restored }, begins: own }
    : {
        words: `the officers knew of ${highest.size} entries of ${known}, but ${mark.size} were signed, or others`,
      }
}

const isKnownTo = ({ highest }: SuccessorLog, mark: HighWater): boolean =>
  mark.size < highest.size || (mark.size === highest.size && mark.root === highest.root)

/** Tests whether the entry of this hash is the first one after the head with which the successor log begins, or waits to be. */
export async function beginsWith(
  db: Db | Tx,
  { successor, hash }: Pick<OpenedLog, 'successor' | 'hash'>,
): Promise<boolean> {
  const { size } = successor.restored
  const { rows } = await db.query<{ hash: Digest }>(
    `select hash from leaves where index = $1
     union all select hash from (select hash from unsequenced order by id limit 1) first
      where not exists (select from leaves where index = $1)`,
    [size],
  )
  return rows[0]?.hash === hash
}

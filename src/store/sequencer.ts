/**
 * The sequencer integrates committed entries, in batches, into one Merkle log and signs its head.
 * One at a time (advisory lock held by a session). Order: tiles and leaves commit, the high-water
 * mark outside the database rises, then the checkpoint is signed and published. Nothing is signed
 * before it is committed; nothing smaller or different is signed after a restore.
 */
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fromBase64, toBase64 } from '../domain/base64.js'
import type { Digest } from '../domain/digest.js'
import { type Checkpoint, signCheckpoint } from '../ledger/checkpoint.js'
import {
  consistencyProof,
  tilesForConsistency,
  tilesForRoot,
  verifyConsistency,
} from '../ledger/proof.js'
import { rootAt } from '../ledger/subtree.js'
import { edgeTiles, newTiles, tileHashReader } from '../ledger/tile.js'
import { emptyRoot } from '../ledger/tree.js'
import { type Db, type Tx, transaction } from './db.js'
import { hashBytes } from './proof.js'
import { loadTiles, storeTiles } from './tiles.js'

const BATCH = 2000

export interface LogSigner {
  readonly origin: string
  readonly publicKey: Uint8Array
  readonly sign: (message: Uint8Array) => Uint8Array
}

/** The largest head ever signed, kept in a file outside the database. */
interface HighWater {
  readonly size: number
  readonly root: string
}

/** The stored tree is smaller than, or differs from, what was signed before. Signing stops until people decide. */
export class LogForked extends Error {
  override readonly name = 'LogForked'
}

export interface Sequencer {
  /** Integrates and signs everything that is committed; returns the tree size. */
  readonly run: () => Promise<number>
}

export function createSequencer(input: {
  readonly db: Db
  readonly signer: LogSigner
  readonly highWaterFile: string
}): Sequencer {
  let signed: number | null = null
  return {
    run: async () => {
      if (signed === null) signed = await checkHighWater(input)
      for (;;) {
        const head = await transaction(input.db, (tx) => integrate(tx))
        if (head.size > 0 && head.size > signed) {
          await publish({ ...input, head })
          signed = head.size
        }
        if (head.added < BATCH) return head.size
      }
    },
  }
}

interface Head {
  readonly size: number
  readonly root: Uint8Array
  readonly added: number
}

/** Afterwards the tree in the database extends the largest head ever signed. */
async function checkHighWater(input: { db: Db; highWaterFile: string }): Promise<number> {
  const mark = await readHighWater(input.highWaterFile)
  if (mark === null) return 0
  const oldRoot = fromBase64(mark.root)
  const { size, root } = await transaction(input.db, (tx) => headOf(tx))
  if (oldRoot === null || size < mark.size)
    throw new LogForked(`the log has ${size} entries, ${mark.size} were signed`)
  const growth = { oldSize: mark.size, newSize: size }
  const readTile = await loadTiles(input.db, tilesForConsistency(growth))
  const proof = consistencyProof({ ...growth, hashReader: tileHashReader({ size, readTile }) })
  if (!verifyConsistency({ ...growth, oldRoot, newRoot: root, proof }))
    throw new LogForked('the log does not extend what was signed')
  // The last signed head may not have been published: the next run signs again.
  return (await hasCheckpoint(input.db, mark.size)) && size === mark.size ? mark.size : 0
}

const hasCheckpoint = async (db: Db, size: number): Promise<boolean> =>
  (await db.query('select 1 from checkpoints where size = $1', [size])).rowCount === 1

async function integrate(tx: Tx): Promise<Head> {
  await tx.query('select pg_advisory_xact_lock(7215301)')
  const { rows } = await tx.query<{ hash: Digest }>(
    `with batch as (select id from unsequenced order by id limit ${BATCH}),
          gone as (delete from unsequenced u using batch where u.id = batch.id returning u.id, u.hash)
     select hash from gone order by id`,
  )
  const oldSize = await sizeOf(tx)
  if (rows.length === 0) return { ...(await headOf(tx)), added: 0 }
  const leafHashes = rows.map((row) => hashBytes(row.hash))
  const readTile = await loadTiles(tx, edgeTiles(oldSize))
  await storeTiles(tx, newTiles({ oldSize, leafHashes, readTile }))
  await tx.query(
    'insert into leaves (index, hash) select $1::bigint + i - 1, ($2::text[])[i] from generate_series(1, $3::int) i',
    [oldSize, rows.map((row) => row.hash), rows.length],
  )
  return { ...(await headOf(tx)), added: rows.length }
}

async function sizeOf(tx: Tx): Promise<number> {
  const { rows } = await tx.query<{ size: string }>(
    'select coalesce(max(index) + 1, 0) as size from leaves',
  )
  return Number(rows[0]?.size ?? 0)
}

async function headOf(tx: Tx): Promise<Head> {
  const size = await sizeOf(tx)
  if (size === 0) return { size, root: emptyRoot(), added: 0 }
  const readTile = await loadTiles(tx, tilesForRoot(size))
  return { size, root: rootAt({ size, hashReader: tileHashReader({ size, readTile }) }), added: 0 }
}

async function publish(input: {
  readonly db: Db
  readonly signer: LogSigner
  readonly highWaterFile: string
  readonly head: Head
}): Promise<void> {
  const { db, signer, head } = input
  await raiseHighWater(input.highWaterFile, { size: head.size, root: toBase64(head.root) })
  const checkpoint: Checkpoint = {
    origin: signer.origin,
    size: head.size,
    root: head.root,
    extensions: [],
  }
  const note = await signCheckpoint({ checkpoint, publicKey: signer.publicKey, sign: signer.sign })
  await db.query(
    `with stored as (insert into checkpoints (size, note) values ($1, $2) on conflict do nothing)
     select pg_notify('checkpoint', '')`,
    [head.size, note],
  )
}

async function readHighWater(file: string): Promise<HighWater | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return text === null ? null : (JSON.parse(text) as HighWater)
}

/** Durable before anything is signed: written aside, flushed, renamed, and the folder flushed. */
async function raiseHighWater(file: string, mark: HighWater): Promise<void> {
  const aside = await open(`${file}.next`, 'w', 0o600)
  try {
    await aside.writeFile(JSON.stringify(mark))
    await aside.sync()
  } finally {
    await aside.close()
  }
  await rename(`${file}.next`, file)
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

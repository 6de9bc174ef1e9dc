/** What a packet of a successor log carries besides: the entries with which such logs began, and that the tree extends what was left before each. */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { toBase64 } from '../../domain/bytes/base64.js'
import { isRefusal } from '../../domain/refusal.js'
import { readEntry } from '../../ledger/entry.js'
import { consistencyProof, tilesForConsistency } from '../../ledger/proof.js'
import { tileHashReader } from '../../ledger/tile.js'
import type { Db } from '../../store/db.js'
import type { Log } from '../../store/log/proof.js'
import { loadTiles } from '../../store/log/tiles.js'
import type { Files } from '../archive.js'
import { consistencyFile } from '../files.js'
import { gapIn, statementOf } from '../verify/verify-successors.js'
import type { SideRow } from './collect.js'

const isOfLog = ({ stream }: SideRow): boolean => stream.startsWith('log:')

/** The entry of the row, and what it says. */
function statedBy({ bytes }: SideRow) {
  const stored = readEntry(new Uint8Array(bytes))
  const successor = isRefusal(stored) ? stored : statementOf(stored)
  return isRefusal(stored) || isRefusal(successor) ? null : { stored, successor }
}

/** The entries with which successor logs of the store began. */
export async function successorRows(db: Pick<Db, 'query'>): Promise<readonly SideRow[]> {
  const { rows } = await db.query<SideRow>(
    "select stream, seq, bytes from entries where stream_kind(stream) = 'log' order by stream, seq",
    [],
  )
  return rows
}

/** The same evidence with every entry of the log's own stream, where it is a successor log. */
export async function withLog<Of extends { readonly sides: readonly SideRow[] }>(
  db: Pick<Db, 'query'>,
  { gathered, log }: { readonly gathered: Of; readonly log: Pick<Log, 'origin'> },
): Promise<Of> {
  const rows = await successorRows(db)
  const isBegun = rows.some((row) => statedBy(row)?.successor.to.origin === log.origin)
  return isBegun ? { ...gathered, sides: [...gathered.sides, ...rows] } : gathered
}

export const gapsBeside = (
  sides: readonly SideRow[],
  indexes: readonly number[],
): readonly string[] =>
  sides.filter(isOfLog).flatMap((row) => {
    const stated = statedBy(row)
    return stated === null ? [] : gapIn(stated.stored, indexes)
  })

/** For each successor log the proof from what was left before it to the head of this size. */
export async function consistencyFiles(
  db: Db,
  { sides, size }: { readonly sides: readonly SideRow[]; readonly size: number },
): Promise<Files> {
  const files = new Map<string, Uint8Array>()
  for (const row of sides.filter(isOfLog)) {
    const oldSize = statedBy(row)?.successor.restored.size ?? size
    if (oldSize >= size) continue
    const growth = { oldSize, newSize: size }
    const readTile = await loadTiles(db, tilesForConsistency(growth))
    const proof = consistencyProof({ ...growth, hashReader: tileHashReader({ size, readTile }) })
    const text = proof.map(toBase64).join('\n')
    files.set(consistencyFile(row.stream, row.seq), utf8ToBytes(text))
  }
  return files
}

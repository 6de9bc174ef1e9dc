/** Documents that partners handed in, by the digest that their claims name, where they can be erased. */
import { type Digest, digestOf } from '../../domain/bytes/digest.js'
import type { Db, Tx } from '../db.js'

/** The same one again changes nothing. */
export async function keepDocument(tx: Tx, bytes: Uint8Array): Promise<void> {
  await tx.query(
    'insert into documents_side (digest, bytes) values ($1, $2) on conflict do nothing',
    [digestOf(bytes), Buffer.from(bytes)],
  )
}

/** Null when nothing of this digest is there: not handed in, erased, or not the same bytes any more. */
export async function documentBytes(db: Db, digest: Digest): Promise<Uint8Array | null> {
  const { rows } = await db.query<{ bytes: Buffer }>(
    'select bytes from documents_side where digest = $1',
    [digest],
  )
  const bytes = rows[0]?.bytes
  return bytes === undefined || digestOf(bytes) !== digest ? null : new Uint8Array(bytes)
}

/** Policy packs, content-addressed: a pack is believed only under the hash that the authority bundle signs. */

import { packInForce } from '../../domain/approval/count.js'
import type { Authority } from '../../domain/authority/authority.js'
import type { Digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { PackReference } from '../../domain/shapes/authority.js'
import type { Pack } from '../../domain/shapes/policy.js'
import { type PackFiles, packHash, parsePack } from '../../packs/load.js'
import type { Db, Tx } from '../db.js'

export interface LoadedPack {
  readonly pack: Pack
  readonly hash: Digest
}

/** The pack in force at `at`: the newest effective one that the authority names. */
export function packSource(): (
  db: Db | Tx,
  input: { readonly authority: Authority; readonly at: string },
) => Promise<LoadedPack | Refusal> {
  const cache = new Map<Digest, Pack>()
  return async (db, { authority, at }) => {
    const reference = packInForce(authority, at)
    if (reference === undefined) return refuse('POLICY_UNSIGNED', '/policy/packs')
    const known = cache.get(reference.hash)
    if (known !== undefined) return { pack: known, hash: reference.hash }
    const pack = await storedPack(db, reference)
    if (isRefusal(pack)) return pack
    cache.set(reference.hash, pack)
    return { pack, hash: reference.hash }
  }
}

/** The pack of this reference, read again from its stored text. */
export async function storedPack(
  db: Db | Tx,
  { hash, packId }: Pick<PackReference, 'hash' | 'packId'>,
): Promise<Pack | Refusal> {
  const { rows } = await db.query<{ files: PackFiles }>('select files from packs where hash = $1', [
    hash,
  ])
  const files = rows[0]?.files
  if (files === undefined)
    return refuse('POLICY_INVALID', `/packs/${packId}`, 'the pack is not stored')
  if (packHash(files) !== hash) return refuse('POLICY_UNSIGNED', `/packs/${packId}`)
  return parsePack(files)
}

/** Stores a pack under its hash; storing is not believing. */
export async function storePack(db: Db | Tx, files: PackFiles): Promise<Digest> {
  const hash = packHash(files)
  await db.query('insert into packs (hash, files) values ($1, $2) on conflict do nothing', [
    hash,
    JSON.stringify(files),
  ])
  return hash
}

/**
 * The log for anybody (C2SP tlog-tiles): no token, because a record discloses nothing. What is not in the
 * signed tree is not there: 404, and in no cache.
 */
import { isRefusal } from '../domain/refusal.js'
import { parseEntriesPath, parseTilePath } from '../ledger/tile-path.js'
import { servedBundle, servedCheckpoint, servedTile } from '../store/log/served-log.js'
import type { OpenHandler, Reply } from './call.js'

const PUBLIC = {
  'Access-Control-Allow-Origin': '*',
  'Cross-Origin-Resource-Policy': 'cross-origin',
} as const
const IMMUTABLE = {
  ...PUBLIC,
  'Content-Type': 'application/octet-stream',
  'Cache-Control': 'public, max-age=31536000, immutable',
} as const
/** A newer head may come at any moment. */
const HEAD = {
  ...PUBLIC,
  'Content-Type': 'text/plain; charset=utf-8',
  'Cache-Control': 'public, max-age=1',
} as const

export const checkpoint: OpenHandler = async ({ db }) => {
  const note = await servedCheckpoint(db)
  return note === null ? 'absent' : { headers: HEAD, body: Buffer.from(note) }
}

/** UNTRUSTED: the path. Each tile and bundle has one spelling; every other one is not there. */
export const tile: OpenHandler = async ({ db }, { path }) => {
  const bundle = parseEntriesPath(path)
  if (!isRefusal(bundle)) return reply(await servedBundle(db, bundle))
  const asked = parseTilePath(path)
  return isRefusal(asked) ? 'absent' : reply(await servedTile(db, asked))
}

const reply = (body: Uint8Array | null): Reply | 'absent' =>
  body === null ? 'absent' : { headers: IMMUTABLE, body }

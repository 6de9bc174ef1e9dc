/**
 * Where a tile lives (C2SP tlog-tiles): `tile/<L>/<N>[.p/<W>]` for hashes, `tile/entries/<N>[.p/<W>]` for
 * entries; `<N>` in zero-padded groups of three digits, all but the last marked with `x`.
 * A *tile* is up to 256 consecutive hashes of one level; a *bundle* is the entries under a level-0 tile.
 * Parsing accepts exactly what formatting writes, so one tile has one path.
 */
import { type Refusal, refuse } from '../domain/refusal.js'
import { isSize } from './tree.js'

/** Hashes in a full tile. */
export const TILE_WIDTH = 256

export interface Bundle {
  readonly index: number
  /** 1 to 256; below 256 the tile is partial. */
  readonly width: number
}

/** `level` 0 holds leaf hashes; each hash of level n + 1 is the root of one full tile of level n. */
export interface Tile extends Bundle {
  readonly level: number
}

/** C2SP tlog-tiles: levels go from 0 to 63. */
const MAX_LEVEL = 63

export const tilePath = ({ level, ...bundle }: Tile): string =>
  `tile/${assertLevel(level)}/${indexPath(bundle)}`

export const entriesPath = (bundle: Bundle): string => `tile/entries/${indexPath(bundle)}`

/** UNTRUSTED: `path` is what somebody asked for. */
export function parseTilePath(path: string): Tile | Refusal {
  const level = /^tile\/([0-9]{1,2})\//.exec(path)?.[1]
  if (level === undefined || Number(level) > MAX_LEVEL) return refuse('MALFORMED', 'tile')
  const bundle = parseIndexPath(path.slice(`tile/${level}/`.length))
  if (bundle === null) return refuse('MALFORMED', 'tile')
  const tile = { level: Number(level), ...bundle }
  return tilePath(tile) === path ? tile : refuse('MALFORMED', 'tile')
}

/** UNTRUSTED: `path` is what somebody asked for. */
export function parseEntriesPath(path: string): Bundle | Refusal {
  const prefix = 'tile/entries/'
  const bundle = path.startsWith(prefix) ? parseIndexPath(path.slice(prefix.length)) : null
  return bundle !== null && entriesPath(bundle) === path ? bundle : refuse('MALFORMED', 'entries')
}

function indexPath({ index, width }: Bundle): string {
  if (!isSize(index)) throw new RangeError('a tile index is a safe integer >= 0')
  if (!isSize(width) || width < 1 || width > TILE_WIDTH)
    throw new RangeError('a tile is 1 to 256 wide')
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/[0-9]{3}/g) ?? []
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
  return width === TILE_WIDTH ? path : `${path}.p/${width}`
}

/** Reads what could be an index path; the caller compares the formatted result with what came in. */
function parseIndexPath(path: string): Bundle | null {
  const match = /^((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(path)
  if (match === null) return null
  const index = Number((match[1] ?? '').replaceAll(/[x/]/g, ''))
  const width = match[2] === undefined ? TILE_WIDTH : Number(match[2])
  return isSize(index) && width >= 1 && width <= TILE_WIDTH ? { index, width } : null
}

function assertLevel(level: number): number {
  if (!isSize(level) || level > MAX_LEVEL) throw new RangeError('a tile level is 0 to 63')
  return level
}

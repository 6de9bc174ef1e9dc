/**
 * An *entry bundle* (C2SP tlog-tiles) is the logged bytes under one level-0 tile: each record behind its
 * length as two bytes, big-endian. What a bundle holds hashes to the leaves of that tile.
 */
import { concatBytes } from '@noble/hashes/utils.js'

const MAX_RECORD_BYTES = 65_535

/** Throws RangeError for a record whose length two bytes cannot say. */
export const formatBundle = (records: readonly Uint8Array[]): Uint8Array =>
  concatBytes(...records.flatMap((record) => [lengthOf(record), record]))

function lengthOf({ length }: Uint8Array): Uint8Array {
  if (length > MAX_RECORD_BYTES) throw new RangeError('a record has at most 65,535 bytes')
  return Uint8Array.of(length >> 8, length & 0xff)
}

/**
 * Entries that this process has read, by their exact bytes. Whoever reads the same bytes at the same place
 * again gets the same entry and event, frozen, without parsing and hashing them again; one byte that differs
 * is read and checked anew. Nothing is believed here that the bytes do not say.
 */
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { CaseEvent } from '../../domain/shapes/event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { type Place, readEntry, type StoredEntry } from '../../ledger/entry.js'

export interface KnownEntries {
  /** UNTRUSTED: bytes from a database row. Afterwards they are one strict entry, whose hash is theirs. */
  readonly read: (bytes: Uint8Array, place: Place) => StoredEntry | Refusal
}

/** Keeps the entries used last, up to so many bytes of them. */
export function knownEntries(maxBytes: number): KnownEntries {
  const known = new Map<string, StoredEntry>()
  let held = 0
  const forget = (key: string): void => {
    held -= known.get(key)?.bytes.length ?? 0
    known.delete(key)
  }
  return {
    read: (bytes, { stream, seq }) => {
      const key = `${seq}/${stream}`
      const before = known.get(key)
      const same = before !== undefined && Buffer.compare(before.bytes, bytes) === 0
      const stored = same ? before : readEntry(bytes)
      if (isRefusal(stored)) return stored
      forget(key)
      known.set(key, same ? stored : deepFreeze(stored))
      held += stored.bytes.length
      for (const oldest of known.keys()) {
        if (held <= maxBytes) break
        forget(oldest)
      }
      return stored
    },
  }
}

const events = new WeakMap<StoredEntry, CaseEvent>()

/** UNTRUSTED: the body of an entry. Afterwards it is a strict case event, the same object for the same entry. */
export function eventOf(stored: StoredEntry): CaseEvent | Refusal {
  const known = events.get(stored)
  if (known !== undefined) return known
  const event = parseAs(CaseEvent)(stored.entry.body)
  if (!isRefusal(event)) events.set(stored, deepFreeze(event))
  return event
}

/** Nobody who shares it can change it. Bytes cannot be frozen: they are compared, and never handed out for writing. */
function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value))
    if (typeof part === 'object' && part !== null && !ArrayBuffer.isView(part)) deepFreeze(part)
  return Object.freeze(value)
}

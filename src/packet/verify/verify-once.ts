/** Work that one verification asks for several times and that depends on nothing but bytes: done once, answered again. */
import { toBase64 } from '../../domain/bytes/base64.js'
import type { Refusal } from '../../domain/refusal.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { readEntry, type StoredEntry } from '../../ledger/entry.js'
import { sameBytes } from '../../ledger/tree.js'

/** The primitive's answer stands for exactly this algorithm, key, message and signature. */
export function verifyOnce(verify: Verify): Verify {
  const answered = new Map<string, { signed: Parameters<Verify>[0]; answer: boolean }[]>()
  return (signed) => {
    const name = toBase64(signed.signature)
    const others = answered.get(name) ?? []
    const same = others.find(
      (other) =>
        other.signed.alg === signed.alg &&
        sameBytes(other.signed.publicKey, signed.publicKey) &&
        sameBytes(other.signed.message, signed.message),
    )
    if (same !== undefined) return same.answer
    const answer = verify(signed)
    answered.set(name, [...others, { signed, answer }])
    return answer
  }
}

export type ReadEntry = (bytes: Uint8Array) => StoredEntry | Refusal

/** Of the files of one packet, which nobody writes to. */
export function readEntryOnce(): ReadEntry {
  const known = new WeakMap<Uint8Array, StoredEntry | Refusal>()
  return (bytes) => {
    const stored = known.get(bytes) ?? readEntry(bytes)
    known.set(bytes, stored)
    return stored
  }
}

/**
 * A connector's memory outside the database: the last entry it has seen of each stream that it judges by, and
 * the newest authority bundle it has believed. Who can rewrite the database cannot take an entry back that was
 * seen: a stream that is shorter than, or differs from, what is remembered is refused for ever.
 */
import type { Digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { Remembered } from '../../domain/shapes/remembered.js'
import { readDurable, writeDurable } from './durable.js'

export interface Seen {
  readonly seq: number
  readonly hash: Digest
}

export interface Memory {
  /** Afterwards the stream holds everything seen of it before, and what it holds now is durable here. */
  readonly stream: (stream: string, links: readonly Seen[]) => Promise<Refusal | null>
  /** Afterwards no newer bundle, and no other one of this version, was believed before, and this one is durable here. */
  readonly authority: (bundle: NonNullable<Remembered['authority']>) => Promise<Refusal | null>
}

/** The file is not what this program wrote. Nothing is judged without it. */
export class MemoryFault extends Error {
  override readonly name = 'MemoryFault'
}

/** Of a file that one process writes. Throws MemoryFault. */
export async function openMemory(file: string): Promise<Memory> {
  const read = await readDurable(file)
  const known = read === null ? NOTHING : parseAs(Remembered)(read)
  if (isRefusal(known)) throw new MemoryFault(`${file} is wrong at ${known.where}`)
  let remembered = known
  let saved = known
  let saving: Promise<void> = Promise.resolve()
  /** One write at a time; one that comes later holds what the earlier ones were to say. */
  const save = (): Promise<void> => {
    saving = saving
      .catch(() => undefined)
      .then(async () => {
        const next = remembered
        if (saved === next) return
        await writeDurable(file, next)
        saved = next
      })
    return saving
  }
  const remember = async (next: Remembered): Promise<null> => {
    remembered = next
    if (saved !== remembered) await save()
    return null
  }
  return {
    stream: async (stream, links) => {
      const before = remembered.streams[stream]
      if (before !== undefined && links[before.seq - 1]?.hash !== before.hash)
        return refuse('EVIDENCE_TAMPERED', `/${stream}/${before.seq}`, TRIMMED)
      const last = links.at(-1)
      if (last === undefined || last.seq === before?.seq) return remember(remembered)
      const { seq, hash } = last
      const streams = { ...remembered.streams, [stream]: { seq, hash } }
      return remember({ ...remembered, streams })
    },
    authority: async ({ version, hash }) => {
      const before = remembered.authority
      const sameVersion = before?.version === version
      if (before !== null && (version < before.version || (sameVersion && hash !== before.hash)))
        return refuse('AUTHORITY_ROLLBACK', '/authority')
      if (sameVersion) return remember(remembered)
      return remember({ ...remembered, authority: { version, hash } })
    },
  }
}

const NOTHING: Remembered = { v: 1, authority: null, streams: {} }
const TRIMMED = 'the stream is shorter than, or differs from, what was judged by before'

/**
 * A connector's memory outside the database: the last entry it has seen of each stream that it judges by, and
 * the newest authority bundle it has believed. Who can rewrite the database cannot take an entry back that was
 * seen: a stream that is shorter than, or differs from, what is remembered is refused for ever.
 */

import type { Digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { Remembered } from '../../domain/shapes/remembered.js'
import type { SuccessorLog } from '../../domain/shapes/successor-log.js'
import { readDurable, writeDurable } from './durable.js'
import type { OpenedLog } from './successors.js'

export interface Seen {
  readonly seq: number
  readonly hash: Digest
}

export interface Memory {
  /** Afterwards the stream holds everything seen of it before, and what it holds now is durable here. */
  readonly stream: (stream: string, links: readonly Seen[]) => Promise<Refusal | null>
  /** Afterwards no newer bundle, and no other one of this version, was believed before, and this one is durable here. */
  readonly authority: (bundle: NonNullable<Remembered['authority']>) => Promise<Refusal | null>
  /** Afterwards what the officers of a successor log gave up is seen as it is now, once, and nothing else is forgotten. */
  readonly follow: (opened: OpenedLog) => Promise<null>
}

/** The file is not what this program wrote. Nothing is judged without it. */
export class MemoryFault extends Error {
  override readonly name = 'MemoryFault'
}

/** What the file says, for whoever only looks. Throws MemoryFault. */
export async function readMemory(file: string): Promise<Remembered> {
  const read = await readDurable(file)
  const known = read === null ? NOTHING : parseAs(Remembered)(read)
  if (isRefusal(known)) throw new MemoryFault(`${file} is wrong at ${known.where}`)
  return known
}

/** Of a file that one process writes. Throws MemoryFault. */
export async function openMemory(file: string): Promise<Memory> {
  const known = await readMemory(file)
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
    follow: async ({ successor, hash }) => {
      const { successors = [], streams } = remembered
      if (successors.includes(hash)) return remember(remembered)
      return remember({
        ...remembered,
        streams: withoutLost(streams, successor.shorter),
        successors: [...successors, hash],
      })
    },
  }
}

/** A stream of which more, or something else, was seen than the officers knew of keeps what was seen. */
function withoutLost(
  streams: Remembered['streams'],
  shorter: SuccessorLog['shorter'],
): Remembered['streams'] {
  const kept = { ...streams }
  for (const { stream, had, has } of shorter) {
    if (kept[stream]?.seq !== had.seq || kept[stream]?.hash !== had.hash) continue
    if (has === null) delete kept[stream]
    else kept[stream] = has
  }
  return kept
}

const NOTHING: Remembered = { v: 1, authority: null, streams: {} }
const TRIMMED = 'the stream is shorter than, or differs from, what was judged by before'

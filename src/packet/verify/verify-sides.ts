/** The side streams of a packet: each whole up to where the packet ends, proved like the case. */

import type { Refusal } from '../../domain/refusal.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { OpenedCheckpoint } from '../../ledger/checkpoint.js'
import type { StoredEntry } from '../../ledger/entry.js'
import type { Files } from '../archive.js'
import type { Believed } from '../bundles.js'
import { sideEntryFile, sideFolder, sideProofFile, sideStreamsIn } from '../files.js'
import { verifyStream } from './verify-entries.js'
import type { ReadEntry } from './verify-once.js'

interface SideFiles {
  readonly files: Files
  readonly checkpoint: OpenedCheckpoint['checkpoint']
  readonly readEntry: ReadEntry
}

/** By what the entries beside a case are believed. */
export interface Believing {
  readonly believed: Believed
  readonly verify: Verify
}

export interface SideEntry {
  readonly stored: StoredEntry
  /** Its index in the log; -1 where no proof verifies. */
  readonly index: number
}

export interface Sides {
  readonly entries: ReadonlyMap<string, readonly SideEntry[]>
  readonly problems: readonly Refusal[]
}

/** UNTRUSTED: the files. Afterwards, without problems, nothing of these streams is missing, altered or out of order. */
export function verifySides(input: SideFiles): Sides {
  const names = [...input.files.keys()]
  const entries = new Map<string, readonly SideEntry[]>()
  const problems: Refusal[] = []
  for (const stream of sideStreamsIn(names)) {
    const folder = sideFolder(stream)
    const verified = verifyStream({
      ...input,
      stream,
      entryFile: (seq) => sideEntryFile(stream, seq),
      proofFile: (seq) => sideProofFile(stream, seq),
      unreadable: 'keeps its place',
      count: names.filter((name) => name.startsWith(folder) && name.endsWith('.json')).length,
    })
    problems.push(...verified.problems)
    entries.set(
      stream,
      verified.entries.map((stored, place) => ({ stored, index: verified.indexes[place] ?? -1 })),
    )
  }
  return { entries, problems }
}

/**
 * The successor logs of a packet: each was signed by officers whom the verifier trusts, begins with what was left of
 * the log before it, and says so in its first entry. From the log that the root names they lead to that of the checkpoint.
 */
import type { Successor } from '../../domain/decide/resume.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Root, Trust } from '../../domain/shapes/authority.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { LogSucceeded, type SuccessorLog } from '../../domain/shapes/successor-log.js'
import type { Verify } from '../../domain/signed/webauthn.js'
import type { Checkpoint } from '../../ledger/checkpoint.js'
import type { StoredEntry } from '../../ledger/entry.js'
import {
  followedLog,
  gapWords,
  judgeSuccessor,
  readSuccessor,
  successionProblem,
} from '../../ledger/successor-log.js'
import { parseHashes } from '../../ledger/tlog-proof.js'
import type { Files } from '../archive.js'
import { consistencyFile, LOG_ENTRY, sideEntryFile } from '../files.js'
import { readText } from './open.js'
import type { ReadEntry } from './verify-once.js'
import type { Sides } from './verify-sides.js'

/** A successor log, with the place in the log of the entry with which it begins. */
export interface PlacedSuccessor extends Successor {
  readonly index: number
}

/** As the entries say; who signed them is asked where the whole packet, or store, is verified. */
export const successorsIn = ({ entries }: Pick<Sides, 'entries'>): readonly PlacedSuccessor[] =>
  [...entries].flatMap(([stream, own]) =>
    stream.startsWith('log:')
      ? own.flatMap(({ stored, index }) =>
          isRefusal(statementOf(stored)) ? [] : [{ hash: stored.hash, at: stored.entry.at, index }],
        )
      : [],
  )

/** UNTRUSTED: what the entry says, whoever signed it. */
export function statementOf({ entry }: StoredEntry): SuccessorLog | Refusal {
  const event = parseAs(LogSucceeded)(entry.body)
  return isRefusal(event) ? event : readSuccessor(event.envelope)
}

/** What is missing for ever, in words. UNTRUSTED: `sides`, beyond what their proofs say. */
export const gapsIn = (
  sides: Pick<Sides, 'entries'>,
  indexes: readonly number[],
): readonly string[] =>
  [...sides.entries].flatMap(([stream, own]) =>
    stream.startsWith('log:') ? own.flatMap(({ stored }) => gapIn(stored, indexes)) : [],
  )

/** What the entry says is missing, as it bears on a case whose entries stand at these places. */
export function gapIn(stored: StoredEntry, indexes: readonly number[]): readonly string[] {
  const successor = statementOf(stored)
  if (isRefusal(successor)) return []
  const spans = (indexes[0] ?? 0) < successor.restored.size
  return [
    spans
      ? `${gapWords(successor)} What was recorded of this case in between is not here.`
      : gapWords(successor),
  ]
}

interface Judging {
  readonly files: Files
  readonly readEntry: ReadEntry
  readonly trust: Trust
  readonly verify: Verify
}

/** UNTRUSTED: the files. The statements that officers of this trust signed, and what is wrong with the others. */
export function judgeSuccessors({ files, readEntry, trust, verify }: Judging): {
  readonly signed: readonly SuccessorLog[]
  readonly problems: readonly Refusal[]
} {
  const signed: SuccessorLog[] = []
  const problems: Refusal[] = []
  for (const [where, bytes] of files) {
    const stored = LOG_ENTRY.test(where) ? readEntry(bytes) : null
    const event =
      stored === null || isRefusal(stored) ? null : parseAs(LogSucceeded)(stored.entry.body)
    if (event === null) continue
    const judged = isRefusal(event)
      ? event
      : judgeSuccessor({ envelope: event.envelope, trust, verify })
    if (isRefusal(judged))
      problems.push(refuse(judged.refused, where, `${judged.where}: ${judged.detail}`))
    else signed.push(judged)
  }
  return { signed, problems }
}

/** The log that the root names, or the one to which its officers' statements lead; what they did not sign is a problem where one of them is needed. */
export function logFollowed(
  root: Root,
  of: ReturnType<typeof judgeSuccessors> & { readonly origin: string },
): Root['log'] | Refusal {
  if (root.log.origin === of.origin) return root.log
  const [problem] = of.problems
  return problem ?? followedLog(root, of.signed)
}

/** Afterwards each successor log begins where its statement says, in the one tree of the checkpoint. */
export function successionProblems(
  sides: Pick<Sides, 'entries'>,
  of: {
    readonly files: Files
    readonly checkpoint: Pick<Checkpoint, 'size' | 'root'>
  },
): readonly Refusal[] {
  return [...sides.entries].flatMap(([stream, own]) => {
    if (!stream.startsWith('log:')) return []
    return own.flatMap(({ stored, index }) => {
      const successor = statementOf(stored)
      if (isRefusal(successor)) return []
      const where = consistencyFile(stream, stored.entry.seq)
      const text = readText(of.files.get(where) ?? new Uint8Array()) ?? ''
      const proof = parseHashes(text === '' ? [] : text.split('\n'))
      const problem =
        proof === null
          ? refuse('MALFORMED', '')
          : successionProblem({ successor, index }, { ...of, proof })
      if (problem === null) return []
      const { refused, detail } = problem
      return [refuse(refused, sideEntryFile(stream, stored.entry.seq), detail)]
    })
  })
}

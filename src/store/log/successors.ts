/**
 * Successor logs in the store: the stream `log:<enterprise>`, one entry for each. Which log is the one now follows from
 * the root and from these; a statement that two officers did not sign makes none.
 */
import type { Successor } from '../../domain/decide/resume.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { Root, Trust } from '../../domain/shapes/authority.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { LogSucceeded, type SuccessorLog } from '../../domain/shapes/successor-log.js'
import type { Verify } from '../../domain/signed/webauthn.js'
import { checkChain } from '../../ledger/entry.js'
import { followedLog, judgeSuccessor, readSuccessor } from '../../ledger/successor-log.js'
import { type Db, prepared, type Tx } from '../db.js'
import { type Log, logNamed } from './proof.js'

export const logStream = (enterprise: string): string => `log:${enterprise}`

/** A successor log that is open, and the entry with which it began. */
export interface OpenedLog extends Successor {
  readonly successor: SuccessorLog
}

type Judge = (event: LogSucceeded) => SuccessorLog | Refusal

/** Every successor log of the enterprise that officers of this trust opened, in order. What they did not sign says nothing. */
export const openedLogs = (
  db: Db | Tx,
  by: { readonly trust: Trust; readonly verify: Verify },
): Promise<readonly OpenedLog[] | Refusal> =>
  readLogs(db, {
    enterprise: by.trust.enterprise,
    judge: ({ envelope }) => judgeSuccessor({ ...by, envelope }),
  })

async function readLogs(
  db: Db | Tx,
  of: { readonly enterprise: string; readonly judge: Judge },
): Promise<readonly OpenedLog[] | Refusal> {
  const stream = logStream(of.enterprise)
  const { rows } = await db.query<{ bytes: Buffer }>(
    prepared('select bytes from entries where stream = $1 order by seq', [stream]),
  )
  const entries = checkChain(
    stream,
    rows.map(({ bytes }) => new Uint8Array(bytes)),
  )
  if (isRefusal(entries)) return entries
  return entries.flatMap(({ entry, hash }) => {
    const event = parseAs(LogSucceeded)(entry.body)
    const successor = isRefusal(event) ? event : of.judge(event)
    return isRefusal(successor) ? [] : [{ successor, hash, at: entry.at }]
  })
}

/** The log as this process trusts it: of the root, or the successor that officers of its trust opened. */
export async function logInUse(
  db: Db | Tx,
  by: { readonly root: Root; readonly trust: Trust; readonly verify: Verify },
): Promise<Log | Refusal> {
  const opened = await openedLogs(db, by)
  return isRefusal(opened) ? opened : followed(by, opened)
}

/** The same as the store says it, for whoever takes it away; who signed what is the verifier's question. */
export async function logAsStored(
  db: Db | Tx,
  by: { readonly root: Root; readonly verify: Verify },
): Promise<Log | Refusal> {
  const { enterprise } = by.root
  const opened = await readLogs(db, {
    enterprise,
    judge: ({ envelope }) => readSuccessor(envelope),
  })
  return isRefusal(opened) ? opened : followed(by, opened)
}

const followed = (
  by: { readonly root: Root; readonly verify: Verify },
  opened: readonly OpenedLog[],
): Log =>
  logNamed(
    followedLog(
      by.root,
      opened.map(({ successor }) => successor),
    ),
    by.verify,
  )

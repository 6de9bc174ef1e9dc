/**
 * fsck: the whole store computed again from its bytes, by the trusted roots and the log's key, as it stands at one
 * moment while others go on writing. It asks the judge of packets and the keeper's inspection, and has no judge of its own.
 * What is wrong is named, entry by entry and row by row; one wrong case hides no other. Nothing is written.
 */
import type { RefusalCode } from '../domain/refusal.js'
import { isCaseStream } from '../packet/files.js'
import type { SideEntry } from '../packet/verify/verify-sides.js'
import { AUTHORITY_STREAM } from '../store/authority/authority.js'
import { type Found, inspectAll } from '../store/case/inspect.js'
import { type Db, now, snapshot, type Tx } from '../store/db.js'
import type { HighWater } from '../store/log/high-water.js'
import { checkAuthority } from './authority.js'
import { type Beside, checkBeside, checkErasable, checkOrphans, checkSealed } from './beside.js'
import { checkCase } from './case.js'
import { type By, distinct } from './found.js'
import { checkHistories, type History } from './histories.js'
import { checkLog } from './log.js'
import { checkProcesses } from './processes.js'
import { checkRetention } from './retention.js'
import { allStreams, readStream } from './streams.js'

export interface Fsck extends By {
  /** The largest head that the signer remembers, read before the store is; null when it was not given. */
  readonly highWater: HighWater | null
  /** Temporal's, read before the store is; null when they were not asked for. */
  readonly histories?: readonly History[] | null
}

export interface StoreProblem {
  readonly code: RefusalCode
  /** The stream, or the part of the store. */
  readonly subject: string
  /** In it: `/7` is its entry 7, `/row/phase` a column of its row. */
  readonly where: string
  readonly detail: string
}

export interface Checked {
  readonly verdict: 'CLEAN' | 'NOT CLEAN'
  /** By the database's clock. */
  readonly at: string
  readonly streams: number
  readonly cases: number
  readonly entries: number
  readonly leaves: number
  readonly checkpoints: number
  /** Runs of workflows that were compared; null when they were not asked for. */
  readonly histories: number | null
  /** Cases of which policy let go what was kept beside their entries. */
  readonly purged: number
  /** What officers signed to be lost, in words: known for ever, and no problem. */
  readonly gaps: readonly string[]
  readonly problems: readonly StoreProblem[]
}

/** Total: whatever the tables hold, there is an answer. Under a role that may read them, such as the API's. */
export const fsck = (db: Db, asked: Fsck): Promise<Checked> =>
  snapshot(db, (tx) => fsckIn(tx, asked))

/** The same in a transaction that the caller holds. */
export async function fsckIn(tx: Tx, asked: Fsck): Promise<Checked> {
  const at = await now(tx)
  const read = await readAll(tx, asked)
  const installed = await checkAuthority(tx, { ...asked, entries: read.authority })
  const { authorities, believed } = installed
  const log = await checkLog(tx, { ...asked, authorities })
  const ops = read.streams.get('ops') ?? []
  const retention = await checkRetention(tx, { verify: asked.verify, believed, entries: ops })
  const found = distinct([
    ...read.found,
    ...(await inspectAll(tx)),
    ...log.found,
    ...installed.found,
    ...(await checkBeside(tx, { ...read, believed, verify: asked.verify })),
    ...checkProcesses(read.streams),
    ...(await checkHistories(tx, asked.histories ?? [])),
    ...retention.found,
    ...(await checkOrphans(tx, read.cases)),
    ...(await checkSealed(tx, read.granted)),
    ...(await checkErasable(tx, authorities)),
  ])
  return {
    verdict: found.length === 0 ? 'CLEAN' : 'NOT CLEAN',
    at,
    ...{ streams: read.streamed, cases: read.cases.size, entries: read.length },
    histories: asked.histories?.length ?? null,
    ...{ leaves: log.leaves, checkpoints: log.checkpoints, purged: retention.purged },
    gaps: log.gaps,
    problems: found.map(problemOf),
  }
}

const problemOf = ({ subject, refusal }: Found): StoreProblem => ({
  ...{ code: refusal.refused, subject },
  ...{ where: refusal.where, detail: refusal.detail },
})

interface ReadAll extends Pick<Beside, 'streams' | 'granted'> {
  readonly authority: readonly SideEntry[]
  readonly cases: ReadonlySet<string>
  readonly streamed: number
  readonly length: number
  readonly found: readonly Found[]
}

/** One stream after another; of a case only its grants are kept. */
async function readAll(tx: Tx, by: By): Promise<ReadAll> {
  const streams = new Map<string, readonly SideEntry[]>()
  const granted = new Map<string, { readonly caseId: string; readonly stepId: string }>()
  const cases = new Set<string>()
  const found: Found[] = []
  let length = 0
  const { names, found: lost } = await allStreams(tx)
  found.push(...lost)
  for (const stream of names) {
    const read = await readStream(tx, stream)
    found.push(...read.found)
    length += read.length
    if (!isCaseStream(stream)) streams.set(stream, read.entries)
    else if (read.length > 0) cases.add(stream)
    if (!isCaseStream(stream) || read.entries.length === 0) continue
    const checked = await checkCase(tx, { ...by, caseId: stream, entries: read.entries })
    found.push(...checked.found)
    for (const { event } of checked.events)
      if (event.type === 'Granted')
        granted.set(event.grantId, { caseId: stream, stepId: event.stepId })
  }
  const authority = streams.get(AUTHORITY_STREAM) ?? []
  return { authority, streams, granted, cases, found, length, streamed: names.length }
}

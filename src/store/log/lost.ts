/**
 * What a restored store has less than others remember: streams of which a connector has seen more, and what connectors
 * said after they had looked at every target. Whoever opens a successor log asks this; nothing is believed of it but what a
 * connector signed.
 */

import type { Authority } from '../../domain/authority/authority.js'
import type { Digest } from '../../domain/bytes/digest.js'
import { isAttestedBy } from '../../domain/case/attestation.js'
import { isRefusal } from '../../domain/refusal.js'
import { TargetsReconciled } from '../../domain/shapes/ops-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { Remembered } from '../../domain/shapes/remembered.js'
import type { ShorterStream } from '../../domain/shapes/successor-log.js'
import type { Verify } from '../../domain/signed/webauthn.js'
import { readEntry } from '../../ledger/entry.js'
import { append, lockEnd } from '../case/apply.js'
import { type Db, type Tx, transaction } from '../db.js'
import { OPS_STREAM } from '../streams/ops.js'

/** The streams that do not hold what was remembered of them, each with where it ends now. */
export async function shorterStreams(
  db: Db | Tx,
  { streams }: Pick<Remembered, 'streams'>,
): Promise<readonly ShorterStream[]> {
  const names = Object.keys(streams).sort()
  const { rows } = await db.query<{
    stream: string
    seq: number
    hash: Digest
    last: 'yes' | 'no'
  }>(
    `select e.stream, e.seq, e.hash,
            case when e.seq = max(e.seq) over (partition by e.stream) then 'yes' else 'no' end as last
       from entries e where e.stream = any($1)`,
    [names],
  )
  return names.flatMap((stream) => {
    const had = streams[stream]
    if (had === undefined) return []
    const own = rows.filter((row) => row.stream === stream)
    if (own.some(({ seq, hash }) => seq === had.seq && hash === had.hash)) return []
    const last = own.find((row) => row.last === 'yes')
    return [{ stream, had, has: last === undefined ? null : { seq: last.seq, hash: last.hash } }]
  })
}

/** By the connector's role. */
export async function recordReconciled(db: Db, event: TargetsReconciled): Promise<void> {
  await transaction(db, async (tx) => {
    const locked = await lockEnd(tx, OPS_STREAM)
    await append(tx, { locked, bodies: [event] })
  })
}

interface Asking {
  /** Whose connectors are believed. */
  readonly authority: Authority
  readonly verify: Verify
  readonly log: TargetsReconciled['log']
}

/** The last word of each connector about this head of this log. */
export async function reconciledAt(
  db: Db | Tx,
  { authority, verify, log }: Asking,
): Promise<readonly TargetsReconciled[]> {
  const { rows } = await db.query<{ bytes: Buffer }>(
    "select bytes from entries where stream = $1 and type = 'TargetsReconciled' order by seq",
    [OPS_STREAM],
  )
  const last = new Map<string, TargetsReconciled>()
  for (const { bytes } of rows) {
    const stored = readEntry(new Uint8Array(bytes))
    const event = isRefusal(stored) ? stored : parseAs(TargetsReconciled)(stored.entry.body)
    if (isRefusal(event)) continue
    const good = isAttestedBy({ caseId: OPS_STREAM, event, authority, verify })
    if (good && event.log.origin === log.origin && event.log.size === log.size)
      last.set(event.attestation.keyid, event)
  }
  return [...last.values()]
}

/** The same stream as different connectors saw it, each once. */
export const shorterIn = (reconciled: readonly TargetsReconciled[]): readonly ShorterStream[] => [
  ...new Map(
    reconciled
      .flatMap(({ shorter }) => shorter)
      .map((one) => [`${one.stream} ${one.had.seq} ${one.had.hash}`, one]),
  ).values(),
]

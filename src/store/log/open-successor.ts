/**
 * A successor log is opened: by the owner of the database, under two officers' signatures, after connectors looked at
 * every target. Its first entry carries what was signed, and every open case is resumed with it: one transaction, in
 * which nobody else writes.
 */

import type { Authority } from '../../domain/authority/authority.js'
import { toBase64 } from '../../domain/bytes/base64.js'
import { reasonDigest, type SaltedReason } from '../../domain/bytes/commitment.js'
import { canonical, type Digest } from '../../domain/bytes/digest.js'
import { resume } from '../../domain/decide/resume.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { scopesAround } from '../../domain/rights/fence.js'
import type { Trust } from '../../domain/shapes/authority.js'
import type { Envelope } from '../../domain/shapes/envelope.js'
import type { TargetsReconciled } from '../../domain/shapes/ops-event.js'
import type { SuccessorLog } from '../../domain/shapes/successor-log.js'
import type { Verify } from '../../domain/signed/webauthn.js'
import { followedLog, judgeSuccessor } from '../../ledger/successor-log.js'
import { authoritySource } from '../authority/authority.js'
import { append, applyIn, lockEnd } from '../case/apply.js'
import { type Db, type Tx, transaction } from '../db.js'
import { standingAround } from '../streams/fences.js'
import { storedHead } from './high-water.js'
import { reconciledAt, shorterIn } from './lost.js'
import { SEQUENCER_LOCK } from './sequencer.js'
import { logStream, openedLogs } from './successors.js'

export interface OpeningLog {
  /** UNTRUSTED: whoever brings it. */
  readonly envelope: Envelope
  readonly trust: Trust
  readonly verify: Verify
  /** The reason whose digest was signed, for the erasable side store. */
  readonly reason: SaltedReason | null
}

export interface Opened {
  readonly successor: SuccessorLog
  /** In how many cases everybody signs anew. */
  readonly resumed: number
  /** Cases that cannot be read: nothing of them counts any more. */
  readonly dead: readonly string[]
}

/** Afterwards the log that follows is open and every open case resumed in it; or nothing changed. */
export const openSuccessor = (db: Db, input: OpeningLog): Promise<Opened | Refusal> =>
  transaction(db, async (tx) => {
    // Until the end of this nobody appends, and nothing is sequenced.
    await tx.query('lock table streams in exclusive mode')
    await tx.query(SEQUENCER_LOCK)
    const successor = judgeSuccessor(input)
    if (isRefusal(successor)) return successor
    const end = await lockEnd(tx, logStream(successor.enterprise))
    const at = { ...input, tx, successor, at: end.at }
    const wrong = (await wrongLog(at)) ?? (await wrongReason(at))
    if (wrong !== null) return wrong
    const { envelope } = input
    const body = { type: 'LogSucceeded', origin: successor.to.origin, envelope }
    const [first] = await append(tx, { locked: end, bodies: [body] })
    if (first === undefined) throw new TypeError('nothing was appended')
    await putFirst(tx, first.hash)
    await skipTokens(tx, successor.lost)
    return { successor, ...(await resumeAll(tx, first.hash)) }
  })

interface At extends OpeningLog {
  readonly tx: Tx
  readonly successor: SuccessorLog
  readonly at: string
}

/** Null when this store holds exactly what the officers say is left of the log, and everything else is ready. */
async function wrongLog(of: At): Promise<Refusal | null> {
  const { tx, successor, at } = of
  const source = authoritySource(of)
  const authority = await source.current(tx, { at, lock: 'none', purpose: 'taking-away' })
  if (isRefusal(authority)) return authority
  const opened = await openedLogs(tx, of)
  if (isRefusal(opened)) return opened
  const before = opened.map((one) => one.successor)
  const { origin, key } = followedLog(authority.root, before)
  const { from, to, restored } = successor
  if (from.origin !== origin)
    return refuse('PROOF_INVALID', '/from/origin', `the log here is ${origin}`)
  if (canonical(from.key) !== canonical(key))
    return refuse('KEY_UNKNOWN', '/from/key', 'not the key of the log that the root names')
  if (before.some((one) => one.from.origin === to.origin || one.to.origin === to.origin))
    return refuse('NOT_ALLOWED', '/to/origin', 'there was a log of this name already')
  const head = await storedHead(tx)
  if (head.size !== restored.size || toBase64(head.root) !== restored.root)
    return refuse('PROOF_INVALID', '/restored', `the store has another head, of ${head.size}`)
  const log = { origin, size: restored.size }
  const reconciled = await reconciledAt(tx, { ...of, authority, log })
  return (
    wrongMemory(reconciled, { authority, successor }) ??
    (await wrongTargets(of, { reconciled, authority }))
  )
}

function wrongMemory(
  reconciled: readonly TargetsReconciled[],
  { authority, successor }: { readonly authority: Authority; readonly successor: SuccessorLog },
): Refusal | null {
  const newer = reconciled.find(
    ({ newerAuthority }) => newerAuthority !== null && newerAuthority.version > authority.version,
  )
  if (newer !== undefined)
    return refuse(
      'AUTHORITY_ROLLBACK',
      '/authority',
      `version ${newer.newerAuthority?.version} was believed, and the store has an older one`,
    )
  const known = successor.shorter.map((one) => canonical(one))
  const unsigned = shorterIn(reconciled).find((one) => !known.includes(canonical(one)))
  return unsigned === undefined
    ? null
    : refuse(
        'NOT_DUE',
        `/shorter/${unsigned.stream}`,
        'the statement does not name it: draft it anew',
      )
}

/** Null when every system was looked at, or is stopped, and whatever its targets show that the store does not know is stopped. */
async function wrongTargets(
  of: At,
  by: { readonly reconciled: readonly TargetsReconciled[]; readonly authority: Authority },
): Promise<Refusal | null> {
  const { reconciled, authority } = by
  const seen = new Set(reconciled.flatMap(({ systems }) => systems))
  const unknown = new Map(
    reconciled.flatMap((one) => one.unknown.map((item) => [item.identityId, item.detail])),
  )
  for (const identity of authority.identities.values()) {
    const { identityId, systemId } = identity
    const looked = seen.has(systemId)
    if (looked && !unknown.has(identityId)) continue
    const standing = await standingAround(of.tx, {
      ...{ authority: authoritySource(of), verify: of.verify, identityId },
      scopes: scopesAround(identity),
    })
    if (isRefusal(standing)) return standing
    if (standing.length > 0) continue
    return looked
      ? refuse('NOT_DUE', `/identities/${identityId}`, `stop it first: ${unknown.get(identityId)}`)
      : refuse(
          'NOT_DUE',
          `/systems/${systemId}`,
          'nobody has looked at it: reconcile it, or stop it',
        )
  }
  return null
}

async function wrongReason({ tx, successor, reason }: At): Promise<Refusal | null> {
  if (reason === null) return null
  const digest = reasonDigest(reason)
  if (digest !== successor.reasonDigest)
    return refuse('MALFORMED', '/reason', 'not the reason that was signed')
  await tx.query(
    'insert into reasons_side (digest, salt, reason) values ($1, $2, $3) on conflict do nothing',
    [digest, reason.salt, reason.reason],
  )
  return null
}

/** Before everything that waits for the log: the successor begins with it. */
async function putFirst(tx: Tx, hash: Digest): Promise<void> {
  await tx.query('delete from unsequenced where hash = $1', [hash])
  await tx.query(
    `insert into unsequenced (id, hash) overriding system value
       select coalesce(min(id), nextval(pg_get_serial_sequence('unsequenced', 'id'))) - 1, $1 from unsequenced`,
    [hash],
  )
}

/** A fencing token that was given out in the entries that are gone is not given out again. */
const skipTokens = (tx: Tx, lost: number) =>
  tx.query(
    `select setval(sequence, nextval(sequence) + $1)
       from (select pg_get_serial_sequence('grants', 'fencing_token')::regclass as sequence) of`,
    [lost],
  )

async function resumeAll(tx: Tx, successor: Digest): Promise<Omit<Opened, 'successor'>> {
  const { rows } = await tx.query<{ case_id: string }>(
    "select case_id from cases where phase = 'open' order by case_id",
  )
  const dead: string[] = []
  for (const { case_id: caseId } of rows) {
    const applied = await applyIn(tx, {
      caseId,
      decide: ({ state }) => {
        const events = resume(state, { successor })
        if (isRefusal(events)) return { events: [], answer: null }
        return { events, answer: null, signal: { name: 'changed' } }
      },
    })
    if (isRefusal(applied)) dead.push(caseId)
  }
  return { resumed: rows.length - dead.length, dead }
}

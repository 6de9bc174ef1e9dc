/**
 * change: one transaction on the target that locks, reads everything afresh, compares with what was
 * signed, and only then changes one credential and leaves the grant's tag on it.
 *
 * Promises: all roles of the identity are locked, in one order, so of two changes under different
 * grants exactly one finds what was signed; the same change under the same grant has one effect;
 * what happens after COMMIT was sent is `unknown`, never a guess.
 */
import type { TargetState } from '../domain/shapes/plan.js'
import type { Change, ChangeKind, Effect } from './connector.js'
import type { AdminPool, Lease } from './postgresql-pool.js'
import { disableSql, lockRoleSql, setSql, tagOf, tagSql, unsetSql } from './postgresql-sql.js'
import { differences, readState, rolesOf } from './postgresql-state.js'
import { scramVerifier } from './scram.js'
import { TargetFault } from './target-fault.js'

type Target = { readonly pool: AdminPool; readonly fingerprintKey: Uint8Array }
type Work = { change: Change; tag: string; sql: string; fingerprintKey: Uint8Array }
type Compared = Effect | 'commit' | 'contended'

const ATTEMPTS = 10

export const setCredential = (target: Target, change: Change & { secret: string }) => {
  const verifier = scramVerifier(change.secret)
  return perform(target, { change, kind: 'set', sql: () => setSql(change.credential, verifier) })
}

export const unsetCredential = (target: Target, change: Change) =>
  perform(target, { change, kind: 'unset', sql: () => unsetSql(change.credential) })

export const disableCredential = (target: Target, change: Change) =>
  perform(target, { change, kind: 'disable', sql: () => disableSql(change.credential) })

/** Throws TargetFault when nothing was changed for a technical reason; TypeError for a bug of the caller. */
async function perform(
  target: Target,
  wanted: { change: Change; kind: ChangeKind; sql: () => string },
): Promise<Effect> {
  const { change, kind } = wanted
  if (!change.subject.credentials.includes(change.credential))
    throw new TypeError('the credential does not belong to the subject')
  const tag = tagOf(change.grantId, kind)
  try {
    rolesOf(change.subject)
    const work = { change, tag, sql: wanted.sql(), fingerprintKey: target.fingerprintKey }
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const effect = await target.pool.use(kind, (lease) => attemptChange(lease, work))
      if (effect !== 'contended') return effect
    }
    return await target.pool.use(kind, (lease) => afterContention(lease, work))
  } catch (error) {
    if (isRejection(error)) return { effect: 'rejected', code: error.code }
    throw error
  }
}

/** Leaves no transaction open: commits, rolls back, or closes the connection. */
async function attemptChange(lease: Lease, work: Work): Promise<Effect | 'contended'> {
  const compared = await upToCommit(lease, work)
  if (compared === 'commit') return commit(lease)
  if (compared !== 'contended') await lease.query('ROLLBACK')
  return compared
}

async function upToCommit(lease: Lease, work: Work): Promise<Compared> {
  const { change, tag } = work
  try {
    await lease.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE')
    await lockRoles(lease, work)
    const verdict = compare(work, await readWorkState(lease, work))
    if (verdict !== 'as-expected') return verdict
    await lease.query(work.sql)
    await lease.query(tagSql(change.credential, tag))
    return 'commit'
  } catch (error) {
    if (!isContention(error)) throw error
    lease.discard()
    return 'contended'
  }
}

const readWorkState = (lease: Lease, { change, fingerprintKey }: Work) =>
  readState(lease, { subject: change.subject, fingerprintKey })

// A role that does not exist is not locked; the comparison after the locks sees it as absent.
async function lockRoles(lease: Lease, { change }: Work): Promise<void> {
  const names = rolesOf(change.subject)
  const { rows } = await lease.query<{ name: string }>(EXISTING, [names])
  const existing = new Set(rows.map((row) => row.name))
  for (const name of names) if (existing.has(name)) await lease.query(lockRoleSql(name))
}

const EXISTING =
  'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname::text = ANY ($1::text[])'

function compare({ change, tag }: Work, actual: TargetState): Effect | 'as-expected' {
  if (actual[`${change.credential}.grant`] === tag) return { effect: 'already' }
  const attributes = differences(change.expected, actual)
  return attributes.length === 0 ? 'as-expected' : { effect: 'state-differs', attributes }
}

async function commit(lease: Lease): Promise<Effect> {
  try {
    const { command } = await lease.query('COMMIT')
    if (command === 'COMMIT') return { effect: 'done' }
  } catch (error) {
    // Even an answer with an SQLSTATE may come from a server that committed locally before it.
    lease.discard()
    if (error instanceof TargetFault) return { effect: 'unknown', code: error.code }
    throw error
  }
  throw new TargetFault({ code: 'ROLLED_BACK', origin: 'server', during: 'commit' })
}

/** Somebody kept changing the roles: what they left decides, and if it is as signed, callers try again. */
async function afterContention(lease: Lease, work: Work): Promise<Effect> {
  const verdict = compare(work, await readWorkState(lease, work))
  if (verdict !== 'as-expected') return verdict
  throw new TargetFault({ code: TUPLE_CONCURRENTLY_UPDATED, origin: 'server', during: 'change' })
}

// The server reports a catalog row changed by a transaction that committed first as an internal
// error (XX000); serialization failure and deadlock are the other two ways to lose such a race.
const TUPLE_CONCURRENTLY_UPDATED = 'XX000'
const CONTENTION: readonly string[] = [TUPLE_CONCURRENTLY_UPDATED, '40001', '40P01']
const REJECTING_CLASSES: readonly string[] = ['22', '28', '42', 'P0']

const isContention = (error: unknown): boolean =>
  error instanceof TargetFault && error.origin === 'server' && CONTENTION.includes(error.code)

const isRejection = (error: unknown): error is TargetFault =>
  error instanceof TargetFault &&
  error.origin === 'server' &&
  REJECTING_CLASSES.includes(error.code.slice(0, 2))

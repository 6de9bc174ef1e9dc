/**
 * change: one transaction on the target that locks, reads everything afresh, compares with what was
 * signed, and only then does its work, all of it or nothing.
 *
 * Promises: all roles of the identity are locked, in one order, so of two changes under different
 * grants exactly one finds what was signed; the same change under the same grant has one effect;
 * what happens after COMMIT was sent is `unknown`, never a guess.
 */
import type { Change, ChangeKind, Effect } from './connector.js'
import type { AdminPool, Lease } from './postgresql-pool.js'
import { lockRoleSql } from './postgresql-sql.js'
import { differences, type Found, readFound, rolesOf } from './postgresql-state.js'
import { TargetFault } from './target-fault.js'

export type Target = { readonly pool: AdminPool; readonly fingerprintKey: Uint8Array }

/** One kind of change: how the target shows that it was made, and how it is made. */
export type Work = {
  readonly kind: ChangeKind
  readonly change: Change
  readonly isMade: (found: Found) => boolean
  /** Called when the locked roles are as expected. A rejection ends the transaction with nothing changed. */
  readonly make: (lease: Lease, found: Found) => Promise<'made' | Rejected>
}
export type Rejected = Extract<Effect, { effect: 'rejected' }>
type Compared = Effect | 'commit' | 'contended'
type Doing = { readonly work: Work; readonly fingerprintKey: Uint8Array }

const ATTEMPTS = 10

/** Every one of the roles is there and carries the tag. */
export const carriedBy =
  (roles: readonly string[], tag: string) =>
  ({ tags }: Found): boolean =>
    roles.every((name) => tags.get(name) === tag)

/** Throws TargetFault when nothing was changed for a technical reason. */
export async function perform({ pool, fingerprintKey }: Target, work: Work): Promise<Effect> {
  const doing = { work, fingerprintKey }
  try {
    rolesOf(work.change.subject)
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const effect = await pool.use(work.kind, (lease) => attemptChange(lease, doing))
      if (effect !== 'contended') return effect
    }
    return await pool.use(work.kind, (lease) => afterContention(lease, doing))
  } catch (error) {
    if (isRejection(error)) return { effect: 'rejected', code: error.code }
    throw error
  }
}

/** Leaves no transaction open: commits, rolls back, or closes the connection. */
async function attemptChange(lease: Lease, doing: Doing): Promise<Effect | 'contended'> {
  const compared = await upToCommit(lease, doing)
  if (compared === 'commit') return commit(lease)
  if (compared === 'contended') lease.discard()
  else await lease.query('ROLLBACK')
  return compared
}

async function upToCommit(lease: Lease, doing: Doing): Promise<Compared> {
  try {
    await lease.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE')
    if ((await lockRoles(lease, doing)) === 'gone') return 'contended'
    const found = await readAgain(lease, doing)
    const verdict = compare(doing, found)
    if (verdict !== 'as-expected') return verdict
    const made = await doing.work.make(lease, found)
    return made === 'made' ? 'commit' : made
  } catch (error) {
    if (isContention(error)) return 'contended'
    throw error
  }
}

const readAgain = (lease: Lease, { work, fingerprintKey }: Doing): Promise<Found> =>
  readFound(lease, { subject: work.change.subject, fingerprintKey })

// A role that does not exist is not locked; the comparison after the locks sees it as absent.
async function lockRoles(lease: Lease, { work }: Doing): Promise<'locked' | 'gone'> {
  const names = rolesOf(work.change.subject)
  const { rows } = await lease.query<{ name: string }>(EXISTING, [names])
  const existing = new Set(rows.map((row) => row.name))
  try {
    for (const name of names) if (existing.has(name)) await lease.query(lockRoleSql(name))
    return 'locked'
  } catch (error) {
    if (isAnswer(error) && error.code === UNDEFINED_OBJECT) return 'gone'
    throw error
  }
}

const EXISTING =
  'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname::text = ANY ($1::text[])'

function compare({ work }: Doing, found: Found): Effect | 'as-expected' {
  if (work.isMade(found)) return { effect: 'already' }
  const attributes = differences(work.change.expected, found.state)
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
async function afterContention(lease: Lease, doing: Doing): Promise<Effect> {
  const verdict = compare(doing, await readAgain(lease, doing))
  if (verdict !== 'as-expected') return verdict
  throw new TargetFault({ code: TUPLE_CONCURRENTLY_UPDATED, origin: 'server', during: 'change' })
}

// The server reports a catalog row changed or deleted by a transaction that committed first as an
// internal error (XX000); serialization failure and deadlock are two other ways to lose such a race,
// and a role made by somebody since it was seen to be absent is the last one (42710, or 23505 when
// its maker committed while this transaction waited).
const TUPLE_CONCURRENTLY_UPDATED = 'XX000'
const CONTENTION: readonly string[] = [
  ...[TUPLE_CONCURRENTLY_UPDATED, '40001', '40P01'],
  ...['42710', '23505'],
]
const UNDEFINED_OBJECT = '42704'
/** Of SQLSTATE: what the server answers to this change every time, as long as nobody changes the target. */
const REJECTING_CLASSES: readonly string[] = ['0L', '22', '28', '2B', '42', 'P0']

const isAnswer = (error: unknown): error is TargetFault =>
  error instanceof TargetFault && error.origin === 'server'

const isContention = (error: unknown): boolean => isAnswer(error) && CONTENTION.includes(error.code)

const isRejection = (error: unknown): error is TargetFault =>
  isAnswer(error) && REJECTING_CLASSES.includes(error.code.slice(0, 2))

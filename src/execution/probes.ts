/**
 * The operations that only look at the target: each says what the enterprise's own probe saw, with the
 * facts that follow from it, or refuses with what was seen instead.
 */
import type { Login } from '../connectors/connector.js'
import { ExecutionFault, type Work } from './deps.js'
import { faultPoint } from './faults.js'
import { adoptSecret, secretOf, stagedSecret } from './secrets.js'
import { done, type Only, refused, type Seen } from './seen.js'
import { watchConsumers, watchDisabled, watchUnused } from './watch.js'

/** Two witnesses: a login by the consumers' route, and the catalog as the target shows it. */
export async function verify({ deps, work, grantId, op }: Only<'verify'>): Promise<Seen> {
  const { credential } = op
  const secret = await stagedSecret(deps, grantId)
  const login = await reachable(work.connector.login({ credential, secret }))
  const state = await work.connector.state(work.subject)
  const enabled = state[`${credential}.login`] ?? 'absent'
  const observed = { credential, login: sayLogin(login), enabled }
  faultPoint('verify.after')
  if (login.login !== 'accepted' || enabled !== 'true') return refused('VERIFY_FAILED', observed)
  const { identityId } = work.identity
  await adoptSecret(deps.db, { identityId, credential, grantId })
  return done(observed, ['new-credential-works'])
}

export async function observeConsumers({
  deps,
  work,
  op,
}: Only<'observe-consumers'>): Promise<Seen> {
  const watched = await watchConsumers({ deps, work, op })
  faultPoint('consumers.after')
  return watched.seen === 'yes'
    ? done(watched.observed, ['consumer-on-new'])
    : refused('CLAIM_CONTRADICTED', watched.observed)
}

/** Unused first, then the control: the very secret that must die was accepted by the same route just now. */
export async function observeUnused(doing: Only<'observe-unused'>): Promise<Seen> {
  const { deps, work, op, controlled } = doing
  const watched = await watchUnused({ deps, work, op })
  faultPoint('unused.after')
  if (watched.seen === 'no') return refused('STILL_IN_USE', watched.observed)
  if (controlled.has(op.credential))
    return done({ ...watched.observed, control: 'seen before' }, ['old-unused'])
  const control = await loginAsStored(doing)
  faultPoint('control.after')
  const observed = { ...watched.observed, control }
  return control === 'accepted'
    ? done(observed, ['old-unused'])
    : refused('DEATH_UNPROVED', observed)
}

export async function observeAccepted(doing: Only<'observe-accepted'>): Promise<Seen> {
  const { credential } = doing.op
  if (doing.controlled.has(credential)) return done({ credential, control: 'seen before' })
  const control = await loginAsStored(doing)
  faultPoint('control.after')
  const observed = { credential, control }
  return control === 'accepted' ? done(observed) : refused('DEATH_UNPROVED', observed)
}

/** What a login with the credential's stored secret is answered. */
export async function loginAsStored({
  deps,
  work,
  op,
}: Only<'observe-unused' | 'observe-accepted' | 'hold-open'>): Promise<string> {
  const { credential } = op
  const { identityId } = work.identity
  const secret = await secretOf(deps, { identityId, credential })
  if (secret === null) return 'no stored secret'
  return sayLogin(await reachable(work.connector.login({ credential, secret })))
}

/**
 * Death: the secret that the control accepted is refused now with the code of a role that may not log
 * in, the catalog says that login is off, and no session is left; where the identity has another
 * credential that lives, that one is accepted by the same route at the same time. Any of these alone
 * proves nothing.
 */
export async function proveDead(doing: Only<'prove-dead'>): Promise<Seen> {
  const { deps, work, op, controlled } = doing
  const { identityId } = work.identity
  const dying = await secretOf(deps, { identityId, credential: op.credential })
  if (dying === null) throw new ExecutionFault('SECRET_MISSING')
  const refusal = await reachable(
    work.connector.login({ credential: op.credential, secret: dying }),
  )
  const control = await controlOf(doing)
  const state = await work.connector.state(work.subject)
  const left = await sessionsOf(work, op.credential)
  const observed = {
    credential: op.credential,
    refused: sayLogin(refusal),
    control,
    enabled: state[`${op.credential}.login`] ?? 'absent',
    sessions: String(left),
    accepted_before: controlled.has(op.credential) ? 'yes' : 'no',
  }
  const dead =
    observed.accepted_before === 'yes' &&
    refusal.login === 'refused' &&
    refusal.code === '28000' &&
    (op.control === null || control === 'accepted') &&
    observed.enabled === 'false' &&
    left === 0
  faultPoint('prove-dead.before_record')
  return dead
    ? done(observed, ['old-refused', 'no-session-left'])
    : refused('DEATH_UNPROVED', observed)
}

async function controlOf({ deps, work, op }: Only<'prove-dead'>): Promise<string> {
  if (op.control === null) return 'no other credential lives'
  const { identityId } = work.identity
  const living = await secretOf(deps, { identityId, credential: op.control })
  if (living === null) throw new ExecutionFault('SECRET_MISSING')
  return sayLogin(await reachable(work.connector.login({ credential: op.control, secret: living })))
}

export async function observeDisabled({ work, op }: Only<'observe-disabled'>): Promise<Seen> {
  const { good, observed } = await lookDisabled(work, op.credentials)
  return good ? done(observed, ['access-disabled']) : refused('DEATH_UNPROVED', observed)
}

export async function observeStaysDisabled(doing: Only<'observe-stays-disabled'>): Promise<Seen> {
  const { work, op } = doing
  const watched = await watchDisabled({ ...doing, look: () => lookDisabled(work, op.credentials) })
  faultPoint('stays-disabled.after')
  return watched.seen === 'yes'
    ? done(watched.observed, ['stayed-disabled'])
    : refused('STILL_IN_USE', watched.observed)
}

/** The catalog says that none of them may log in, or that it is gone, and nobody is connected as one of them. */
export async function lookDisabled(
  work: Pick<Work, 'connector' | 'subject'>,
  credentials: readonly string[],
): Promise<{ readonly good: boolean; readonly observed: Record<string, string> }> {
  const state = await work.connector.state(work.subject)
  const enabled = credentials.filter((name) => !OFF.includes(state[`${name}.login`] ?? 'unknown'))
  let sessions = 0
  for (const credential of credentials) sessions += await sessionsOf(work, credential)
  const observed = { enabled: enabled.join(' ') || 'none', sessions: String(sessions) }
  return { good: enabled.length === 0 && sessions === 0, observed }
}
const OFF: readonly string[] = ['false', 'absent']

/** Nothing more than the plan says: memberships as planned, nothing owned, no privilege given directly. */
export async function verifyRights({ work, op }: Only<'verify-rights'>): Promise<Seen> {
  const { connector, subject } = work
  const state = await connector.state(subject)
  const { ownedCount, ownedElsewhere, privileges } = await connector.holdings(subject)
  const observed: Record<string, string> = {
    member_of: rolesIn(state[`${subject.group}.memberOf`]),
    owned: String(ownedCount + ownedElsewhere),
    privileges: String(privileges),
    ...Object.fromEntries(
      subject.credentials.map((name) => [name, rolesIn(state[`${name}.memberOf`])]),
    ),
  }
  const extra = subject.credentials.some((name) => observed[name] !== subject.group)
  const raised = [subject.group, ...subject.credentials].some((name) =>
    ELEVATED.some((attribute) => state[`${name}.${attribute}`] !== 'false'),
  )
  const asPlanned =
    !extra &&
    !raised &&
    observed.member_of === [...op.memberOf].sort().join(' ') &&
    ownedCount + ownedElsewhere + privileges === 0
  return asPlanned ? done(observed, ['created-as-planned']) : refused('VERIFY_FAILED', observed)
}
const ELEVATED = ['superuser', 'createrole', 'createdb', 'replication', 'bypassrls', 'login']

/** The names in a membership attribute, `["billing_read (inherit)"]`, without their options. */
function rolesIn(memberships: string | undefined): string {
  const list: unknown = memberships?.startsWith('[') ? JSON.parse(memberships) : []
  const names = Array.isArray(list)
    ? list.map((item) => String(item).replace(/ \([^)]*\)$/, ''))
    : []
  return names.sort().join(' ')
}

export async function verifyRemoved({ work }: Only<'verify-removed'>): Promise<Seen> {
  const { connector, subject } = work
  const state = await connector.state(subject)
  const there = [subject.group, ...subject.credentials].filter(
    (name) => state[`${name}.login`] !== 'absent',
  )
  faultPoint('removed.after')
  const observed = { left: there.join(' ') || 'none' }
  return there.length === 0 ? done(observed, ['removed']) : refused('VERIFY_FAILED', observed)
}

async function sessionsOf(work: Pick<Work, 'connector'>, credential: string): Promise<number> {
  const groups = await work.connector.sessions(credential)
  return groups.reduce((sum, group) => sum + group.count, 0)
}

/** A login that did not reach the target proves nothing: it is tried again later. */
async function reachable(
  attempt: Promise<Login>,
): Promise<Exclude<Login, { login: 'unreachable' }>> {
  const login = await attempt
  if (login.login === 'unreachable') throw new ExecutionFault(login.code)
  return login
}

const sayLogin = (login: Login): string =>
  login.login === 'accepted' ? 'accepted' : `refused ${login.code}`

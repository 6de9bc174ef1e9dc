/**
 * One function for each operation of a plan: do it on the target, or find that it was done, and say
 * what was seen. A result is an observation, never a hope: what is unknown is asked of the target
 * again or thrown as a fault, and nothing is changed without the grant's own compare-and-set.
 */
import type { Effect, Login } from '../connectors/connector.js'
import type { RefusalCode } from '../domain/refusal.js'
import type { Fact } from '../domain/shapes/basic.js'
import type { Operation, TargetState } from '../domain/shapes/plan.js'
import { type ExecutionDeps, ExecutionFault, type Work } from './deps.js'
import { faultPoint } from './faults.js'
import { adoptSecret, secretOf, stagedSecret, stageSecret } from './secrets.js'
import { watchConsumers, watchUnused } from './watch.js'

export interface Seen {
  readonly outcome: 'done' | 'already' | 'refused'
  readonly code: RefusalCode | null
  readonly facts: readonly Fact[]
  readonly observed: Readonly<Record<string, string>>
  /** What the step leaves behind on the target if it ends here. */
  readonly target: 'clean' | 'dirty'
}

export interface Doing<Op extends Operation = Operation> {
  readonly deps: ExecutionDeps
  readonly work: Work
  readonly grantId: string
  readonly op: Op
  /** The state that was signed for: every change compares it whole. */
  readonly expected: TargetState
  /** Whether the control login of this credential was seen to succeed earlier in this case. */
  readonly controlSeen: 'yes' | 'no'
}

type Only<Name extends Operation['op']> = Doing<Extract<Operation, { op: Name }>>

const done = (observed: Record<string, string>, facts: readonly Fact[] = []): Seen => ({
  outcome: 'done',
  code: null,
  facts,
  observed,
  target: 'clean',
})

const refused = (
  code: RefusalCode,
  seen: { observed: Record<string, string>; target: 'clean' | 'dirty' },
): Seen => ({ outcome: 'refused', code, facts: [], ...seen })

export async function operate(doing: Doing): Promise<Seen> {
  const { op } = doing
  switch (op.op) {
    case 'stage':
      return stage({ ...doing, op })
    case 'set':
      return set({ ...doing, op })
    case 'verify':
      return verify({ ...doing, op })
    case 'observe-consumers':
      return observeConsumers({ ...doing, op })
    case 'observe-unused':
      return observeUnused({ ...doing, op })
    case 'disable':
      return disable({ ...doing, op })
    case 'end-sessions':
      return endSessions({ ...doing, op })
    case 'prove-dead':
      return proveDead({ ...doing, op })
    case 'deliver':
      throw new TypeError('deliver hands over to the partner and is no operation on the target')
  }
}

async function stage({ deps, work, grantId, op }: Only<'stage'>): Promise<Seen> {
  await stageSecret(deps, { caseId: work.caseId, grantId })
  faultPoint('stage.after_write')
  return done({ credential: op.credential })
}

async function set({ deps, work, grantId, op, expected }: Only<'set'>): Promise<Seen> {
  const secret = await stagedSecret(deps, grantId)
  faultPoint('set.before')
  const { credential } = op
  const { connector, subject } = work
  const effect = await connector.set({ subject, credential, grantId, expected, secret })
  faultPoint('set.after_effect')
  return changed({ work, grantId, credential, change: 'set', effect })
}

async function disable({ work, grantId, op, expected }: Only<'disable'>): Promise<Seen> {
  faultPoint('disable.before')
  const { credential } = op
  const effect = await work.connector.disable({
    subject: work.subject,
    credential,
    grantId,
    expected,
  })
  faultPoint('disable.after_effect')
  return changed({ work, grantId, credential, change: 'disable', effect })
}

/** An unknown outcome is decided by the grant id that the target itself carries, never by guessing. */
async function changed(input: {
  readonly work: Work
  readonly grantId: string
  readonly credential: string
  readonly change: 'set' | 'disable'
  readonly effect: Effect
}): Promise<Seen> {
  const { effect, credential, work } = input
  switch (effect.effect) {
    case 'done':
    case 'already':
      return { ...done({ credential }), outcome: effect.effect }
    case 'state-differs':
      return refused('PRESTATE_CHANGED', {
        observed: { credential, attributes: effect.attributes.join(' ').slice(0, 400) },
        target: 'clean',
      })
    case 'rejected':
      return refused('TARGET_REJECTED', {
        observed: { credential, sqlstate: effect.code },
        target: 'clean',
      })
    case 'unknown': {
      const last = await work.connector.lastGrant(credential)
      if (last?.grantId === input.grantId && last.change === input.change)
        return { ...done({ credential, probed: effect.code }), outcome: 'already' }
      throw new ExecutionFault(effect.code)
    }
  }
}

/** Two witnesses: a login by the consumers' route, and the catalog as the target shows it. */
async function verify({ deps, work, grantId, op }: Only<'verify'>): Promise<Seen> {
  const { credential } = op
  const secret = await stagedSecret(deps, grantId)
  const login = await reachable(work.connector.login({ credential, secret }))
  const state = await work.connector.state(work.subject)
  const enabled = state[`${credential}.login`] ?? 'absent'
  const observed = { credential, login: sayLogin(login), enabled }
  faultPoint('verify.after')
  if (login.login !== 'accepted' || enabled !== 'true')
    return refused('VERIFY_FAILED', { observed, target: 'dirty' })
  const { identityId } = work.identity
  await adoptSecret(deps.db, { identityId, credential, grantId })
  return done(observed, ['new-credential-works'])
}

async function observeConsumers({ deps, work, op }: Only<'observe-consumers'>): Promise<Seen> {
  const watched = await watchConsumers({ deps, work, op })
  faultPoint('consumers.after')
  return watched.seen === 'yes'
    ? done(watched.observed, ['consumer-on-new'])
    : refused('CLAIM_CONTRADICTED', { observed: watched.observed, target: 'clean' })
}

/** Unused first, then the control: the very secret that must die was accepted by the same route just now. */
async function observeUnused({
  deps,
  work,
  op,
  controlSeen,
}: Only<'observe-unused'>): Promise<Seen> {
  const watched = await watchUnused({ deps, work, op })
  faultPoint('unused.after')
  if (watched.seen === 'no')
    return refused('STILL_IN_USE', { observed: watched.observed, target: 'clean' })
  if (controlSeen === 'yes')
    return done({ ...watched.observed, control: 'seen before' }, ['old-unused'])
  const { credential } = op
  const secret = await secretOf(deps, { identityId: work.identity.identityId, credential })
  if (secret === null)
    return refused('DEATH_UNPROVED', {
      observed: { credential, control: 'no stored secret' },
      target: 'clean',
    })
  const control = await reachable(work.connector.login({ credential, secret }))
  const observed = { ...watched.observed, control: sayLogin(control) }
  faultPoint('control.after')
  return control.login === 'accepted'
    ? done(observed, ['old-unused'])
    : refused('DEATH_UNPROVED', { observed, target: 'clean' })
}

async function endSessions({ work, op }: Only<'end-sessions'>): Promise<Seen> {
  const { ended, left } = await work.connector.endSessions(op.credential)
  faultPoint('end-sessions.after')
  if (left > 0) throw new ExecutionFault('SESSIONS_LEFT')
  return done({ credential: op.credential, ended: String(ended), left: String(left) })
}

/**
 * Death: the secret that the control accepted is refused now with the code of a role that may not log
 * in, another credential is accepted by the same route at the same time, the catalog says that login
 * is off, and no session is left. Any of these alone proves nothing.
 */
async function proveDead({ deps, work, op, controlSeen }: Only<'prove-dead'>): Promise<Seen> {
  const { identityId } = work.identity
  const dying = await secretOf(deps, { identityId, credential: op.credential })
  const living = await secretOf(deps, { identityId, credential: op.control })
  if (dying === null || living === null) throw new ExecutionFault('SECRET_MISSING')
  const refusal = await reachable(
    work.connector.login({ credential: op.credential, secret: dying }),
  )
  const control = await reachable(work.connector.login({ credential: op.control, secret: living }))
  const state = await work.connector.state(work.subject)
  const sessions = await work.connector.sessions(op.credential)
  const left = sessions.reduce((sum, group) => sum + group.count, 0)
  const observed = {
    credential: op.credential,
    refused: sayLogin(refusal),
    control: sayLogin(control),
    enabled: state[`${op.credential}.login`] ?? 'absent',
    sessions: String(left),
    accepted_before: controlSeen,
  }
  const dead =
    controlSeen === 'yes' &&
    refusal.login === 'refused' &&
    refusal.code === '28000' &&
    control.login === 'accepted' &&
    observed.enabled === 'false' &&
    left === 0
  faultPoint('prove-dead.before_record')
  return dead
    ? done(observed, ['old-refused', 'no-session-left'])
    : refused('DEATH_UNPROVED', { observed, target: 'clean' })
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

/**
 * One function for each operation of a plan: do it on the target, or find that it was done, and say
 * what was seen. A result is an observation, never a hope: what is unknown is asked of the target
 * again or thrown as a fault, and nothing is changed without the grant's own compare-and-set.
 * Operations that change the target are here; those that only look are in probes.ts.
 */
import type { ChangeKind, Effect } from '../connectors/connector.js'
import type { Operation } from '../domain/shapes/plan.js'
import { ExecutionFault, type RecordsWork, type Work } from './deps.js'
import { holdOpen, seal } from './emergency.js'
import { faultPoint } from './faults.js'
import {
  observeAccepted,
  observeConsumers,
  observeDisabled,
  observeStaysDisabled,
  observeUnused,
  proveDead,
  verify,
  verifyRemoved,
  verifyRights,
} from './probes.js'
import {
  isRecordsOperation,
  operateInRecords,
  type RecordsOperation,
} from './records/operations.js'
import { stagedSecret, stageSecret } from './secrets.js'
import { type Doing, done, type Only, refused, type Seen } from './seen.js'

export type { Doing, Seen } from './seen.js'

/** Afterwards it is known whether the operation changes the target; one that does holds the fences meanwhile. */
export function isChange({ op }: Operation): boolean {
  switch (op) {
    case 'create':
    case 'set':
    case 'disable':
    case 'end-sessions':
    case 'remove':
    case 'withdraw':
      return true
    case 'stage':
    case 'verify':
    case 'deliver':
    case 'observe-consumers':
    case 'observe-unused':
    case 'observe-accepted':
    case 'observe-disabled':
    case 'observe-stays-disabled':
    case 'prove-dead':
    case 'verify-rights':
    case 'verify-removed':
    case 'lift-fence':
    case 'receive-evidence':
    case 'open-revocations':
    case 'prove-revocations':
    case 'observe-contained':
    case 'observe-eradicated':
    case 'activate-bundle':
    case 'open-exercises':
    case 'observe-succession':
    case 'seal':
    case 'hold-open':
      return false
  }
}

/** Looks for as long as the policy says, which may be weeks. */
export const watches = ({ op }: Operation): boolean =>
  op === 'observe-consumers' ||
  op === 'observe-unused' ||
  op === 'observe-stays-disabled' ||
  op === 'hold-open'

export async function operate(doing: Doing<Operation, Work | RecordsWork>): Promise<Seen> {
  const { op, work } = doing
  if (isRecordsOperation(op)) return operateInRecords({ ...doing, op })
  if (!('connector' in work)) throw new TypeError(`${op.op} needs a target`)
  return operateOnTarget({ ...doing, op, work })
}

async function operateOnTarget(doing: Doing<Exclude<Operation, RecordsOperation>>): Promise<Seen> {
  const { op } = doing
  switch (op.op) {
    case 'create':
      return create({ ...doing, op })
    case 'stage':
      return stage({ ...doing, op })
    case 'set':
      return set({ ...doing, op })
    case 'disable':
      return disable({ ...doing, op })
    case 'end-sessions':
      return endSessions({ ...doing, op })
    case 'remove':
      return remove({ ...doing, op })
    case 'verify':
      return verify({ ...doing, op })
    case 'observe-consumers':
      return observeConsumers({ ...doing, op })
    case 'observe-unused':
      return observeUnused({ ...doing, op })
    case 'observe-accepted':
      return observeAccepted({ ...doing, op })
    case 'observe-disabled':
      return observeDisabled({ ...doing, op })
    case 'observe-stays-disabled':
      return observeStaysDisabled({ ...doing, op })
    case 'prove-dead':
      return proveDead({ ...doing, op })
    case 'verify-rights':
      return verifyRights({ ...doing, op })
    case 'verify-removed':
      return verifyRemoved({ ...doing, op })
    case 'seal':
      return seal({ ...doing, op })
    case 'hold-open':
      return holdOpen({ ...doing, op })
    case 'withdraw':
      return withdraw({ ...doing, op })
    case 'deliver':
      throw new TypeError('deliver hands over to the partner and is no operation on the target')
  }
}

async function create({ work, grantId, op, expected }: Only<'create'>): Promise<Seen> {
  const { connector, subject } = work
  const { memberOf } = op
  faultPoint('create.before')
  const effect = await connector.create({ subject, grantId, expected, memberOf })
  faultPoint('create.after_effect')
  const { credentials } = subject
  return changed({ work, grantId, credentials, change: 'create', effect })
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
  return changed({ work, grantId, credentials: [credential], change: 'set', effect })
}

async function disable({ work, grantId, op, expected }: Only<'disable'>): Promise<Seen> {
  const { credentials } = op
  const { connector, subject } = work
  faultPoint('disable.before')
  const effect = await connector.disable({ subject, credentials, grantId, expected })
  faultPoint('disable.after_effect')
  return changed({ work, grantId, credentials, change: 'disable', effect })
}

/** What happened on the target since the signatures keeps no access alive: it is compared with how it looks now. */
async function withdraw(doing: Only<'withdraw'>): Promise<Seen> {
  const { work, op } = doing
  const { credentials } = op
  const expected = await work.connector.state(work.subject)
  const disabled = await disable({ ...doing, op: { op: 'disable', credentials }, expected })
  if (disabled.code === 'PRESTATE_CHANGED') throw new ExecutionFault('TARGET_MOVED')
  if (disabled.outcome === 'refused') return disabled
  const ended = await endSessions({ ...doing, op: { op: 'end-sessions', credentials } })
  return { ...ended, outcome: disabled.outcome }
}

async function endSessions({ work, op }: Only<'end-sessions'>): Promise<Seen> {
  let total = 0
  for (const credential of op.credentials) {
    const { ended, left } = await work.connector.endSessions(credential)
    total += ended
    if (left > 0) throw new ExecutionFault('SESSIONS_LEFT')
  }
  faultPoint('end-sessions.after')
  return done({ credentials: op.credentials.join(' '), ended: String(total), left: '0' })
}

/** Nothing that was removed carries a grant: its absence decides what is unknown, at the next attempt. */
async function remove({ work, grantId, op, expected }: Only<'remove'>): Promise<Seen> {
  const { connector, subject } = work
  faultPoint('remove.before')
  const effect = await connector.remove({ subject, grantId, expected, reassignTo: op.reassignTo })
  faultPoint('remove.after_effect')
  const observed = { group: subject.group, reassigned_to: op.reassignTo ?? 'nobody' }
  if (effect.effect === 'unknown') throw new ExecutionFault(effect.code)
  return saw(effect, observed)
}

/** An unknown outcome is decided by the grant id that the target itself carries, never by guessing. */
async function changed(input: {
  readonly work: Work
  readonly grantId: string
  readonly credentials: readonly string[]
  readonly change: ChangeKind
  readonly effect: Effect
}): Promise<Seen> {
  const { effect, work, grantId, change } = input
  const credential = input.credentials.join(' ')
  if (effect.effect !== 'unknown') return saw(effect, { credential })
  for (const name of input.credentials) {
    const last = await work.connector.lastGrant(name)
    if (last?.grantId !== grantId || last.change !== change) throw new ExecutionFault(effect.code)
  }
  return { ...done({ credential, probed: effect.code }), outcome: 'already' }
}

function saw(
  effect: Exclude<Effect, { effect: 'unknown' }>,
  observed: Record<string, string>,
): Seen {
  switch (effect.effect) {
    case 'done':
    case 'already':
      return { ...done(observed), outcome: effect.effect }
    case 'state-differs':
      return refused('PRESTATE_CHANGED', {
        ...observed,
        attributes: effect.attributes.join(' ').slice(0, 400),
      })
    case 'rejected':
      return refused('TARGET_REJECTED', { ...observed, sqlstate: effect.code })
  }
}

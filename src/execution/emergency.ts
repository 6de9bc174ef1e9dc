/** Emergency access on the target: its secret goes to one recipient, and it is watched until it has to end. */
import { setTimeout as pause } from 'node:timers/promises'
import { isRefusal } from '../domain/refusal.js'
import { now, transaction } from '../store/db.js'
import { standingAround } from '../store/streams/fences.js'
import { ExecutionFault, stop } from './deps.js'
import { faultPoint } from './faults.js'
import { sealTo } from './offer.js'
import { loginAsStored } from './probes.js'
import { secretOf } from './secrets.js'
import { done, type Only, refused, type Seen } from './seen.js'

const LOOK_EVERY_MS = 200

/** Whoever reads the delivery compares it with this digest; nobody but the recipient can open it. */
export async function seal({ deps, work, grantId, op }: Only<'seal'>): Promise<Seen> {
  const { credential, to } = op
  const { caseId, identity } = work
  const { identityId, consumers } = identity
  const consumer = consumers.find(({ consumerId }) => consumerId === to)
  if (consumer === undefined) return refused('TARGET_UNSUITABLE', { credential, recipient: to })
  const secret = await secretOf(deps, { identityId, credential })
  if (secret === null) throw new ExecutionFault('SECRET_MISSING')
  const jwe = await sealTo(deps, { consumer, secret, caseId, grantId })
  return done({ credential, recipient: to, jwe })
}

/** Afterwards the access has to end: its time is up by the database's clock, or something was faster. */
export async function holdOpen(doing: Only<'hold-open'>): Promise<Seen> {
  const { deps, op } = doing
  const { credential, until } = op
  for (;;) {
    const ended = await whyOver(doing)
    if (ended !== null) {
      const control = await loginAsStored(doing)
      return done({ credential, until, ended, control })
    }
    deps.heartbeat(op.op)
    faultPoint('observe.during')
    await pause(LOOK_EVERY_MS)
  }
}

async function whyOver({ deps, work, op }: Only<'hold-open'>): Promise<string | null> {
  if ((await now(deps.db)) >= op.until) return 'its time is up'
  const { identityId } = work.identity
  const scopes = [{ kind: 'identity' as const, id: identityId }]
  const fences = await transaction(deps.db, (tx) =>
    standingAround(tx, { ...deps, scopes, identityId }),
  )
  if (isRefusal(fences)) return stop(deps, { caseId: work.caseId, refusal: fences })
  const [fence] = fences
  if (fence !== undefined) return `fence ${fence.fenceId} stands`
  const state = await work.connector.state(work.subject)
  return state[`${op.credential}.login`] === 'true' ? null : 'it had no access any more'
}

/**
 * A step that the partner executes is offered as a task with a signed, single-use permit. A new secret, where the
 * step delivers one, is sealed to each consumer, which alone can open it.
 */

import { type Digest, digest } from '../domain/bytes/digest.js'
import type { CaseState, StepState } from '../domain/case/case.js'
import { failStep, holdsGrant } from '../domain/decide/execution.js'
import { taskUntil } from '../domain/decide/task.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import type { Identity } from '../domain/shapes/authority.js'
import type { Permit } from '../domain/shapes/envelope.js'
import { sealSecret } from '../keys/seal.js'
import { signEnvelope } from '../keys/sign.js'
import { type ExecutionDeps, ExecutionFault, record, settingOf, stop, targetOf } from './deps.js'
import { faultPoint } from './faults.js'
import { secretOf } from './secrets.js'

export async function offerTask(
  deps: ExecutionDeps,
  input: { readonly state: CaseState; readonly step: StepState },
): Promise<void> {
  const { state, step } = input
  const { opened, planHash } = state
  const { grant } = step
  const deliver = step.step.operations.find((operation) => operation.op === 'deliver')
  if (opened === null || planHash === null || grant === null)
    throw new TypeError('a partner step without plan or grant')
  const { grantId } = grant
  const sealed = deliver === undefined ? {} : await sealAll(deps, { state, ...deliver, grantId })
  faultPoint('deliver.before_offer')
  const { caseId } = state
  const { stepId } = step.step
  await record(deps, {
    caseId,
    decide: (view) => {
      const held = holdsGrant(view.state, { stepId, grantId })
      if (isRefusal(held)) return held
      if (held.phase !== 'granted') return refuse('NOT_DUE', `/steps/${stepId}`)
      const attest = deps.attestFor(caseId)
      if (view.state.ending !== null)
        return failStep(view.state, { stepId, grantId, code: 'FENCED', target: 'clean', attest })
      const until = taskUntil({ opened, step: held, at: view.at })
      const permit: Permit = {
        type: 'permit',
        v: 1,
        enterprise: opened.enterprise,
        companyId: opened.executor,
        caseId,
        stepId,
        planHash,
        grantId,
        fencingToken: grant.fencingToken,
        notAfter: until,
      }
      return [
        deps.attestFor(caseId)({
          type: 'TaskOffered',
          stepId,
          grantId,
          companyId: opened.executor,
          permit: signEnvelope({ kind: 'permit', payload: permit, ...deps.signing }),
          sealed,
          until,
        }),
      ]
    },
  })
}

/** Sealing is repeatable: a second run after a crash keeps the first delivery. */
async function sealAll(
  deps: ExecutionDeps,
  input: {
    readonly state: CaseState
    readonly credential: string
    readonly to: readonly string[]
    readonly grantId: string
  },
): Promise<Record<string, Digest>> {
  const { state, credential, to, grantId } = input
  const { identity, caseId } = await targetOf(deps, await settingOf(deps, state))
  const secret = await secretOf(deps, { identityId: identity.identityId, credential })
  if (secret === null) throw new ExecutionFault('SECRET_MISSING')
  const digests: Record<string, Digest> = {}
  for (const consumerId of to) {
    const consumer = identity.consumers.find((item) => item.consumerId === consumerId)
    if (consumer === undefined)
      return stop(deps, {
        caseId,
        refusal: refuse('TARGET_UNSUITABLE', `/consumers/${consumerId}`),
      })
    digests[consumerId] = await sealTo(deps, { consumer, secret, caseId, grantId })
  }
  return digests
}

/** The digest of the one delivery of this grant to this consumer. */
export async function sealTo(
  deps: Pick<ExecutionDeps, 'db'>,
  input: {
    readonly consumer: Identity['consumers'][number]
    readonly secret: string
    readonly caseId: string
    readonly grantId: string
  },
): Promise<Digest> {
  const { consumer, secret, caseId, grantId } = input
  const { consumerId, sealTo: publicKey } = consumer
  const jwe = await sealSecret({ secret, publicKey, sealedFor: { consumerId, caseId, grantId } })
  return digest(await keepFirst(deps, { grantId, consumerId, jwe }))
}

async function keepFirst(
  deps: Pick<ExecutionDeps, 'db'>,
  input: { readonly grantId: string; readonly consumerId: string; readonly jwe: string },
): Promise<string> {
  await deps.db.query(
    'insert into sealed (grant_id, consumer_id, jwe) values ($1, $2, $3) on conflict do nothing',
    [input.grantId, input.consumerId, input.jwe],
  )
  const { rows } = await deps.db.query<{ jwe: string }>(
    'select jwe from sealed where grant_id = $1 and consumer_id = $2',
    [input.grantId, input.consumerId],
  )
  return rows[0]?.jwe ?? input.jwe
}

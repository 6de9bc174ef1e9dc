/** The rightful moves of a rotation, as the demonstration makes them: ask, approve, deploy, claim. */
import { ulid } from 'ulid'
import { toBase64 } from '../domain/bytes/base64.js'
import { digestOf } from '../domain/bytes/digest.js'
import { type CaseState, stepOf } from '../domain/case/case.js'
import { due } from '../domain/case/due.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import type { Claim } from '../domain/shapes/envelope.js'
import { signEnvelope } from '../keys/sign.js'
import { type DemoPartner, type DemoPerson, ENTERPRISE, PARTNER, PARTNERS } from './enterprise.js'
import type { Consumer } from './processes.js'
import { approve, type Stage, soon, until, untilGate } from './stage.js'

/** Asks for a rotation and waits until its first gate is open. */
export async function openRotation(
  stage: Stage,
  input: { readonly account: string; readonly by?: 'partner' | `${DemoPerson}-second` },
): Promise<string> {
  const caseId = await askForRotation(stage, input)
  await untilGate(stage, { caseId, stepId: 'issue' })
  return caseId
}

/** Asks for a rotation over HTTP; the partner, or a person of the enterprise. */
export async function askForRotation(
  stage: Stage,
  input: { readonly account: string; readonly by?: 'partner' | `${DemoPerson}-second` },
): Promise<string> {
  const api = await stage.api(input.by ?? 'partner')
  const opened = await api.openCase({
    idempotencyKey: ulid(),
    request: {
      kind: 'rotate',
      identityId: `nhi_${input.account}`,
      changeReference: 'CHG0041207',
      change: 'standard',
    },
  })
  if (isRefusal(opened)) throw new Error(`${opened.refused} at ${opened.where}: ${opened.detail}`)
  return opened.caseId
}

/** Approves a step by everybody it needs, and waits until the case owes something else. */
export async function passStep(
  stage: Stage,
  input: {
    readonly caseId: string
    readonly stepId: string
    readonly persons: readonly DemoPerson[]
  },
): Promise<void> {
  for (const person of input.persons) await approve(stage, { ...input, person })
  await until(`${input.stepId} is carried out`, async () =>
    isPast(await stage.state(input.caseId), input.stepId),
  )
}

const isPast = (state: CaseState, stepId: string): boolean => {
  const next = due(state)
  if (next.kind === 'closed') return true
  return 'stepId' in next && (next.stepId !== stepId || next.kind === 'claim')
}

export interface Delivered {
  readonly lease: number
  readonly grantId: string
}

/** A partner at its own step; com_acme at a cut-over when nothing else is said. */
export interface Working {
  readonly caseId: string
  readonly stepId?: string
  readonly partner?: DemoPartner
}

/** The partner's tool: leases the task, and hands the sealed secret to the consumer, which alone can open it. */
export async function deployToConsumer(
  stage: Stage,
  input: Working & { readonly consumer: Consumer },
): Promise<Delivered> {
  const leased = await lease(stage, input)
  const user = leased.credential
  for (const { jwe } of leased.sealed) {
    const answer = await fetch(`${input.consumer.url}/credential`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user, jwe }),
    })
    if (!answer.ok) throw new Error(`the consumer did not take the credential: ${answer.status}`)
  }
  return leased
}

export async function lease(stage: Stage, input: Working) {
  const { caseId, stepId = 'cut-over', partner = PARTNER } = input
  const api = await stage.api(PARTNERS[partner].profile)
  const leased = await api.lease({ caseId, stepId })
  if (isRefusal(leased)) throw new Error(`${leased.refused} at ${leased.where}: ${leased.detail}`)
  return leased
}

/** The partner's signed claim with its change record, and the document that a demand asks for. */
export async function claimDone(
  stage: Stage,
  input: Working & { readonly lease: number; readonly document?: Uint8Array },
): Promise<unknown | Refusal> {
  const { caseId, stepId = 'cut-over', partner = PARTNER, document } = input
  const { claimKey, profile } = PARTNERS[partner]
  const { keyId, signer } = await stage.system.genesis.key(claimKey)
  const payload: Claim = {
    type: 'claim',
    v: 1,
    claimId: ulid(),
    enterprise: ENTERPRISE,
    companyId: partner,
    caseId,
    stepId,
    grantId: stepOf(await stage.state(caseId), stepId)?.grant?.grantId ?? '',
    fencingToken: input.lease,
    outcome: 'done',
    operatorId: 'op-4711',
    changeRecord: {
      reference: 'CHG0041207',
      changeType: 'standard',
      closeCode: 'successful',
      startedAt: soon(-5000),
      endedAt: soon(0),
      notesDigest: document === undefined ? null : digestOf(document),
    },
  }
  const api = await stage.api(profile)
  return api.claim({
    caseId,
    envelope: signEnvelope({ kind: 'claim', payload, keyId, signer }),
    document: document === undefined ? null : toBase64(document),
  })
}

/** From the open gate of `cut-over` to the end, rightfully, with a real consumer. */
export async function finishRotation(
  stage: Stage,
  input: { readonly caseId: string; readonly consumer: Consumer },
): Promise<void> {
  const { caseId } = input
  await cutOver(stage, input)
  await passStep(stage, { caseId, stepId: 'retire', persons: ['per_ana', 'per_ben'] })
  await passStep(stage, { caseId, stepId: 'close', persons: ['per_ana'] })
  await until(
    'the case is completed',
    async () => (await stage.state(caseId)).outcome === 'completed',
  )
}

/** The owner approves, the partner deploys and claims, the probe sees it: afterwards `retire` waits for its owners. */
export async function cutOver(
  stage: Stage,
  input: { readonly caseId: string; readonly consumer: Consumer },
): Promise<void> {
  const { caseId } = input
  await passStep(stage, { caseId, stepId: 'cut-over', persons: ['per_ana'] })
  const delivered = await deployToConsumer(stage, input)
  const claimed = await claimDone(stage, { caseId, lease: delivered.lease })
  if (isRefusal(claimed)) throw new Error(`the claim was refused: ${claimed.refused}`)
  await untilGate(stage, { caseId, stepId: 'retire' })
}

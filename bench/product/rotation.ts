/**
 * One rotation as the bench drives it: the owners sign as soon as a gate opens, the partner delivers, the
 * consumer is one real session on the target that moves to the new credential.
 */
import type { WorkflowHandle } from '@temporalio/client'
import pg from 'pg'
import type { DemoPerson } from '../../src/demo/enterprise.js'
import { decisionFor } from '../../src/demo/stage.js'
import { askForRotation, claimDone } from '../../src/demo/steps.js'
import { DATABASE } from '../../src/demo/target.js'
import { type CaseState, initial } from '../../src/domain/case/case.js'
import { due } from '../../src/domain/case/due.js'
import { evolve } from '../../src/domain/case/evolve.js'
import { isRefusal, type Refusal } from '../../src/domain/refusal.js'
import type { Envelope } from '../../src/domain/shapes/envelope.js'
import { openSealed } from '../../src/keys/seal.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { settled } from '../settled.js'
import type { ProductSide } from './side.js'

/** A service account in use: its consumer's one session, and what it would log in with. */
export interface Account {
  readonly name: string
  session: pg.Client
}

/** A case as far as the bench has read it. */
export interface Followed {
  readonly caseId: string
  state: CaseState
}

export interface Rotation extends Followed {
  readonly account: Account
}

/** Milliseconds of the host's clock. */
export interface Sent {
  readonly sentAt: number
  readonly answeredAt: number
}

type StepId = 'issue' | 'cut-over' | 'retire' | 'close'

const SIGNERS: Readonly<Record<StepId, readonly DemoPerson[]>> = {
  issue: ['per_ana'],
  'cut-over': ['per_ana'],
  retire: ['per_ana', 'per_ben'],
  close: ['per_ana'],
}

export async function useAccount(product: ProductSide, name: string): Promise<Account> {
  const password = product.system.secrets.accounts[name] ?? ''
  return { name, session: await logIn(product, { name, user: `${name}_a`, password }) }
}

async function logIn(
  { system }: ProductSide,
  as: { readonly name: string; readonly user: string; readonly password: string },
): Promise<pg.Client> {
  const session = new pg.Client({
    host: '127.0.0.1',
    port: system.target.port,
    database: DATABASE,
    user: as.user,
    password: as.password,
    application_name: `${as.name}-service`,
  })
  session.on('error', () => undefined)
  await session.connect()
  return session
}

/** Opens a case for each account, and resolves when each waits for its first signature. */
export async function openRotations(
  product: ProductSide,
  accounts: readonly Account[],
): Promise<readonly Rotation[]> {
  const rotations: Rotation[] = []
  for (const account of accounts) {
    const caseId = await askForRotation(product.stage, { account: account.name })
    rotations.push({ caseId, account, state: initial(caseId) })
  }
  await Promise.all(
    rotations.map(async (rotation) => {
      await untilGate(product, { followed: rotation, stepId: 'issue' })
      await settled(workflowOf(product, rotation))
    }),
  )
  return rotations
}

export const workflowOf = ({ stage }: ProductSide, { caseId }: Followed): WorkflowHandle =>
  stage.temporal.workflow.getHandle(caseId)

export async function until(
  product: ProductSide,
  input: { readonly followed: Followed; readonly holds: (state: CaseState) => boolean },
): Promise<void> {
  const { followed, holds } = input
  while (!holds(followed.state)) {
    const { caseId, seq } = followed.state
    await product.news.after(caseId, seq)
    for (const recorded of await eventsSince(product.stage.db, { caseId, after: seq }))
      followed.state = evolve(followed.state, recorded)
    if (followed.state.outcome !== null && followed.state.outcome !== 'completed')
      throw new Error(`${caseId} ended ${followed.state.outcome}`)
  }
}

export const untilGate = (
  product: ProductSide,
  input: { readonly followed: Followed; readonly stepId: string },
): Promise<void> =>
  until(product, {
    followed: input.followed,
    holds: (state) => {
      const next = due(state)
      return next.kind === 'decision' && next.stepId === input.stepId
    },
  })

/** Signs for the open gate and sends it over HTTP. The clock starts when the request leaves. */
async function sign(
  product: ProductSide,
  input: { readonly rotation: Rotation; readonly stepId: StepId; readonly person: DemoPerson },
): Promise<Sent> {
  const envelope = signedDecision(product, input)
  const sentAt = Date.now()
  const answer = await product.api(input.person).decide({ caseId: input.rotation.caseId, envelope })
  const answeredAt = Date.now()
  if (isRefusal(answer)) throw new Error(`${input.stepId}: ${answer.refused} at ${answer.where}`)
  return { sentAt, answeredAt }
}

export function signedDecision(
  product: ProductSide,
  input: { readonly rotation: Rotation; readonly stepId: StepId; readonly person: DemoPerson },
): Envelope {
  const payload = decisionFor(input.rotation.state, input)
  const { keyId, signer } = product.key(input.person)
  return signEnvelope({ kind: 'decision', payload, keyId, signer })
}

/** Approves `issue` and resolves when it is carried out and the next gate is open. */
export async function passIssue(product: ProductSide, rotation: Rotation): Promise<Sent> {
  const sent = await sign(product, { rotation, stepId: 'issue', person: 'per_ana' })
  await untilGate(product, { followed: rotation, stepId: 'cut-over' })
  return sent
}

/** The rest of a rotation whose `issue` is done. */
export async function passRest(product: ProductSide, rotation: Rotation): Promise<void> {
  await sign(product, { rotation, stepId: 'cut-over', person: 'per_ana' })
  await until(product, { followed: rotation, holds: (state) => due(state).kind === 'claim' })
  await moveConsumer(product, rotation)
  await untilGate(product, { followed: rotation, stepId: 'retire' })
  for (const person of SIGNERS.retire) await sign(product, { rotation, stepId: 'retire', person })
  await untilGate(product, { followed: rotation, stepId: 'close' })
  await sign(product, { rotation, stepId: 'close', person: 'per_ana' })
  await until(product, { followed: rotation, holds: (state) => state.outcome !== null })
}

export async function passAll(product: ProductSide, rotation: Rotation): Promise<void> {
  await passIssue(product, rotation)
  await passRest(product, rotation)
}

/** The partner leases and delivers; the consumer opens what is sealed to it, logs in, and lets go of the old one. */
async function moveConsumer(product: ProductSide, rotation: Rotation): Promise<void> {
  const { caseId, account } = rotation
  const leased = told(await product.api('partner').lease({ caseId, stepId: 'cut-over' }))
  const identity = product.system.genesis.identities.find(({ name }) => name === account.name)
  const privateKeyPem = identity?.privateKeyPem ?? ''
  const opened = told(await openSealed({ jwe: leased.sealed[0]?.jwe ?? '', privateKeyPem }))
  const user = leased.credential ?? ''
  const next = await logIn(product, { name: account.name, user, password: opened.secret })
  await account.session.end()
  account.session = next
  told(await claimDone(product.stage, { caseId, lease: leased.lease }))
}

export function told<T>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new Error(`${answer.refused} at ${answer.where}: ${answer.detail}`)
  return answer
}

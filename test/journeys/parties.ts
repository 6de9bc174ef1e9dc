/**
 * The parties of a case on a running system: the partner who asks and executes, the owners who sign,
 * the consumer that takes the new credential. Each uses its own key and the doors of the store with
 * the API's database role, so that a test needs no HTTP client.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { ulid } from 'ulid'
import type { Consumer } from '../../src/demo/processes.js'
import type { System } from '../../src/demo/system.js'
import { identityScope } from '../../src/domain/authority/matter.js'
import { type CaseState, type Recorded, stepOf } from '../../src/domain/case/case.js'
import { awaited, due } from '../../src/domain/case/due.js'
import { fold } from '../../src/domain/case/evolve.js'
import { isRefusal, type Refusal } from '../../src/domain/refusal.js'
import type { Asked } from '../../src/domain/shapes/asked.js'
import type { Claim, Decision } from '../../src/domain/shapes/envelope.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { authoritySource } from '../../src/store/authority/authority.js'
import { packSource } from '../../src/store/authority/packs.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { submitClaim, submitDecision, submitLease } from '../../src/store/case/cases.js'
import { type OpenCaseDeps, openCase } from '../../src/store/case/open-case.js'
import { type Db, openDb } from '../../src/store/db.js'
import { insist, Passing } from './insist.js'

export interface CaseView {
  readonly state: CaseState
  readonly recorded: readonly Recorded[]
}

export interface Parties {
  readonly db: Db
  readonly open: (input: Opening) => Promise<string>
  readonly read: (caseId: string) => Promise<CaseView>
  /** Signs and works until the case is closed. */
  readonly carry: (input: Carry) => Promise<CaseView>
  readonly end: () => Promise<void>
}

/** A rotation when nothing else is asked for. */
export interface Opening {
  readonly account: string
  readonly changeReference: string
  readonly asked?: Asked
}

export interface Carry {
  readonly caseId: string
  /** Null where nothing is delivered. */
  readonly consumer: Consumer | null
  /** The first awaited owner declines this step. */
  readonly decline?: string
}

interface At {
  readonly system: System
  readonly deps: OpenCaseDeps
}

const LOOK_EVERY_MS = 40

export function partiesOf(system: System): Parties {
  const db = openDb(system.databaseUrl('cs_api'), { name: 'parties', max: 6 })
  const authority = authoritySource({ trust: system.genesis.trust, verify: nodeVerify })
  const deps = { db, authority, packs: packSource(), verify: nodeVerify, newId: () => ulid() }
  const at: At = { system, deps }
  return {
    db,
    open: (input) => insist(() => open(at, input)),
    read: (caseId) => insist(() => read(at, caseId)),
    carry: (input) => carry(at, input),
    end: () => db.end(),
  }
}

/** The same idempotency key at every try: however often it is asked, there is one case. */
async function open(at: At, input: Opening): Promise<string> {
  const opened = await openCase(at.deps, {
    request: {
      asked: input.asked ?? { kind: 'rotate' },
      scope: identityScope(`nhi_${input.account}`),
      requester: { kind: 'partner', companyId: 'com_acme', personId: null },
      changeReference: input.changeReference,
      change: 'standard',
    },
    principal: 'acme-automation',
    idempotencyKey: input.changeReference,
  })
  return accepted(opened).caseId
}

async function read(at: At, caseId: string): Promise<CaseView> {
  const recorded = await eventsSince(at.deps.db, { caseId, after: 0 })
  return { state: fold(caseId, recorded), recorded }
}

async function carry(at: At, input: Carry): Promise<CaseView> {
  for (;;) {
    const view = await insist(() => read(at, input.caseId))
    const next = due(view.state)
    if (next.kind === 'closed') return view
    if (next.kind === 'decision') await insist(() => sign(at, { ...input, view }))
    if (next.kind === 'claim') await insist(() => work(at, { ...input, view }))
    await pause(LOOK_EVERY_MS)
  }
}

interface Turn extends Carry {
  readonly view: CaseView
}

/** Each awaited group's first person signs. What another turn made superfluous meanwhile is refused, and looked at again. */
async function sign(at: At, turn: Turn): Promise<void> {
  const { state } = turn.view
  const next = due(state)
  const step = next.kind === 'decision' ? stepOf(state, next.stepId) : null
  if (step === null) return
  const persons = new Set(
    awaited(step, new Date().toISOString()).flatMap((group) => group.persons.slice(0, 1)),
  )
  for (const personId of persons) {
    const verdict = turn.decline === step.step.stepId ? 'decline' : 'approve'
    const payload = decisionOf(state, { stepId: step.step.stepId, personId, verdict })
    const { keyId, signer } = await at.system.genesis.key(`key_${personId.slice('per_'.length)}`)
    const envelope = signEnvelope({ kind: 'decision', payload, keyId, signer })
    await settle(() => submitDecision(at.deps, { caseId: state.caseId, envelope, door: 'api' }))
    if (verdict === 'decline') return
  }
}

function decisionOf(
  state: CaseState,
  input: { stepId: string; personId: string; verdict: 'approve' | 'decline' },
): Decision {
  const gate = stepOf(state, input.stepId)?.gate
  if (gate === null || gate === undefined || state.planHash === null || state.opened === null)
    throw new TypeError('a decision that is due without its gate')
  return {
    type: 'decision',
    v: 1,
    decisionId: ulid(),
    enterprise: state.opened.enterprise,
    caseId: state.caseId,
    stepId: input.stepId,
    planHash: state.planHash,
    requirementHash: gate.resolved.requirementHash,
    gate: { nonce: gate.nonce, preStateHash: gate.preStateHash },
    verdict: input.verdict,
    reasonDigest: null,
    choice: null,
    notBefore: soon(-1000),
    notAfter: soon(600_000),
    personId: input.personId,
    onBehalfOf: null,
  }
}

const soon = (ms: number): string => new Date(Date.now() + ms).toISOString()

/** The partner leases the task, hands the sealed secret to the consumer, and claims. */
async function work(at: At, turn: Turn): Promise<void> {
  const { state } = turn.view
  const next = due(state)
  const { consumer } = turn
  if (next.kind !== 'claim' || state.opened === null || consumer === null) return
  const { caseId } = state
  const { stepId } = next
  const companyId = state.opened.executor
  const leased = await submitLease(at.deps, { caseId, stepId, companyId })
  if (isRefusal(leased)) return tolerate(leased)
  await deliver(at, { consumer, grantId: leased.grantId, state })
  const payload = claimOf(state, { stepId, ...leased })
  const { keyId, signer } = await at.system.genesis.key('key_acme-claims')
  const envelope = signEnvelope({ kind: 'claim', payload, keyId, signer })
  await settle(() => submitClaim(at.deps, { caseId, envelope }))
}

const claimOf = (
  state: CaseState,
  input: { stepId: string; grantId: string; lease: number },
): Claim => ({
  type: 'claim',
  v: 1,
  claimId: ulid(),
  enterprise: state.opened?.enterprise ?? '',
  companyId: state.opened?.executor ?? '',
  caseId: state.caseId,
  stepId: input.stepId,
  grantId: input.grantId,
  fencingToken: input.lease,
  outcome: 'done',
  operatorId: 'op-17',
  changeRecord: {
    reference: state.opened?.requester.changeReference ?? 'CHG0001',
    changeType: 'standard',
    closeCode: 'successful',
    startedAt: soon(-1000),
    endedAt: soon(0),
    notesDigest: null,
  },
})

const incomingOf = ({ plan }: CaseState): string | undefined =>
  plan?.about.kind === 'rotate' ? plan.about.incoming : undefined

async function deliver(
  at: At,
  input: { consumer: Consumer; grantId: string; state: CaseState },
): Promise<void> {
  const { rows } = await at.deps.db.query<{ jwe: string }>(
    'select jwe from sealed where grant_id = $1 and consumer_id = $2',
    [input.grantId, `cns_${input.consumer.account}`],
  )
  const response = await fetch(`${input.consumer.url}/credential`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: incomingOf(input.state), jwe: rows[0]?.jwe }),
  })
  await response.arrayBuffer()
  if (!response.ok) throw new Passing(`the consumer answered ${response.status}`)
}

export interface ConsumerReport {
  readonly user: string
  readonly logins: number
  readonly failedLogins: number
  readonly queries: number
  readonly failedQueries: number
  readonly longestGapMs: number
}

export async function reportOf(consumer: Consumer): Promise<ConsumerReport> {
  const response = await fetch(`${consumer.url}/report`)
  return (await response.json()) as ConsumerReport
}

export function accepted<T>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new Error(`${answer.refused} at ${answer.where}: ${answer.detail}`)
  return answer
}

async function settle(work: () => Promise<object>): Promise<void> {
  const answer = await work()
  if (isRefusal(answer)) tolerate(answer)
}

/** Refusals that only say that somebody was faster, for example an earlier try whose answer was lost. */
const OVERTAKEN = [
  'NOT_DUE',
  'GATE_NOT_OPEN',
  'WRONG_NONCE',
  'PERSON_COUNTED',
  'TOO_LATE',
  'LEASE_LOST',
]

function tolerate(refusal: Refusal): void {
  if (!OVERTAKEN.includes(refusal.refused)) accepted(refusal)
}

/**
 * The stage: the running system seen through the hands of those who act on it. Persons and the partner
 * use the HTTP API with their own keys; an attacker may hold the namespace, the evidence store's
 * superuser and the target's DBA. Every wait is for something that can be observed.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import pg from 'pg'
import { ulid } from 'ulid'
import { type ApiClient, createClient } from '../cli/session/client.js'
import { dataConverter } from '../codec/data-converter.js'
import { NAMESPACE } from '../contract/messages.js'
import { type CaseState, type Recorded, stepOf } from '../domain/case/case.js'
import { due } from '../domain/case/due.js'
import { fold } from '../domain/case/evolve.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import type { Decision, Envelope } from '../domain/shapes/envelope.js'
import { signEnvelope } from '../keys/sign.js'
import { eventsSince } from '../store/case/apply.js'
import { type Db, openDb } from '../store/db.js'
import { type DemoPerson, ENTERPRISE, type Party } from './enterprise.js'
import type { System } from './system.js'

const WAIT_MS = 60_000

export interface Stage {
  readonly system: System
  readonly db: Db
  /** The attacker's connections; nothing in the product uses them. */
  readonly dba: pg.Client
  readonly targetDba: pg.Client
  readonly temporal: Client
  /** One more connection of the evidence store's superuser. */
  readonly attacker: () => Promise<pg.Client>
  /** From here on nothing may change in what the target says about this account. */
  readonly baseline: (account: string) => Promise<void>
  readonly baselines: ReadonlyMap<string, string>
  readonly api: (who: Party) => Promise<ApiClient>
  readonly events: (caseId: string) => Promise<readonly Recorded[]>
  readonly state: (caseId: string) => Promise<CaseState>
  readonly close: () => Promise<void>
}

export async function openStage(system: System): Promise<Stage> {
  const db = openDb(system.databaseUrl('cs_api'), { name: 'stage', max: 4 })
  const dba = await connected(system.store.superuserUrl)
  const targetDba = await connected(system.targetUrl())
  const connection = await Connection.connect({ address: system.addresses.temporal })
  const keys = [{ kid: 'codec-1', key: Buffer.from(system.secrets.codecKey, 'base64') }]
  const temporal = new Client({
    connection,
    namespace: NAMESPACE,
    dataConverter: dataConverter({ keys }),
  })
  const baselines = new Map<string, string>()
  const clients = new Map<string, Promise<ApiClient>>()
  const events = (caseId: string) => eventsSince(db, { caseId, after: 0 })
  return {
    system,
    db,
    dba,
    targetDba,
    temporal,
    attacker: () => connected(system.store.superuserUrl),
    baseline: async (account) => {
      baselines.set(account, await look(targetDba, account))
    },
    baselines,
    api: (who) => {
      const known = clients.get(who) ?? createClient({ profile: system.profile(who) })
      clients.set(who, known)
      return known
    },
    events,
    state: async (caseId) => fold(caseId, await events(caseId)),
    close: async () => {
      await Promise.all([dba.end(), targetDba.end(), db.end(), connection.close()])
    },
  }
}

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** What the target itself says about the two credentials of an account: logins and verifiers. */
export async function look(targetDba: pg.Client, account: string): Promise<string> {
  const { rows } = await targetDba.query(
    'select rolname, rolcanlogin, rolpassword from pg_authid where rolname = any($1) order by rolname',
    [[`${account}_a`, `${account}_b`]],
  )
  return JSON.stringify(rows)
}

/** Waits until it holds; an error that says what did not come about after a minute. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const over = performance.now() + WAIT_MS
  while (!(await holds())) {
    if (performance.now() > over) throw new Error(`waited in vain until ${what}`)
    await pause(25)
  }
}

export const soon = (ms: number): string => new Date(Date.now() + ms).toISOString()

/** The decision that this person would sign now for the step: at its open gate, or ahead. */
export function decisionFor(
  state: CaseState,
  input: { readonly stepId: string; readonly person: string; readonly change?: Partial<Decision> },
): Decision {
  const step = stepOf(state, input.stepId)
  const resolved = step?.gate?.resolved ?? state.opened?.requirements[input.stepId]
  if (step === null || resolved === undefined || state.planHash === null)
    throw new Error(`no step ${input.stepId}`)
  return {
    type: 'decision',
    v: 1,
    decisionId: ulid(),
    enterprise: ENTERPRISE,
    caseId: state.caseId,
    stepId: input.stepId,
    planHash: state.planHash,
    requirementHash: resolved.requirementHash,
    gate:
      step.gate === null
        ? { opensWhen: [...resolved.requirement.facts] }
        : { nonce: step.gate.nonce, preStateHash: step.gate.preStateHash },
    verdict: 'approve',
    reasonDigest: null,
    choice: null,
    notBefore: soon(-2000),
    notAfter: soon(600_000),
    personId: input.person,
    onBehalfOf: null,
    ...input.change,
  }
}

export async function signedBy(
  stage: Stage,
  input: { person: DemoPerson; payload: Decision },
): Promise<Envelope> {
  const { keyId, signer } = await stage.system.genesis.key(`key_${input.person.slice(4)}`)
  return signEnvelope({ kind: 'decision', payload: input.payload, keyId, signer })
}

export interface Deciding {
  readonly caseId: string
  readonly stepId: string
  readonly person: DemoPerson
  readonly change?: Partial<Decision>
}

/** Signs and sends a decision through the API; the answer is the receipt or the refusal. */
export async function decide(stage: Stage, input: Deciding): Promise<unknown | Refusal> {
  const payload = decisionFor(await stage.state(input.caseId), input)
  const api = await stage.api(input.person)
  return api.decide({
    caseId: input.caseId,
    envelope: await signedBy(stage, { person: input.person, payload }),
  })
}

export async function approve(stage: Stage, input: Deciding): Promise<void> {
  const answer = await decide(stage, input)
  if (isRefusal(answer))
    throw new Error(`${input.stepId} by ${input.person}: ${answer.refused} ${answer.detail}`)
}

/** Waits until the case waits for a decision on this step. */
export const untilGate = (
  stage: Stage,
  at: { caseId: string; stepId: string; round?: number },
): Promise<void> =>
  until(`${at.stepId} waits for its owners`, async () => {
    const next = due(await stage.state(at.caseId))
    return next.kind === 'decision' && next.stepId === at.stepId && next.round >= (at.round ?? 1)
  })

/** Abuse of decisions: forged, by the wrong person, for something else, too late, again. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { ulid } from 'ulid'
import { NAMESPACE } from '../../contract/messages.js'
import { digest } from '../../domain/bytes/digest.js'
import { type CaseState, stepOf } from '../../domain/case/case.js'
import { isRefusal } from '../../domain/refusal.js'
import type { Decision } from '../../domain/shapes/envelope.js'
import { generateEd25519, signEnvelope, signerFromPem } from '../../keys/sign.js'
import {
  approve,
  type Deciding,
  decide,
  decisionFor,
  type Stage,
  signedBy,
  soon,
  until,
  untilGate,
} from '../stage.js'
import { openRotation } from '../steps.js'
import type { Attempt, Traces } from './attempt.js'

const run = promisify(execFile)

/** Sends a signal as anybody with the `temporal` program can. */
export const signalByHand = (
  stage: Stage,
  input: { caseId: string; signal: string; json: string },
) =>
  run(process.env['TEMPORAL_CLI_PATH'] ?? 'temporal', [
    ...[
      'workflow',
      'signal',
      '--address',
      stage.system.addresses.temporal,
      '--namespace',
      NAMESPACE,
    ],
    ...['--workflow-id', input.caseId, '--name', input.signal, '--input', input.json],
  ])

const refusalsOf = async (stage: Stage, caseId: string): Promise<readonly string[]> =>
  (await stage.events(caseId)).flatMap(({ event }) =>
    event.type === 'DecisionRefused' ? [event.code] : [],
  )

const untilRefused = (stage: Stage, input: { caseId: string; code: string }): Promise<void> =>
  until(`${input.code} is recorded`, async () =>
    (await refusalsOf(stage, input.caseId)).includes(input.code),
  )

/** The decision is sent through the API and must be refused with this code. */
async function mustRefuse(
  stage: Stage,
  input: Deciding & { readonly code: string },
): Promise<Traces> {
  const answer = await decide(stage, input)
  if (!isRefusal(answer) || answer.refused !== input.code)
    throw new Error(`expected ${input.code}, got ${JSON.stringify(answer)}`)
  return {
    happened: `refused: ${answer.detail}`,
    recorded: { stream: input.caseId, code: input.code },
  }
}

const unsigned: Attempt = {
  name: 'an unsigned approval, signalled to the workflow with the temporal CLI',
  account: 'unsigned',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'unsigned' })
    await signalByHand(stage, { caseId, signal: 'decide', json: '{"approved":true,"by":"ana"}' })
    await untilRefused(stage, { caseId, code: 'MALFORMED' })
    return {
      happened: 'it reached the workflow and was recorded as no decision',
      recorded: { stream: caseId, code: 'MALFORMED' },
    }
  },
}

const selfSigned: Attempt = {
  name: 'a self-signed approval, encrypted as ours are and signalled to the workflow',
  account: 'selfsigned',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'selfsigned' })
    const payload = decisionFor(await stage.state(caseId), { stepId: 'issue', person: 'per_ana' })
    const signer = signerFromPem(generateEd25519().privateKeyPem)
    const envelope = signEnvelope({ kind: 'decision', payload, keyId: 'key_ana-new', signer })
    await signalByHand(stage, { caseId, signal: 'decide', json: JSON.stringify({ envelope }) })
    await stage.temporal.workflow.getHandle(caseId).signal('decide', { envelope })
    await untilRefused(stage, { caseId, code: 'KEY_UNKNOWN' })
    return {
      happened: 'no such key in the authority bundle',
      recorded: { stream: caseId, code: 'KEY_UNKNOWN' },
    }
  },
}

const partnerApproves: Attempt = {
  name: 'the partner approves its own request with its own enrolled key',
  account: 'ownrequest',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'ownrequest' })
    return mustRefuse(stage, {
      caseId,
      stepId: 'issue',
      person: 'per_zed',
      code: 'EXECUTOR_COMPANY',
    })
  },
}

const secondAccount: Attempt = {
  name: 'the requester approves through a second account',
  account: 'secondaccount',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'secondaccount', by: 'per_cleo-second' })
    return mustRefuse(stage, {
      caseId,
      stepId: 'issue',
      person: 'per_cleo',
      code: 'REQUESTER_NEVER',
    })
  },
}

/** Decisions that are well signed by the right person, but for something else. */
const WRONGLY_BOUND = [
  {
    name: 'a decision for another step',
    account: 'otherstep',
    code: 'GATE_NOT_OPEN',
    change: 'step',
  },
  {
    name: 'a decision for an edited plan',
    account: 'editedplan',
    code: 'WRONG_PLAN',
    change: { planHash: digest('another plan') },
  },
  {
    name: 'a decision for a state that the target was not in',
    account: 'otherstate',
    code: 'PRESTATE_CHANGED',
    change: 'pre-state',
  },
  {
    name: 'a decision that has expired',
    account: 'expired',
    code: 'EXPIRED',
    change: { notBefore: soon(-120_000), notAfter: soon(-60_000) },
  },
] as const

/** The same signature for the step after next, or for a target that looked different. */
function bendOf(state: CaseState, what: 'step' | 'pre-state'): Partial<Decision> {
  const nonce = stepOf(state, 'issue')?.gate?.nonce ?? digest('')
  const requirementHash = state.opened?.requirements['retire']?.requirementHash ?? digest('')
  return what === 'step'
    ? { stepId: 'retire', requirementHash }
    : { gate: { nonce, preStateHash: digest({ other: 'state' }) } }
}

const wronglyBound = WRONGLY_BOUND.map(
  ({ name, account, code, change }): Attempt => ({
    name,
    account,
    play: async (stage) => {
      const caseId = await openRotation(stage, { account })
      const bent = typeof change === 'string' ? bendOf(await stage.state(caseId), change) : change
      return mustRefuse(stage, { caseId, stepId: 'issue', person: 'per_ana', change: bent, code })
    },
  }),
)

const replayed: Attempt = {
  name: 'a decision replayed after its use',
  account: 'replayed',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'replayed' })
    const decisionId = ulid()
    const other = await openRotation(stage, { account: 'replayedother' })
    const payload = decisionFor(await stage.state(caseId), {
      stepId: 'issue',
      person: 'per_ana',
      change: { decisionId, verdict: 'ask' },
    })
    const envelope = await signedBy(stage, { person: 'per_ana', payload })
    const api = await stage.api('per_ana')
    await api.decide({ caseId, envelope })
    const again = await api.decide({ caseId, envelope })
    if (isRefusal(again))
      throw new Error(
        `the same decision again was not answered as the first time: ${again.refused}`,
      )
    const elsewhere = await api.decide({ caseId: other, envelope })
    if (!isRefusal(elsewhere) || elsewhere.refused !== 'WRONG_CASE')
      throw new Error('accepted for another case')
    const traces = await mustRefuse(stage, {
      ...{ caseId, stepId: 'issue', person: 'per_ana', code: 'REPLAYED' },
      change: { decisionId },
    })
    return { ...traces, happened: `counted once; refused elsewhere and under its id again` }
  },
}

const malformedThenGood: Attempt = {
  name: 'a malformed and an undecodable signal, then a good decision',
  account: 'malformed',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'malformed' })
    await signalByHand(stage, { caseId, signal: 'decide', json: '[[[["\\u0000"]]]]' })
    await signalByHand(stage, { caseId, signal: 'no-such-signal', json: '{}' })
    await stage.temporal.workflow
      .getHandle(caseId)
      .signal('decide', { envelope: { payloadType: 7 } })
    await untilRefused(stage, { caseId, code: 'MALFORMED' })
    await approve(stage, { caseId, stepId: 'issue', person: 'per_ana', change: { verdict: 'ask' } })
    await until('the good one is admitted', async () =>
      (await stage.events(caseId)).some(({ event }) => event.type === 'DecisionAdmitted'),
    )
    await untilGate(stage, { caseId, stepId: 'issue' })
    return {
      happened: 'both were recorded, and the good decision was admitted',
      recorded: { stream: caseId, code: 'MALFORMED' },
    }
  },
}

export const decisionAttempts: readonly Attempt[] = [
  unsigned,
  selfSigned,
  partnerApproves,
  secondAccount,
  ...wronglyBound,
  replayed,
  malformedThenGood,
]

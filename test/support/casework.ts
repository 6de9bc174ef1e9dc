/** Casework in a World without Temporal: ask for a case, sign its gates, have the connector do what is due. */
import pg from 'pg'
import { ulid } from 'ulid'
import { identityScope } from '../../src/domain/authority/matter.js'
import type { CaseState } from '../../src/domain/case/case.js'
import { type Due, due } from '../../src/domain/case/due.js'
import type { Asked } from '../../src/domain/shapes/asked.js'
import type { Change } from '../../src/domain/shapes/basic.js'
import { readCase } from '../../src/execution/deps.js'
import { observeStep, performStep } from '../../src/execution/execute.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { undoDueStep } from '../../src/execution/undo.js'
import { openSealed } from '../../src/keys/seal.js'
import { submitClaim, submitDecision, submitLease } from '../../src/store/case/cases.js'
import { openCase } from '../../src/store/case/open-case.js'
import { must, type TestPerson } from './authority.js'
import { aClaim, aDecision, signClaim, signDecision } from './people.js'
import type { World } from './world.js'

export type Casework = ReturnType<typeof caseworkIn>

export function caseworkIn(world: World) {
  const { connector, api, authority } = world
  const stateOf = async (caseId: string): Promise<CaseState> =>
    (await readCase(connector, caseId)).state
  const work = {
    stateOf,
    dueOf: async (caseId: string): Promise<Due> => due(await stateOf(caseId)),
    /** As the partner asks for it; what the store answers. */
    ask: (identity: string, what: Asked, change: Change = 'standard') =>
      openCase(api, {
        request: {
          asked: what,
          scope: identityScope(`nhi_${identity}`),
          change,
          requester: { kind: 'partner', companyId: 'com_acme', personId: null },
          changeReference: 'CHG0001',
        },
        principal: 'acme',
        idempotencyKey: ulid(),
      }),
    /** Asked for, planned, and its first gate open. */
    open: async (identity: string, what: Asked, change?: Change): Promise<string> => {
      const { caseId } = must(await work.ask(identity, what, change))
      await drawPlan(connector, caseId)
      await openDueGate(connector, caseId)
      return caseId
    },
    approve: async (caseId: string, input: { stepId: string; person: TestPerson }) => {
      const envelope = signDecision(authority.keys, aDecision(await stateOf(caseId), input))
      return must(await submitDecision(api, { caseId, envelope, door: 'api' }))
    },
    decline: async (caseId: string, input: { stepId: string; person: TestPerson }) => {
      const decision = aDecision(await stateOf(caseId), {
        ...input,
        overrides: { verdict: 'decline' },
      })
      const envelope = signDecision(authority.keys, decision)
      return must(await submitDecision(api, { caseId, envelope, door: 'api' }))
    },
    perform: async (caseId: string, stepId: string): Promise<void> => {
      await performStep(connector, { caseId, stepId })
      await openDueGate(connector, caseId)
    },
    /** Signed by each of them, then performed. */
    signAndPerform: async (
      caseId: string,
      { stepId, by }: { stepId: string; by: readonly TestPerson[] },
    ): Promise<void> => {
      for (const person of by) await work.approve(caseId, { stepId, person })
      await work.perform(caseId, stepId)
    },
    undo: (caseId: string, stepId: string) => undoDueStep(connector, { caseId, stepId }),
    /** The partner's side of a delivery: the secret as its consumer opens it. */
    deliver: async (caseId: string, stepId: string) => {
      const leased = must(await submitLease(api, { caseId, stepId, companyId: 'com_acme' }))
      const { rows } = await world
        .db('cs_api')
        .query<{ jwe: string }>('select jwe from sealed where grant_id = $1', [leased.grantId])
      const { privateKeyPem } = authority.keys.consumers.cns_billing
      const { secret } = must(await openSealed({ jwe: rows[0]?.jwe ?? '', privateKeyPem }))
      return { secret, lease: leased.lease }
    },
    submitClaim: async (caseId: string, { stepId, lease }: { stepId: string; lease: number }) => {
      const claim = aClaim(await stateOf(caseId), { stepId, lease })
      const envelope = signClaim(authority.keys, claim)
      must(await submitClaim(api, { caseId, envelope }))
    },
    /** Claimed, and looked at by the enterprise's probe. */
    claim: async (caseId: string, { stepId, lease }: { stepId: string; lease: number }) => {
      await work.submitClaim(caseId, { stepId, lease })
      await observeStep(connector, { caseId, stepId })
      await openDueGate(connector, caseId)
    },
    /** A session on the target, under the name that the inventory knows. */
    connect: async (input: {
      user: string
      password: string
      appears: string
    }): Promise<pg.Client> => {
      const { user, password, appears } = input
      const client = new pg.Client({
        ...{ host: '127.0.0.1', port: world.target.port, database: 'postgres' },
        ...{ user, password, application_name: appears },
      })
      client.on('error', () => undefined)
      await client.connect()
      return client
    },
  }
  return work
}

/**
 * The hands of a row: ask for a case, sign its gates, see it end, in a rig that all rows share. Whoever is awaited stands
 * in Temporal before anybody signs; what ends is shown as ended, and its packet verifies.
 */
import { ulid } from 'ulid'
import { expect } from 'vitest'
import { ATTRIBUTES } from '../../../src/contract/messages.js'
import { identityScope } from '../../../src/domain/authority/matter.js'
import { stepOf } from '../../../src/domain/case/case.js'
import { type Due, due } from '../../../src/domain/case/due.js'
import { isRefusal, type Refusal } from '../../../src/domain/refusal.js'
import type { Asked } from '../../../src/domain/shapes/asked.js'
import type { CaseScope, Change } from '../../../src/domain/shapes/basic.js'
import type { CaseEvent } from '../../../src/domain/shapes/event.js'
import { type Opened, openCase } from '../../../src/store/case/open-case.js'
import { filesOf, writtenIn } from '../../packet/forge.js'
import { must, type TestPerson } from '../../support/authority.js'
import { caseworkIn } from '../../support/casework.js'
import { packetOf, verdictOf } from '../../support/packets.js'
import { type Rig, until } from '../../support/rig.js'

export type Requester = Parameters<typeof openCase>[1]['request']['requester']

const partner = (companyId: 'com_acme' | 'com_zeta'): Requester => ({
  ...{ kind: 'partner', companyId, personId: null },
})
export const ACME = partner('com_acme')
export const ZETA = partner('com_zeta')
export const SCHEDULE: Requester = { kind: 'enterprise', companyId: 'com_bank', personId: null }
export const by = (personId: TestPerson): Requester => ({ ...SCHEDULE, personId })
export const ofPartner = (id: 'com_acme' | 'com_zeta'): CaseScope => ({ kind: 'partner', id })
export const ofIdentity = (name: string): CaseScope => identityScope(`nhi_${name}`)

export type Hands = ReturnType<typeof handsIn>

const MOST_ROUNDS = 6

/** The step is carried out, or with the partner. */
const isPast = (next: Due, stepId: string): boolean =>
  next.kind === 'closed' || next.kind === 'claim' || ('stepId' in next && next.stepId !== stepId)

export function handsIn(rig: Rig) {
  const { world, client } = rig
  const work = caseworkIn(world)
  const packets = new Map<string, Uint8Array>()

  const asks = (
    asked: Asked,
    of: { readonly scope: CaseScope; readonly by: Requester; readonly change?: Change },
  ): Promise<Opened | Refusal> =>
    openCase(world.api, {
      request: {
        ...{ asked, scope: of.scope, requester: of.by },
        ...{ change: of.change ?? 'standard', changeReference: null },
      },
      ...{ principal: of.by.personId ?? of.by.companyId, idempotencyKey: ulid() },
    })

  const shown = (caseId: string) => client.workflow.getHandle(caseId).describe()
  const details = async (caseId: string): Promise<string> => {
    const answer = await client.workflow
      .getHandle(caseId)
      .query<{ readonly currentDetails?: string }>('__temporal_workflow_metadata')
    return answer.currentDetails ?? ''
  }

  /** Its gate is open, and Temporal shows for whom. */
  async function awaited(caseId: string, stepId: string): Promise<number> {
    let round = 0
    await until(`${caseId} waits at ${stepId}`, async () => {
      const next = await work.dueOf(caseId)
      if (next.kind !== 'decision' || next.stepId !== stepId) return false
      round = next.round
      return true
    })
    await until(`Temporal shows who is awaited at ${stepId} of ${caseId}`, async () => {
      const { typedSearchAttributes: attributes } = await shown(caseId)
      const holders = attributes.get(ATTRIBUTES.waitingOn) ?? []
      return attributes.get(ATTRIBUTES.phase) === 'approve' && holders.every(isOwner)
    })
    return round
  }

  /** Signed by each of them at each round of its gate, until it is carried out. */
  async function sign(caseId: string, stepId: string, ...persons: TestPerson[]): Promise<void> {
    for (let tries = 0; tries < MOST_ROUNDS; tries += 1) {
      const round = await awaited(caseId, stepId)
      for (const person of persons) await work.approve(caseId, { stepId, person })
      let past = false
      await until(`${stepId} of ${caseId} is carried out`, async () => {
        const state = await work.stateOf(caseId)
        const next = due(state)
        past = isPast(next, stepId)
        const again = (stepOf(state, stepId)?.round ?? 0) > round
        return past || (next.kind === 'decision' && again)
      })
      if (past) return
    }
    throw new Error(`${stepId} of ${caseId} was signed ${MOST_ROUNDS} times and is not done`)
  }

  /** Ended so, shown so in Temporal, and its packet verifies. */
  async function ends(caseId: string, outcome: string): Promise<void> {
    const handle = client.workflow.getHandle(caseId)
    await until(`${caseId} has a workflow`, async () =>
      handle.describe().then(
        () => true,
        () => false,
      ),
    )
    expect(await handle.result()).toBe(outcome)
    const { type, typedSearchAttributes: attributes } = await shown(caseId)
    const [kind, executor, scope] = caseId.split(':')
    expect(type).toBe(kind)
    // A rotation has a golden history of its own.
    if (outcome === 'completed' && type !== 'rotate') rig.keep(type, caseId)
    expect(attributes.get(ATTRIBUTES.phase)).toBe('closed')
    expect(attributes.get(ATTRIBUTES.partner)).toBe(executor)
    expect(attributes.get(ATTRIBUTES.identity)).toBe(scope)
    expect(await details(caseId)).toContain(`### closed: ${outcome}`)
    expect(await verified(caseId)).toEqual([])
  }

  /** What is wrong with its packet; one that was found right is not looked at again. */
  async function verified(caseId: string): Promise<readonly unknown[]> {
    if (packets.has(caseId)) return []
    const bytes = await packetOf(world, caseId)
    const { problems } = verdictOf(world, bytes)
    if (problems.length === 0) packets.set(caseId, bytes)
    return problems
  }

  return {
    ...{ rig, world, work, asks, awaited, sign, ends, verified },
    opens: async (...asking: Parameters<typeof asks>): Promise<string> =>
      must(await asks(...asking)).caseId,
    /** What the gate says to whom it does not ask. */
    refuses: async (caseId: string, stepId: string, person: TestPerson): Promise<string> => {
      await awaited(caseId, stepId)
      const answer = await work.approve(caseId, { stepId, person }).catch(String)
      return typeof answer === 'string' ? answer : 'admitted'
    },
    /** Declined at its gate. */
    declines: async (caseId: string, stepId: string, person: TestPerson): Promise<void> => {
      await awaited(caseId, stepId)
      await work.decline(caseId, { stepId, person })
    },
    /** The partner hands the secret to the consumer, which works with it while this holds. */
    handsOver: async (
      caseId: string,
      of: { readonly stepId: string; readonly user: string; readonly name: string },
    ): Promise<void> => {
      const { stepId, user, name } = of
      await until('the task is offered', async () => (await work.dueOf(caseId)).kind === 'claim')
      const { secret, lease } = await work.deliver(caseId, stepId)
      const consumer = await work.connect({ user, password: secret, appears: `${name}-service` })
      await work.submitClaim(caseId, { stepId, lease })
      await until('the enterprise saw it', async () => isPast(await work.dueOf(caseId), stepId))
      await consumer.end()
    },
    /** The one case that the schedule opened. */
    scheduled: (list: readonly { readonly opened: Opened | Refusal }[]): string => {
      const [caseId] = list.flatMap(({ opened }) => (isRefusal(opened) ? [] : [opened.caseId]))
      if (caseId === undefined) throw new Error('no case opened by itself')
      return caseId
    },
    /** What the packets say happened, case by case. */
    told: (
      which: (caseId: string) => boolean = () => true,
    ): readonly (readonly { readonly at: string; readonly event: CaseEvent }[])[] =>
      [...packets]
        .filter(([caseId]) => which(caseId))
        .map(([, bytes]) => writtenIn(filesOf(bytes)).map(({ at, body }) => ({ at, event: body }))),
  }
}

const isOwner = (holder: string): boolean => holder.startsWith('owner:')

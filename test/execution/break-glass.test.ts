/** Access in an emergency ends by itself, and whoever leaves it unreviewed makes the next one harder, but never impossible. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityScope } from '../../src/domain/authority/matter.js'
import { stepOf } from '../../src/domain/case/case.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { openSealed } from '../../src/keys/seal.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { openCase } from '../../src/store/case/open-case.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { filesOf, reseal } from '../packet/forge.js'
import { must, type TestPerson } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf, verdictOn } from '../support/packets.js'
import { aMandate, signFence, signMandate } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld({
    change: {
      // Five who answer for it: ana owns it, cleo is on duty, the others are officers.
      people: (section) => ({
        ...section,
        persons: section.persons.map((person) =>
          ['per_ben', 'per_zed'].includes(person.personId)
            ? { ...person, companyId: 'com_bank', duties: ['officer' as const] }
            : person,
        ),
      }),
      ownership: (section) => ({
        ...section,
        identities: section.identities.map((identity) =>
          EMERGENCY.includes(identity.identityId) ? { ...identity, custodian: null } : identity,
        ),
      }),
    },
  })
  work = caseworkIn(world)
  for (const name of ['ledger', 'reports'])
    await world.targetDba.query(`alter role ${name}_a nologin`)
})
afterAll(() => world.stop())

const EMERGENCY = ['nhi_ledger', 'nhi_reports']
const HOUR = 3_600_000
const from = (ms: number): string => new Date(Date.now() + ms).toISOString()

interface Asking {
  readonly by: TestPerson
  readonly identity?: string
  readonly forMs?: number
  readonly recipient?: string
}

const ask = ({ by, identity = 'ledger', forMs = HOUR, recipient }: Asking) =>
  openCase(world.api, {
    request: {
      asked: {
        ...{ kind: 'break-glass', reference: 'INC-9', until: from(forMs) },
        recipient: recipient ?? `cns_${identity}`,
      },
      scope: identityScope(`nhi_${identity}`),
      ...{ change: 'emergency', changeReference: null },
      requester: { kind: 'enterprise', companyId: 'com_bank', personId: by },
    },
    ...{ principal: by, idempotencyKey: ulid() },
  })

async function asked(asking: Asking): Promise<string> {
  const { caseId } = must(await ask(asking))
  await drawPlan(world.connector, caseId)
  await openDueGate(world.connector, caseId)
  return caseId
}

/** Whoever opens it has signed its end. */
async function opened(caseId: string, by: readonly TestPerson[]): Promise<void> {
  for (const person of by) await work.approve(caseId, { stepId: 'end', person })
  await work.signAndPerform(caseId, { stepId: 'open', by })
}

async function fenced(identityId: string): Promise<void> {
  const scope = { kind: 'identity', id: identityId } as const
  const envelope = signFence(world.authority.keys, { person: 'per_cleo', scope, speed: 'stop' })
  const { authority, verify } = world.api
  must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
}

/** What the recipient alone can read. */
async function secretOf(caseId: string): Promise<string> {
  const recorded = await eventsSince(world.db('cs_api'), { caseId, after: 0 })
  const sealed = recorded.find(
    ({ event }) => event.type === 'OperationObserved' && event.op === 'seal',
  )?.event
  const grantId = sealed?.type === 'OperationObserved' ? sealed.grantId : ''
  const { rows } = await world
    .db('cs_api')
    .query<{ jwe: string }>('select jwe from sealed where grant_id = $1', [grantId])
  const { privateKeyPem } = world.authority.keys.consumers.cns_billing
  return must(await openSealed({ jwe: rows[0]?.jwe ?? '', privateKeyPem })).secret
}

const connect = async (caseId: string, user: string) =>
  work.connect({ user, password: await secretOf(caseId), appears: 'emergency' })

const rulesOf = async (caseId: string): Promise<readonly string[]> =>
  stepOf(await work.stateOf(caseId), 'open')?.gate?.resolved.rules ?? []

const verified = { verdict: 'VERIFIED', problems: [] }

describe('who may ask for emergency access', () => {
  it('is no partner, alone or for what it holds', async () => {
    const terms = { kind: 'break-glass' as const, reference: 'INC-9', until: from(HOUR) }
    const mine = await work.ask('billing', { ...terms, recipient: 'cns_billing' })
    expect(mine).toMatchObject({ refused: 'NOT_ALLOWED', where: '/requester/kind' })
    expect(await ask({ by: 'per_ana', identity: 'billing' })).toMatchObject({
      ...{ refused: 'NOT_ALLOWED', where: '/identity/custodian' },
    })
  })

  it.each<[string, Asking, string]>([
    ['longer than the policy gives', { by: 'per_ana', forMs: 5 * HOUR }, '/until'],
    ['for a time that is over', { by: 'per_ana', forMs: -1 }, '/until'],
    [
      'for a recipient whom nobody registered',
      { by: 'per_ana', recipient: 'cns_me' },
      '/recipient',
    ],
  ])('nobody asks for it %s', async (_, asking, where) => {
    expect(await ask(asking)).toMatchObject({ refused: 'NOT_ALLOWED', where })
  })
})

describe('emergency access', () => {
  let caseId = ''

  it('is opened by nobody who has not signed that it ends, and by no mandate', async () => {
    const { covers } = aMandate()
    const anything = aMandate({
      effect: 'any',
      covers: { ...covers, kinds: ['break-glass'], steps: ['open', 'review'] },
    })
    must(await giveMandate(world.api, signMandate(world.authority.keys, anything)))
    caseId = await asked({ by: 'per_ana', forMs: 15_000 })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'open' })
    await expect(work.approve(caseId, { stepId: 'open', person: 'per_ben' })).rejects.toThrow(
      'CONDITION_UNMET',
    )
    await expect(work.approve(caseId, { stepId: 'end', person: 'per_ana' })).rejects.toThrow(
      'REQUESTER_NEVER',
    )
  })

  it('gives a fresh secret to its recipient alone, and ends by itself when its time is up', async () => {
    await opened(caseId, ['per_ben'])
    const session = await connect(caseId, 'ledger_a')
    const ended = new Promise((resolve) => session.once('end', resolve))
    await work.perform(caseId, 'end')
    await ended
    expect(await work.stateOf(caseId)).toMatchObject({
      facts: expect.arrayContaining(['access-disabled', 'old-refused', 'no-session-left']),
    })
    await expect(connect(caseId, 'ledger_a')).rejects.toMatchObject({ code: '28000' })
  })

  it('is reviewed by one who neither asked nor approved, and its packet verifies', async () => {
    for (const person of ['per_ana', 'per_ben'] as const)
      await expect(work.approve(caseId, { stepId: 'review', person })).rejects.toThrow(
        /REQUESTER_NEVER|NOT_AN_APPROVER/,
      )
    await work.signAndPerform(caseId, { stepId: 'review', by: ['per_cleo'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await verdictOn(world, caseId)).toMatchObject(verified)
  })

  it('ends early when a fence is raised around the identity, whatever its holder changed on the target', async () => {
    caseId = await asked({ by: 'per_ana' })
    await opened(caseId, ['per_ben'])
    const session = await connect(caseId, 'ledger_a')
    await session.query("alter role ledger_a set work_mem = '8MB'")
    const ended = new Promise((resolve) => session.once('end', resolve))
    await fenced('nhi_ledger')
    await work.perform(caseId, 'end')
    await ended
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'review' })
    expect(await verdictOn(world, caseId)).toMatchObject(verified)
  })
})

describe('an unreviewed use', () => {
  const unreviewed = async (): Promise<string> => {
    const { rows } = await world.dba.query<{ case_id: string }>(
      "select case_id from cases where kind = 'break-glass' and phase = 'open' and scope_id = 'nhi_ledger'",
    )
    return rows[0]?.case_id ?? ''
  }
  let next = ''

  it('keeps whoever asked for it or approved it from the next, which needs one person more', async () => {
    for (const by of ['per_ana', 'per_ben'] as const)
      expect(await ask({ by, identity: 'reports' })).toMatchObject({
        ...{ refused: 'NOT_ALLOWED', where: '/requester/personId' },
      })
    next = await asked({ by: 'per_cleo', identity: 'reports' })
    expect(await rulesOf(next)).toEqual([
      ...['break-glass', 'unreviewed-uses:1', 'quorum-raised-by:1'],
    ])
    await work.approve(next, { stepId: 'end', person: 'per_ana' })
    await expect(work.approve(next, { stepId: 'open', person: 'per_ana' })).rejects.toThrow(
      'NOT_AN_APPROVER',
    )
    await opened(next, ['per_dora'])
    expect(stepOf(await work.stateOf(next), 'open')).toMatchObject({ phase: 'open' })
    await opened(next, ['per_zed'])
    expect(stepOf(await work.stateOf(next), 'open')).toMatchObject({ phase: 'performed' })
  })

  it('is counted by the verifier too: a packet that hides it, or alters it, is not verified', async () => {
    expect(await verdictOn(world, next)).toMatchObject(verified)
    const files = filesOf(await packetOf(world, next))
    const without = new Map([...files].filter(([name]) => !name.startsWith('emergency-uses/')))
    expect(verdictOf(world, reseal(without)).problems).toContainEqual(
      expect.objectContaining({ code: 'JUDGEMENT_DIFFERS' }),
    )
    const [name = '', bytes = new Uint8Array()] =
      [...files].find(([one]) => /^emergency-uses\/.*0003\.json$/.test(one)) ?? []
    const other = Buffer.from(bytes).toString().replaceAll('per_ben', 'per_eve')
    expect(other).toContain('per_eve')
    const altered = new Map(files).set(name, Buffer.from(other))
    expect(verdictOf(world, reseal(altered))).toMatchObject({ verdict: 'NOT VERIFIED' })
  })

  it('that a review disapproves counts no more, and its packet verifies', async () => {
    const first = await unreviewed()
    await work.decline(first, { stepId: 'review', person: 'per_dora' })
    expect(await work.stateOf(first)).toMatchObject({ outcome: 'declined' })
    expect(await verdictOn(world, first)).toMatchObject(verified)
    // Nothing is owed any more; what stands in the way is the fence.
    expect(await ask({ by: 'per_ana' })).toMatchObject({ refused: 'FENCED' })
  })
})

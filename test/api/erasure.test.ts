/** A person is erased: what was kept of them is found nowhere any more, and the evidence stays whole. */
import { randomBytes } from 'node:crypto'
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signDecision } from '../../src/cli/owners/sign-decision.js'
import { personCommitment } from '../../src/domain/bytes/commitment.js'
import type { PeopleSection } from '../../src/domain/shapes/authority.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { fsck } from '../../src/fsck/fsck.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { tablesIn } from '../journeys/artefacts.js'
import { createFinder, needlesOf, secretText } from '../journeys/spellings.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf } from '../support/packets.js'
import { waitUntil } from '../support/wait.js'
import { type ApiRig, anApi, loaded } from './rig.js'

const canary = (what: string): string => `${what} ${randomBytes(18).toString('hex')}`
const NAME = canary('Ana Canary')
const ADDRESS = canary('ana@canary.test')
const REASONS = { approve: canary('because of'), ask: canary('I wonder about') }
const SALT = randomBytes(16).toString('hex')

const committed = (people: PeopleSection): PeopleSection => ({
  ...people,
  persons: people.persons.map((person) =>
    person.personId === 'per_ana'
      ? { ...person, commitment: personCommitment({ personId: 'per_ana', salt: SALT, name: NAME }) }
      : person,
  ),
})
const disabled = (people: PeopleSection): PeopleSection => ({
  ...people,
  persons: committed(people).persons.map((person) =>
    person.personId === 'per_ana' ? { ...person, status: 'disabled' as const } : person,
  ),
})

const find = createFinder(
  needlesOf(
    [NAME, ADDRESS, SALT, ...Object.values(REASONS)].map((text) =>
      secretText(text.slice(0, 12), text),
    ),
  ),
)

let rig: ApiRig
let caseId: string
let before: Uint8Array
let decided: Parameters<ApiRig['anonymous']['decide']>[0]

const inDatabase = async (): Promise<readonly string[]> => {
  const url = rig.world.store.superuserUrl
  const tables = await tablesIn({ url, database: 'postgres' })
  expect(tables.length).toBeGreaterThan(20)
  return tables.flatMap(({ name, bytes }) => find(bytes).map((label) => `${label} in ${name}`))
}

/** Signed by per_ana at the first gate, with these words. */
async function say(verdict: 'approve' | 'ask') {
  const review = must(await rig.client('ana').review({ caseId, stepId: 'issue' }))
  const signed = signDecision({
    ...{ review, verdict, form: 'gate', reason: REASONS[verdict] },
    ...{ choices: null, personId: 'per_ana' },
    ...loaded(rig.world.authority.keys.persons.per_ana),
  })
  decided = must(signed)
  must(await rig.client('ana').decide(decided))
}

beforeAll(async () => {
  rig = await anApi(committed)
  const { world } = rig
  await world
    .db('cs_api')
    .query('insert into persons_side values ($1, $2, $3, $4)', [
      ...['per_ana', SALT, NAME, ADDRESS],
    ])
  const request = { kind: 'rotate', change: 'standard', identityId: 'nhi_billing' } as const
  caseId = must(await rig.client('acme').openCase({ idempotencyKey: ulid(), request })).caseId
  await drawPlan(world.connector, caseId)
  await openDueGate(world.connector, caseId)
  await say('ask')
  await say('approve')
  await caseworkIn(world).perform(caseId, 'issue')
  before = await packetOf(world, caseId)
})
afterAll(() => rig?.stop())

describe('before', () => {
  it('name, address and reasons are found in the database and in the packet (control)', async () => {
    const found = (await inDatabase()).join('\n')
    for (const text of [NAME, ADDRESS, ...Object.values(REASONS)])
      expect(found).toContain(text.slice(0, 12))
  })

  it('nobody but an officer erases, and nobody who still decides is erased', async () => {
    const erase = (who: 'cleo' | 'dora', personId: string) =>
      rig.client(who).erasePerson({ personId })
    expect(await erase('cleo', 'per_ana')).toMatchObject({ refused: 'NOT_ALLOWED' })
    expect(await erase('dora', 'per_ana')).toMatchObject({
      ...{ refused: 'NOT_ALLOWED', where: '/personId' },
    })
    expect(await erase('dora', 'per_nobody')).toMatchObject({ refused: 'PERSON_UNKNOWN' })
  })
})

describe('afterwards', () => {
  it('an officer learns what was erased, and the same again finds nothing', async () => {
    await rig.amend(disabled)
    const erase = () => rig.client('dora').erasePerson({ personId: 'per_ana' })
    expect(await erase()).toEqual({ personId: 'per_ana', name: 'erased', reasons: 2 })
    expect(await erase()).toEqual({ personId: 'per_ana', name: 'none', reasons: 0 })
  })

  it('it is one entry, of opaque ids alone, and in the log', async () => {
    const { rows } = await rig.world.dba.query<{ body: object }>(
      `select convert_from(bytes, 'UTF8')::json -> 'body' as body from entries where type = 'PersonErased'`,
    )
    expect(rows.map(({ body }) => body)).toEqual([
      {
        ...{ type: 'PersonErased', personId: 'per_ana', name: 'erased', reasons: 2 },
        ...{ by: 'per_dora', authority: { version: 2, hash: expect.any(String) } },
      },
    ])
    await waitUntil(
      async () => (await rig.world.dba.query('select 1 from unsequenced')).rows.length === 0,
    )
  })

  it('nothing of it is in any table, in whatever spelling', async () => {
    expect(await inDatabase()).toEqual([])
  })

  it('the same signed decision, sent again with its words, does not bring them back', async () => {
    await rig.anonymous.decide(decided)
    await rig.client('cleo').decide(decided)
    expect(await inDatabase()).toEqual([])
  })

  it('the whole store, computed again, is clean', async () => {
    const { trust } = rig.world.authority
    const checked = await fsck(rig.world.db('cs_api'), {
      trust,
      verify: nodeVerify,
      highWater: null,
    })
    expect(checked).toMatchObject({ verdict: 'CLEAN', problems: [] })
    expect(checked.cases).toBe(1)
  })

  it('the packet from before verifies still, and a new one does too, without the words', async () => {
    expect(await verdictOf(rig.world, before)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    const after = await packetOf(rig.world, caseId)
    expect(await verdictOf(rig.world, after)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    expect(JSON.stringify(await verdictOf(rig.world, before))).toContain(NAME)
    expect(find(after)).toEqual([])
    expect(JSON.stringify(await verdictOf(rig.world, after))).not.toContain(NAME)
  })
})

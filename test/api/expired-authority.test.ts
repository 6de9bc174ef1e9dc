/** The authority bundle ran out and nobody has signed the next one: access is taken away all the same, and nothing is given. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GRACE_MS } from '../../src/domain/authority/grace.js'
import { drive } from '../../src/execution/drive.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf } from '../support/packets.js'
import { shiftClock } from '../support/packs.js'
import {
  aDecision,
  aMandate,
  signDecision,
  signFence,
  signMandate,
  soon,
} from '../support/people.js'
import { type ApiRig, anApi } from './rig.js'

const ENDS_WITHIN_MS = 20_000
const same = <T>(value: T): T => value

let rig: ApiRig
let work: Casework
let rotation: string
let expiredAt: string

beforeAll(async () => {
  rig = await anApi()
  const { world } = rig
  work = caseworkIn(world)
  must(await giveMandate(world.api, signMandate(world.authority.keys, aMandate())))
  rotation = await work.open('ledger', { kind: 'rotate' })
  expiredAt = soon(ENDS_WITHIN_MS)
  await rig.amend(same, { version: 2, expiresAt: expiredAt })
  await shiftClock(rig.world, ENDS_WITHIN_MS + 5000)
})
afterAll(() => rig?.stop())

const fenceOf = (person: 'per_cleo' | 'per_dora', name: string, speed: 'stop' | 'cut') => ({
  envelope: signFence(rig.world.authority.keys, {
    ...{ person, speed },
    scope: { kind: 'identity', id: `nhi_${name}` },
  }),
})

const eventsOf = async (caseId: string) =>
  (await eventsSince(rig.world.db('cs_api'), { caseId, after: 0 })).map(({ event }) => event)

const loginOf = async (role: string): Promise<unknown> =>
  (
    await rig.world.targetDba.query(
      'select rolcanlogin as login from pg_roles where rolname = $1',
      [role],
    )
  ).rows[0]

describe('what gives access', () => {
  it('is refused: a request, and an approval of what is open', async () => {
    const envelope = signDecision(
      rig.world.authority.keys,
      aDecision(await work.stateOf(rotation), { stepId: 'issue', person: 'per_ana' }),
    )
    expect(await rig.anonymous.decide({ caseId: rotation, envelope })).toMatchObject({
      refused: 'AUTHORITY_EXPIRED',
    })
    expect(await work.ask('billing', { kind: 'rotate' })).toMatchObject({
      refused: 'AUTHORITY_EXPIRED',
    })
  })
})

describe('what takes access away', () => {
  let contained: string

  it('is shown before: a dry run says what a fence would stand around', async () => {
    expect(
      await rig.client('cleo').fencePreview({ kind: 'identity', id: 'nhi_billing' }),
    ).toMatchObject({ identities: [{ identityId: 'nhi_billing' }] })
  })

  it('a stop is acknowledged, and names the bundle and when it expired', async () => {
    must(await rig.anonymous.fence(fenceOf('per_cleo', 'ledger', 'stop')))
    const { rows } = await rig.world.dba.query<{ body: object }>(
      `select convert_from(bytes, 'UTF8')::json -> 'body' as body from entries where stream = 'fence:identity:nhi_ledger'`,
    )
    expect(rows).toEqual([
      {
        body: expect.objectContaining({
          under: expect.objectContaining({ version: 2, expiredAt }),
        }),
      },
    ])
  })

  it('somebody who may not fence may not under it either', async () => {
    expect(await rig.anonymous.fence(fenceOf('per_dora', 'billing', 'stop'))).toMatchObject({
      refused: 'NOT_ALLOWED',
    })
  })

  it('a cut is carried out under its mandate, and its review still waits for a bundle in force', async () => {
    const answer = must(await rig.anonymous.fence(fenceOf('per_cleo', 'billing', 'cut')))
    expect(answer.residue).toEqual([])
    contained = answer.contained[0]?.caseId ?? ''
    await expect(drive(rig.world.connector, contained)).rejects.toThrow('AUTHORITY_EXPIRED')
    expect(await loginOf('billing_a')).toEqual({ login: false })
    expect(await eventsOf(contained)).toContainEqual(
      expect.objectContaining({
        ...{ type: 'Granted', stepId: 'contain', decisionIds: [] },
        authority: expect.objectContaining({ version: 2, expiredAt }),
      }),
    )
    expect(await work.dueOf(contained)).toMatchObject({ kind: 'open-gate', stepId: 'review' })
  })

  it('its packet verifies, and says under which authority that was', async () => {
    expect(await verdictOf(rig.world, await packetOf(rig.world, contained))).toMatchObject({
      ...{ verdict: 'VERIFIED', problems: [] },
      words: expect.arrayContaining([
        `Under which policy? It was opened under an authority that expired on ${expiredAt}.`,
        `Under which policy? contain was granted under an authority that expired on ${expiredAt}.`,
      ]),
    })
  })

  it('under the next bundle people review it, and who looks at the case still reads it', async () => {
    await rig.amend(same, { version: 3 })
    await drive(rig.world.connector, contained)
    await work.signAndPerform(contained, { stepId: 'review', by: ['per_ana', 'per_cleo'] })
    expect(await verdictOf(rig.world, await packetOf(rig.world, contained))).toMatchObject({
      ...{ verdict: 'VERIFIED', problems: [] },
    })
    const shown = must(await rig.client('ana').readCase({ caseId: contained }))
    expect(shown.underExpired).toEqual([
      { what: 'It was opened', expiredAt },
      { what: 'contain was granted', expiredAt },
    ])
  })
})

describe('when the grace is over too', () => {
  it('nothing is taken away through the API any more', async () => {
    const until = soon(ENDS_WITHIN_MS + 60_000)
    await rig.amend(same, { version: 4, expiresAt: until })
    await shiftClock(rig.world, ENDS_WITHIN_MS + 60_000 + GRACE_MS)
    expect(await rig.anonymous.fence(fenceOf('per_cleo', 'vault', 'stop'))).toMatchObject({
      refused: 'AUTHORITY_EXPIRED',
    })
  })
})

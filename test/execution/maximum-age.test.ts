/** A credential that is too old gets a rotation without anybody asking, unless an exception is in force and attested. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRefusal } from '../../src/domain/refusal.js'
import type { ExceptionTerms } from '../../src/domain/shapes/asked.js'
import { drive } from '../../src/execution/drive.js'
import { openCase } from '../../src/store/case/open-case.js'
import { deprovisionEnded } from '../../src/store/schedule/ended-needs.js'
import { askForAttestations, renewedAt, rotateOverdue } from '../../src/store/schedule/renewals.js'
import type { Scheduled } from '../../src/store/schedule/scheduled.js'
import { acceptedExceptions } from '../../src/store/streams/exceptions.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { verdictOn } from '../support/packets.js'
import { aWorld, quickPack, type World } from '../support/world.js'

const ENDED = '2026-01-01T00:00:00.000Z'
let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld(
    {
      change: {
        ownership: (section) => ({
          ...section,
          identities: section.identities.map((item) =>
            item.identityId === 'nhi_ledger'
              ? { ...item, need: { reference: 'NEED-9', until: ENDED } }
              : item,
          ),
        }),
      },
    },
    quickPack((rules) => rules.replace(/maximumAge: \S+/g, 'maximumAge: 1ms')),
  )
  work = caseworkIn(world)
})
afterAll(() => world.stop())

const terms = (change: Partial<ExceptionTerms> = {}) => ({
  ...{ kind: 'exception' as const, deviation: 'maximum-age' as const, reference: 'RISK-7' },
  controls: [{ controlId: 'network-allow-list', attestedBy: 'per_ana' }],
  ...{ attestEveryMs: 86_400_000, until: '2098-01-01T00:00:00.000Z', ...change },
})
const accept = async (identity: string, change: Partial<ExceptionTerms> = {}) => {
  const caseId = await work.open(identity, terms(change))
  await work.signAndPerform(caseId, { stepId: 'accept', by: ['per_cleo', 'per_ana'] })
  return caseId
}
const NONE: ReadonlySet<string> = new Set()
const opened = (list: readonly Scheduled[]) =>
  list.flatMap(({ opened: one }) => (isRefusal(one) || one.made === 'before' ? [] : [one.caseId]))
const rotations = async () => must(await rotateOverdue(world.keeper, NONE))

describe('an identity whose need ended', () => {
  it('lives on while an exception from that is in force', async () => {
    await accept('ledger', { deviation: 'ended-need' })
    expect(must(await deprovisionEnded(world.keeper, NONE))).toEqual([])
  })
})

describe('the maximum age of a credential', () => {
  it('is not asked about while an exception from it is in force, and is as soon as one who attests denies its controls', async () => {
    const exceptionId = await accept('billing')
    expect(await rotations()).not.toContainEqual(
      expect.objectContaining({ identityId: 'nhi_billing' }),
    )
    const [exception] = await acceptedExceptions(world.keeper.db)
    const dueAt = new Date(Date.parse(exception?.acceptedAt ?? '') + 86_400_000).toISOString()
    const attest = { kind: 'attest' as const, exceptionId, attestedBy: 'per_ana', dueAt }
    const caseId = await enterpriseAsks(attest)
    await work.decline(caseId, { stepId: 'attest', person: 'per_ana' })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'declined' })

    const [rotation] = opened(await rotations())
    expect(rotation).toMatch(/^rotate:com_acme:nhi_billing:/)
    expect(opened(await rotations())).toEqual([])
    await drive(world.connector, rotation ?? '')
    expect(await work.dueOf(rotation ?? '')).toMatchObject({ kind: 'decision', stepId: 'issue' })
    expect(await verdictOn(world, rotation ?? '')).toMatchObject({
      verdict: 'VERIFIED',
      problems: [],
    })
  })

  it('counts from the first registration of an identity that no case gave a secret', async () => {
    const { rows } = await world.dba.query<{ at: string }>(
      `select convert_from(bytes, 'UTF8')::jsonb ->> 'at' as at from entries where type = 'AuthorityInstalled'`,
    )
    expect((await renewedAt(world.keeper.db, ['nhi_billing'])).get('nhi_billing')).toBe(rows[0]?.at)
  })
})

describe('an attestation', () => {
  it('is asked for ahead by the schedule, once, signed by the person whom the exception names, and its packet verifies', async () => {
    // Its first attestation is due at once.
    const exceptionId = await accept('ledger', { attestEveryMs: 1 })
    const [first, ...others] = opened(must(await askForAttestations(world.keeper, NONE)))
    expect(others).toEqual([])
    expect(opened(must(await askForAttestations(world.keeper, NONE)))).toEqual([])
    const caseId = first ?? ''
    await drive(world.connector, caseId)
    const { plan } = await work.stateOf(caseId)
    expect(plan?.about).toMatchObject({
      ...{ kind: 'attest', exceptionId, attestedBy: 'per_ana', controls: ['network-allow-list'] },
    })
    await work.signAndPerform(caseId, { stepId: 'attest', by: ['per_ana'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    const [exception] = (await acceptedExceptions(world.keeper.db)).filter(
      (one) => one.exceptionId === exceptionId,
    )
    expect(exception?.attestations).toMatchObject([{ attestedBy: 'per_ana', said: 'yes' }])
  })

  it('of an exception that is not there, or of another date, is never planned', async () => {
    const exceptionId = await accept('billing')
    const dueAt = '2097-01-01T00:00:00.001Z'
    const caseId = await enterpriseAsks({
      ...{ kind: 'attest', exceptionId, attestedBy: 'per_ana', dueAt },
    })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'unplannable' })
  })
})

async function enterpriseAsks(asked: Parameters<Casework['ask']>[1]): Promise<string> {
  const { caseId } = must(
    await openCase(world.keeper, {
      request: {
        ...{ asked, scope: { kind: 'identity', id: 'nhi_billing' }, change: 'standard' },
        requester: { kind: 'enterprise', companyId: 'com_bank', personId: null },
        changeReference: null,
      },
      ...{ principal: 'schedule:attest', idempotencyKey: JSON.stringify(asked) },
    }),
  )
  await drive(world.connector, caseId)
  return caseId
}

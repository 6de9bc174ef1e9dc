/** The enterprise demands evidence of a partner; what comes late, not at all, or is not accepted is a finding, which the partner can dispute. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/domain/bytes/digest.js'
import type { Asked } from '../../src/domain/shapes/asked.js'
import { drive, dueWithoutTemporal } from '../../src/execution/drive.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { submitClaim, submitLease } from '../../src/store/case/cases.js'
import { passDeadlines } from '../../src/store/case/deadlines.js'
import { openCase } from '../../src/store/case/open-case.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { findingsAgainst } from '../../src/store/streams/findings.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf, verdictOn } from '../support/packets.js'
import { aClaim, signFence, soon } from '../support/people.js'
import { waitUntil } from '../support/wait.js'
import { aWorld, quickPack, type World } from '../support/world.js'

const PARTNER = 'com_zeta'
const EVIDENCE = new TextEncoder().encode('access list of 2026-11, reviewed by op-17')

/** A partner has a second at least. */
const hasty = (): ReturnType<typeof quickPack> => {
  const files = quickPack()
  const rule = files['rules/demand.yaml'] ?? ''
  return { ...files, 'rules/demand.yaml': rule.replace(/claimWithin: \S+/g, 'claimWithin: 1s') }
}

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld({}, hasty())
  work = caseworkIn(world)
})
afterAll(() => world.stop())

type Requester = Parameters<typeof openCase>[1]['request']['requester']
const OFFICER: Requester = { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' }
const ZETA: Requester = { kind: 'partner', companyId: PARTNER, personId: null }

const ask = (asked: Asked, requester: Requester = OFFICER) =>
  openCase(world.api, {
    request: {
      ...{ asked, requester, change: 'normal', changeReference: null },
      scope: { kind: 'partner', id: PARTNER },
    },
    principal: requester.companyId,
    idempotencyKey: ulid(),
  })

const demanded = (due = soon(600_000)) => ({
  ...{ kind: 'demand' as const, question: 'access-list', reference: 'AUDIT-7', due },
  ...{ about: null, period: null },
})

/** Asked for, and carried by the connector as far as it goes without people, straight from the evidence store. */
const opened = async (asked: Asked, requester?: Requester): Promise<string> => {
  const { caseId } = must(await ask(asked, requester))
  await drive(world.connector, caseId)
  return caseId
}

const approved = async (caseId: string, stepId: string): Promise<void> => {
  await work.approve(caseId, { stepId, person: 'per_ana' })
  await drive(world.connector, caseId)
}

async function claim(
  caseId: string,
  given: { readonly document: Uint8Array | null; readonly signs?: Uint8Array },
) {
  const leased = must(await submitLease(world.api, { caseId, stepId: 'ask', companyId: PARTNER }))
  const claimed = aClaim(await work.stateOf(caseId), { stepId: 'ask', lease: leased.lease })
  const signs = given.signs ?? given.document
  const { keyId, signer } = world.authority.keys.claims.com_zeta
  const payload = {
    ...{ ...claimed, companyId: PARTNER },
    changeRecord: {
      ...claimed.changeRecord,
      notesDigest: signs === null ? null : digestOf(signs),
    },
  }
  const envelope = signEnvelope({ kind: 'claim', payload, keyId, signer })
  return submitClaim(world.api, { caseId, envelope, document: given.document })
}

const handedIn = async (caseId: string): Promise<void> => {
  must(await claim(caseId, { document: EVIDENCE }))
  await drive(world.connector, caseId)
}

/** Asked, and not answered in the time that the demand and the policy give. */
const lapsed = async (): Promise<string> => {
  const caseId = await opened(demanded(soon(600)))
  await approved(caseId, 'ask')
  await waitUntil(async () => {
    await passDeadlines(world.keeper.db)
    return (await work.dueOf(caseId)).kind === 'open-gate'
  })
  await drive(world.connector, caseId)
  return caseId
}

const rejected = async (): Promise<string> => {
  const caseId = await opened(demanded())
  await approved(caseId, 'ask')
  await handedIn(caseId)
  await work.decline(caseId, { stepId: 'accept', person: 'per_ana' })
  return caseId
}

describe('a demand', () => {
  it('is answered with a document that the owner of the contract accepts, and its packet carries the document', async () => {
    const caseId = await opened(demanded())
    await approved(caseId, 'ask')
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'claim', stepId: 'ask' })
    await handedIn(caseId)
    const state = await work.stateOf(caseId)
    expect(state.facts).toContain('evidence-received')
    await approved(caseId, 'accept')
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await findingsAgainst(world.api.db, PARTNER)).toEqual([])
    const bytes = await packetOf(world, caseId)
    expect(verdictOf(world, bytes)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    expect(Buffer.from(bytes).includes('documents/')).toBe(true)
  })

  it('needs no Temporal, and reaches a partner that a fence stopped', async () => {
    const { authority, verify } = world.api
    const scope = { kind: 'partner', id: PARTNER } as const
    const envelope = signFence(world.authority.keys, { person: 'per_cleo', scope })
    must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
    const { caseId } = must(await ask(demanded()))
    expect(await dueWithoutTemporal(world.connector.db, [])).toContain(caseId)
    await drive(world.connector, caseId)
    await approved(caseId, 'ask')
    await handedIn(caseId)
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'accept' })
  })

  it('is never a partner’s to ask, and of the past it is not planned', async () => {
    expect(await ask(demanded(), ZETA)).toMatchObject({ refused: 'NOT_ALLOWED' })
    const caseId = await opened(demanded('2020-01-01T00:00:00.000Z'))
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'unplannable' })
  })

  it('takes no claim without its document, and no document that the claim does not sign', async () => {
    const caseId = await opened(demanded())
    await approved(caseId, 'ask')
    expect(await claim(caseId, { document: null })).toMatchObject({ refused: 'CLAIM_INVALID' })
    const signs = new TextEncoder().encode('something else')
    expect(await claim(caseId, { document: EVIDENCE, signs })).toMatchObject({
      refused: 'CLAIM_INVALID',
    })
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'claim', stepId: 'ask' })
  })

  it('has a claim contradicted whose document is not there any more', async () => {
    const caseId = await opened(demanded())
    await approved(caseId, 'ask')
    const document = new TextEncoder().encode('gone before anybody looked')
    must(await claim(caseId, { document }))
    await world.dba.query('delete from documents_side where digest = $1', [digestOf(document)])
    await drive(world.connector, caseId)
    const state = await work.stateOf(caseId)
    expect(state.steps[0]).toMatchObject({ phase: 'offered', because: 'CLAIM_CONTRADICTED' })
  })

  it('whose document was swapped after the signature does not verify', async () => {
    const caseId = await opened(demanded())
    await approved(caseId, 'ask')
    const document = new TextEncoder().encode('what was signed')
    must(await claim(caseId, { document }))
    await drive(world.connector, caseId)
    await world.dba.query('update documents_side set bytes = $2 where digest = $1', [
      digestOf(document),
      Buffer.from('what was not'),
    ])
    expect(await verdictOn(world, caseId)).toMatchObject({
      verdict: 'NOT VERIFIED',
      problems: [{ code: 'PACKET_INVALID' }],
    })
  })
})

describe('a finding', () => {
  it('follows from evidence that is not accepted', async () => {
    const caseId = await rejected()
    expect(await findingsAgainst(world.api.db, PARTNER)).toContainEqual(
      expect.objectContaining({ caseId, finding: 'rejected', dispute: null }),
    )
  })

  it('is withdrawn when the owner of the contract agrees with the dispute, whose packet carries the demand', async () => {
    const demand = await rejected()
    const dispute = await opened({ kind: 'dispute', demand, reference: 'LETTER-3' }, ZETA)
    await approved(dispute, 'decide')
    expect(await work.stateOf(dispute)).toMatchObject({ outcome: 'completed' })
    expect(await findingsAgainst(world.api.db, PARTNER)).toContainEqual(
      expect.objectContaining({ caseId: demand, dispute: { caseId: dispute, says: 'withdrawn' } }),
    )
    expect(await verdictOn(world, dispute)).toMatchObject({
      verdict: 'VERIFIED',
      problems: [],
    })
  })

  it('stands when the dispute is declined', async () => {
    const demand = await rejected()
    const dispute = await opened({ kind: 'dispute', demand, reference: 'LETTER-4' }, ZETA)
    await work.decline(dispute, { stepId: 'decide', person: 'per_ana' })
    expect(await findingsAgainst(world.api.db, PARTNER)).toContainEqual(
      expect.objectContaining({ caseId: demand, dispute: { caseId: dispute, says: 'stands' } }),
    )
  })

  it('follows from evidence that never came, with Temporal and the partner away: the keeper lets the time pass', async () => {
    const caseId = await lapsed()
    await work.decline(caseId, { stepId: 'ask', person: 'per_ana' })
    expect(await findingsAgainst(world.api.db, PARTNER)).toContainEqual(
      expect.objectContaining({ caseId, finding: 'missing' }),
    )
    expect(await verdictOn(world, caseId)).toMatchObject({
      verdict: 'VERIFIED',
      problems: [],
    })
  })

  it('follows from evidence that came late, though it was accepted', async () => {
    const caseId = await lapsed()
    const before = await work.stateOf(caseId)
    expect(before.steps[0]).toMatchObject({ phase: 'open', because: 'LEASE_LOST' })
    await approved(caseId, 'ask')
    await handedIn(caseId)
    await approved(caseId, 'accept')
    expect(await findingsAgainst(world.api.db, PARTNER)).toContainEqual(
      expect.objectContaining({ caseId, finding: 'late' }),
    )
    const bytes = await packetOf(world, caseId)
    expect(verdictOf(world, bytes).words.join(' ')).toContain('Finding against com_zeta: late.')
  })

  it('that does not exist cannot be disputed', async () => {
    const demand = await opened(demanded())
    const dispute = await opened({ kind: 'dispute', demand, reference: 'LETTER-5' }, ZETA)
    expect(await work.stateOf(dispute)).toMatchObject({ outcome: 'unplannable' })
  })
})

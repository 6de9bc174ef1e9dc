/** Demands through the doors: a person of the enterprise asks, the partner's machine answers, both read what follows. */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClaimRequest } from '../../src/contract/http-task.js'
import { toBase64 } from '../../src/domain/bytes/base64.js'
import { digestOf } from '../../src/domain/bytes/digest.js'
import { readCase } from '../../src/execution/deps.js'
import { drive } from '../../src/execution/drive.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { aClaim, soon } from '../support/people.js'
import { type ApiRig, anApi, type Who } from './rig.js'

let rig: ApiRig
let work: Casework
beforeAll(async () => {
  rig = await anApi()
  work = caseworkIn(rig.world)
})
afterAll(() => rig?.stop())

const ask = (who: Who) =>
  rig.client(who).openCase({
    idempotencyKey: ulid(),
    request: {
      ...{ kind: 'demand', partnerId: 'com_zeta', question: 'access-list', reference: 'AUDIT-7' },
      ...{ about: null, period: null, due: soon(600_000) },
    },
  })

/** Asked, and offered to the partner. */
async function demanded(): Promise<string> {
  const { caseId } = must(await ask('dora'))
  await drive(rig.world.connector, caseId)
  await work.approve(caseId, { stepId: 'ask', person: 'per_ana' })
  await drive(rig.world.connector, caseId)
  return caseId
}

async function claimOf(caseId: string, document: Uint8Array): Promise<ClaimRequest> {
  const { lease } = must(await rig.client('zeta').lease({ caseId, stepId: 'ask' }))
  const claim = aClaim((await readCase(rig.world.connector, caseId)).state, {
    ...{ stepId: 'ask', lease },
  })
  const { keyId, signer } = rig.world.authority.keys.claims.com_zeta
  const changeRecord = { ...claim.changeRecord, notesDigest: digestOf(document) }
  const payload = { ...claim, companyId: 'com_zeta', changeRecord }
  return {
    caseId,
    envelope: signEnvelope({ kind: 'claim', payload, keyId, signer }),
    document: toBase64(document),
  }
}

describe('a demand', () => {
  it('is listed to the partner with what is asked, and takes a document of 48 KiB', async () => {
    const caseId = await demanded()
    const { tasks } = must(await rig.client('zeta').tasks())
    expect(tasks).toContainEqual(
      expect.objectContaining({
        ...{ caseId, stepId: 'ask', credential: null, consumers: [] },
        demand: expect.objectContaining({ question: 'access-list', reference: 'AUDIT-7' }),
      }),
    )
    must(await rig.client('zeta').claim(await claimOf(caseId, new Uint8Array(48 * 1024).fill(7))))
    await drive(rig.world.connector, caseId)
    expect(must(await rig.client('ana').readCase({ caseId }))).toMatchObject({
      due: { kind: 'decision', stepId: 'accept' },
    })
  })

  it('takes no larger document', async () => {
    const caseId = await demanded()
    const claim = await claimOf(caseId, new Uint8Array(48 * 1024 + 1).fill(7))
    expect(await rig.client('zeta').claim(claim)).toMatchObject({ refused: 'MALFORMED' })
  })

  it('is for the enterprise to ask, never for a partner, which hears the same of itself and of others', async () => {
    expect(await ask('zeta')).toMatchObject({ refused: 'NOT_ALLOWED' })
    expect(await ask('acme')).toMatchObject({ refused: 'NOT_ALLOWED' })
  })

  it('that is not accepted is a finding that both can read, and no other partner', async () => {
    const caseId = await demanded()
    const document = new TextEncoder().encode('nothing to see')
    must(await rig.client('zeta').claim(await claimOf(caseId, document)))
    await drive(rig.world.connector, caseId)
    await work.decline(caseId, { stepId: 'accept', person: 'per_ana' })
    const finding = { caseId, finding: 'rejected', dispute: null }
    for (const who of ['dora', 'zeta'] as const)
      expect(must(await rig.client(who).findings('com_zeta'))).toMatchObject({
        findings: [finding],
      })
    expect(await rig.client('acme').findings('com_zeta')).toMatchObject({
      refused: 'IDENTITY_UNKNOWN',
    })
  })
})

/** What a partner takes away: the evidence of its own cases, which verifies, and nothing personal of the enterprise. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signDecision } from '../../src/cli/owners/sign-decision.js'
import { personCommitment } from '../../src/domain/bytes/commitment.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { readArchive } from '../../src/packet/archive.js'
import { PACKET_NAME } from '../../src/packet/files.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { type ApiRig, anApi, type Who } from './rig.js'

const ANA = { personId: 'per_ana', salt: 'a-salt-of-enough-length', name: 'Ana Ruiz' }
const REASON = 'Maria is on leave'
const QUESTION = 'May Maria call you?'

let rig: ApiRig
let caseId: string
beforeAll(async () => {
  rig = await anApi((people) => ({
    ...people,
    persons: people.persons.map((person) =>
      person.personId === ANA.personId ? { ...person, commitment: personCommitment(ANA) } : person,
    ),
  }))
  await rig.world.dba.query(
    "insert into persons_side (person_id, salt, name, address) values ($1, $2, $3, '')",
    [ANA.personId, ANA.salt, ANA.name],
  )
  caseId = await caseworkIn(rig.world).open('billing', { kind: 'rotate' })
  await decide(caseId, 'ask', QUESTION)
  await decide(caseId, 'approve', REASON)
})
afterAll(() => rig?.stop())

async function decide(of: string, verdict: 'ask' | 'approve', reason: string) {
  const review = must(await rig.client('ana').review({ caseId: of, stepId: 'issue' }))
  const key = rig.world.authority.keys.persons.per_ana
  const signed = must(
    signDecision({ review, verdict, form: 'gate', reason, choices: null, ...key }),
  )
  must(await rig.client('ana').decide(signed))
}

async function packetOf(who: Who) {
  const { bytes } = must(await rig.client(who).packet({ caseId }))
  const files = must(readArchive({ bytes, allowed: PACKET_NAME }))
  const text = [...files.values()].map((file) => Buffer.from(file).toString('utf8')).join('\n')
  const { trust } = rig.world.authority
  return { text, verdict: verifyPacket({ bytes, trust, verify: nodeVerify }) }
}

describe('a packet', () => {
  it('names persons and quotes reasons for the enterprise', async () => {
    const { text, verdict } = await packetOf('ana')
    expect(verdict.verdict).toBe('VERIFIED')
    for (const word of [ANA.name, REASON, QUESTION]) expect(text).toContain(word)
  })

  it.each(['acme', 'zed'] as const)(
    'holds for %s of the partner the same evidence, and nothing personal of the enterprise',
    async (who) => {
      const { text, verdict } = await packetOf(who)
      expect(verdict.verdict).toBe('VERIFIED')
      expect(text).toContain('per_ana')
      for (const word of [ANA.name, ANA.salt, REASON, QUESTION]) expect(text).not.toContain(word)
    },
  )
})

describe('a question', () => {
  it('is read by the partner that asked for the case', async () => {
    const { questions } = must(await rig.client('acme').readCase({ caseId }))
    expect(questions.map(({ text }) => text)).toEqual([QUESTION])
  })

  it('of one person of the enterprise to another is not', async () => {
    const opened = must(
      await rig.client('dora').openCase({
        idempotencyKey: 'asked-by-dora',
        request: { kind: 'rotate', identityId: 'nhi_ledger' },
      }),
    )
    const { connector } = rig.world

    await drawPlan(connector, opened.caseId)
    await openDueGate(connector, opened.caseId)
    await decide(opened.caseId, 'ask', QUESTION)
    const textsFor = async (who: Who) =>
      must(await rig.client(who).readCase(opened)).questions.map(({ text }) => text)
    expect(await textsFor('dora')).toEqual([QUESTION])
    expect(await textsFor('acme')).toEqual([null])
  })
})

/** After a cut: the containment is reviewed, the fences are lifted for one identity, and it gets a new secret. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityScope } from '../../src/domain/authority/matter.js'
import { attested } from '../../src/domain/case/attestation.js'
import { drive } from '../../src/execution/drive.js'
import { chain, readEntry } from '../../src/ledger/entry.js'
import { contain } from '../../src/store/case/containment.js'
import { openCase } from '../../src/store/case/open-case.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { giveMandate } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { verdictOn } from '../support/packets.js'
import { aMandate, signFence, signMandate } from '../support/people.js'
import { someSalt } from '../support/salt.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
let containment = ''
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
  const { keys } = world.authority
  must(await giveMandate(world.api, signMandate(keys, aMandate())))
  const scope = { kind: 'partner', id: 'com_acme' } as const
  const envelope = signFence(keys, { person: 'per_cleo', scope, speed: 'cut' })
  const { authority, verify } = world.api
  const fence = must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
  // A client that had no answer sends it again.
  must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
  const { contained } = must(await contain(world.api, fence))
  for (const { caseId } of contained) await drive(world.connector, caseId)
  containment = contained.find(({ identityId }) => identityId === 'nhi_billing')?.caseId ?? ''
})
afterAll(() => world.stop())

const askAsEnterprise = (kind: 'lift' | 'reinstate', key: string) =>
  openCase(world.api, {
    request: {
      asked: { kind },
      scope: identityScope('nhi_billing'),
      change: 'normal' as const,
      requester: { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' },
      changeReference: null,
    },
    ...{ principal: 'dora', idempotencyKey: key },
  })

/** What a superuser of the database can write: a well-formed lifting, chained, under a signature of the superuser's own. */
async function forgeLifting(caseId: string): Promise<void> {
  const stream = 'fence:partner:com_acme'
  const { rows } = await world.dba.query<{ bytes: Buffer }>(
    'select bytes from entries where stream = $1 order by seq desc limit 1',
    [stream],
  )
  const last = must(readEntry(rows[0]?.bytes ?? Buffer.alloc(0)))
  const fenced = must(readEntry(await firstOf(stream)))
  const event = {
    ...{ type: 'FenceLifted' as const, fenceId: String(fenced.entry.body.fenceId) },
    ...{ identityId: 'nhi_ledger', caseId, grantId: '01KB0000000000000000000000' },
  }
  const { signer } = world.authority.keys.persons.per_zed
  const lifted = attested(event, { caseId, keyId: 'key_connector', sign: signer.sign })
  const { seq } = last.entry
  const at = new Date().toISOString()
  const [forged] = chain({ stream, seq, head: last.hash, at, salt: someSalt, bodies: [lifted] })
  await world.dba.query('select append_entries($1, $2, $3, $4, $5)', [
    ...[stream, seq, [forged?.hash], ['FenceLifted'], [Buffer.from(forged?.bytes ?? [])]],
  ])
}

const firstOf = async (stream: string): Promise<Buffer> =>
  (
    await world.dba.query<{ bytes: Buffer }>(
      'select bytes from entries where stream = $1 and seq = 1',
      [stream],
    )
  ).rows[0]?.bytes ?? Buffer.alloc(0)

describe('a fence', () => {
  it('is lifted only after the containment was reviewed, by two persons, for one identity and no other', async () => {
    expect(await askAsEnterprise('lift', 'too-early')).toMatchObject({ refused: 'CASE_OPEN' })
    await work.signAndPerform(containment, { stepId: 'review', by: ['per_ana', 'per_cleo'] })
    const { caseId } = must(await askAsEnterprise('lift', 'lift-1'))
    await drive(world.connector, caseId)
    expect(await work.dueOf(caseId)).toMatchObject({ kind: 'decision', stepId: 'lift' })
    await work.signAndPerform(caseId, { stepId: 'lift', by: ['per_ana', 'per_cleo'] })
    await work.signAndPerform(caseId, { stepId: 'close', by: ['per_ana'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
  })

  it('lets the identity be reinstated with a new secret; the old one stays dead', async () => {
    const { caseId } = must(await askAsEnterprise('reinstate', 'reinstate-1'))
    await drive(world.connector, caseId)
    await work.signAndPerform(caseId, { stepId: 'enable', by: ['per_ana', 'per_ben'] })
    await work.signAndPerform(caseId, { stepId: 'hand-over', by: ['per_ana'] })
    const { secret, lease } = await work.deliver(caseId, 'hand-over')
    const appears = 'billing-service'
    const consumer = await work.connect({ user: 'billing_a', password: secret, appears })
    await work.claim(caseId, { stepId: 'hand-over', lease })
    await work.signAndPerform(caseId, { stepId: 'close', by: ['per_ana'] })
    expect(await work.stateOf(caseId)).toMatchObject({ outcome: 'completed' })
    const password = world.secretOf('billing')
    await expect(work.connect({ user: 'billing_a', password, appears })).rejects.toMatchObject({
      code: '28P01',
    })
    expect(await verdictOn(world, caseId)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    await consumer.end()
  })

  it('still stops the partner’s other identities, and a lifting that no connector signed lifts nothing', async () => {
    const ask = () => work.ask('ledger', { kind: 'reinstate' })
    expect(await ask()).toMatchObject({ refused: 'FENCED' })
    await forgeLifting(containment)
    expect(await ask()).toMatchObject({ refused: 'FENCED' })
    const { rows } = await world.targetDba.query<{ login: boolean }>(
      "select rolcanlogin as login from pg_roles where rolname like 'ledger\\__'",
    )
    expect(rows.some(({ login }) => login)).toBe(false)
  })
})

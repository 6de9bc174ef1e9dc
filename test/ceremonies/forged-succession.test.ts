/** A keeper that has the log's key, and a superuser with it, make up that their log follows another one: every verifier refuses it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Trust } from '../../src/domain/shapes/authority.js'
import type { Envelope } from '../../src/domain/shapes/envelope.js'
import { parseAs } from '../../src/domain/shapes/parse.js'
import { SuccessorLog } from '../../src/domain/shapes/successor-log.js'
import { addSignature, signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { append, lockEnd } from '../../src/store/case/apply.js'
import { transaction } from '../../src/store/db.js'
import { must, type TestKey } from '../support/authority.js'
import { backUp } from '../support/backup.js'
import { packetOf } from '../support/packets.js'

import { aRestoredStore, NEXT_LOG, type RestoredStore, signerIn } from './restored.js'

let store: RestoredStore
beforeAll(async () => {
  store = await aRestoredStore()
  await store.as('cs_connector', 'restore reconcile')
  await store.draft('good.json')
})
afterAll(() => store.end())

const verifyWith = (bytes: Uint8Array, trust: Trust) =>
  verifyPacket({ bytes, trust, verify: nodeVerify })

describe('a succession that its keeper made up', () => {
  /** As superuser and with the log's own key, past every door. */
  async function forged(envelope: Envelope) {
    const backup = await backUp(store.world.dba)
    const dir = await mkdtemp(join(tmpdir(), 'countersign-forged-'))
    try {
      await transaction(store.world.db('owner'), async (tx) => {
        const locked = await lockEnd(tx, 'log:ent_bank')
        const body = { type: 'LogSucceeded', origin: NEXT_LOG, envelope }
        const [entry] = await append(tx, { locked, bodies: [body] })
        await tx.query('delete from unsequenced where hash = $1', [entry?.hash])
        await tx.query(
          'insert into unsequenced (id, hash) overriding system value select min(id) - 1, $1 from unsequenced',
          [entry?.hash],
        )
      })
      const highWaterFile = join(dir, 'high-water.json')
      const own = { origin: NEXT_LOG, highWaterFile, db: store.world.db('owner') }
      await (await signerIn(store.world, own)).run()
      return verifyWith(
        await packetOf(store.world, store.cases.ledger),
        store.world.authority.trust,
      )
    } finally {
      await backup.restore()
      await rm(dir, { recursive: true, force: true })
    }
  }

  const statement = async (): Promise<SuccessorLog> =>
    must(parseAs(SuccessorLog)(JSON.parse(await readFile(store.at('good.json'), 'utf8'))))
  const signedBy = (payload: SuccessorLog, [first, ...others]: readonly TestKey[]) =>
    others.reduce(
      (envelope, key) => addSignature({ envelope, ...key }),
      signEnvelope({ kind: 'successor-log', payload, ...(first as TestKey) }),
    )
  const officers = () => [store.world.authority.keys.root, store.world.authority.keys.officer]

  it('verifies when two officers signed it (control)', async () => {
    const { problems } = await forged(signedBy(await statement(), officers()))
    expect(problems.map(({ code }) => code)).toEqual([])
  })

  it('is refused with one signature, or with one officer’s twice', async () => {
    const [root] = officers() as [TestKey]
    const said = 'signed by 1 of 2 root keys'
    const one = signedBy(await statement(), [root])
    const twice = { ...one, signatures: [one.signatures[0], one.signatures[0]] } as Envelope
    for (const envelope of [one, twice])
      expect((await forged(envelope)).problems[0]).toMatchObject({
        ...{ code: 'AUTHORITY_INVALID', detail: expect.stringContaining(said) },
      })
  })

  it('is refused where officers signed it for another enterprise, or for a head that the log did not have', async () => {
    const good = await statement()
    const other = signedBy({ ...good, enterprise: 'ent_other' }, officers())
    expect((await forged(other)).problems[0]).toMatchObject({ code: 'WRONG_ENTERPRISE' })
    const lost = good.lost + 5
    const highest = { ...good.highest, size: good.highest.size + 5 }
    const higher = signedBy({ ...good, lost, highest }, officers())
    expect((await forged(higher)).problems[0]).toMatchObject({
      ...{ code: 'PROOF_INVALID', detail: expect.stringContaining('the note is of another head') },
    })
  })

  it('is refused where what was left is not what they signed', async () => {
    const good = await statement()
    const root = good.highest.root
    const another = signedBy({ ...good, restored: { ...good.restored, root } }, officers())
    expect((await forged(another)).problems[0]).toMatchObject({
      ...{
        code: 'PROOF_INVALID',
        detail: expect.stringContaining('does not extend what was left'),
      },
    })
    const { size } = good.restored
    const less = signedBy(
      { ...good, lost: good.lost + 1, restored: { ...good.restored, size: size - 1 } },
      officers(),
    )
    expect((await forged(less)).problems[0]).toMatchObject({ code: 'PROOF_INVALID' })
  })
})

/** The inspection: what was signed and is gone from the store is found, wherever it was and whoever trimmed it. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { signNoteBytes } from '../../src/keys/sign.js'
import { createInspection } from '../../src/store/case/inspect.js'
import { createSequencer } from '../../src/store/log/sequencer.js'
import { aKey } from '../support/authority.js'
import { aStore, type TestStore } from '../support/store.js'
import { asSuperuser, insert, trim } from '../support/superuser.js'

const key = aKey('key_log')
let store: TestStore
let sequence: () => Promise<unknown>
beforeEach(async () => {
  store = await aStore()
  await mkdir(join(store.dir, 'log'))
  const sequencer = createSequencer({
    db: store.db('cs_keeper'),
    signer: {
      origin: 'log.bank.test',
      publicKey: key.signer.publicKey,
      sign: (message) => signNoteBytes(key.signer, message),
    },
    highWaterFile: join(store.dir, 'log', 'high-water.json'),
  })
  sequence = () => sequencer.run()
})
afterEach(() => store.stop())

const FENCES = 'fence:partner:com_acme'
const write = async (stream: string, type: string, length = 1) => {
  await store.write(
    stream,
    Array.from({ length }, () => ({ type })),
  )
  await sequence()
}

const findings = async () =>
  (
    await store.dba.query<{ subject: string; place: string }>(
      `select substring(stream from 10) as subject,
              convert_from(bytes, 'UTF8')::json -> 'body' ->> 'where' as place
         from entries where stream like 'findings:%' order by stream, seq`,
    )
  ).rows.map(({ subject, place }) => `${subject} ${place}`)

describe('an inspection', () => {
  it('finds nothing in a store that holds what was signed', async () => {
    await write('case', 'DecisionRefused', 3)
    expect(await createInspection(store.db('cs_keeper'))()).toBe(0)
    expect(await findings()).toEqual([])
  })

  it('finds the leaf of an entry that was cut off its stream, once, however often it looks', async () => {
    await write('case', 'DecisionRefused', 3)
    await trim(store.dba, { stream: 'case', from: 3 })
    const inspect = createInspection(store.db('cs_keeper'))
    for (const _ of [1, 2, 3]) expect(await inspect()).toBe(1)
    expect(await findings()).toEqual(['log /leaves/2'])
  })

  it('finds an entry that was altered under its hash', async () => {
    await write('case', 'DecisionRefused', 2)
    await asSuperuser(store.dba, async () => {
      await store.dba.query("update entries set bytes = bytes || ' ' where seq = 2")
    })
    await createInspection(store.db('cs_keeper'))()
    expect(await findings()).toEqual(['log /leaves/1'])
  })

  it('finds a stream that ends before or after where its row says', async () => {
    await write('case', 'DecisionRefused', 2)
    await write('other', 'DecisionRefused', 2)
    await asSuperuser(store.dba, async () => {
      await store.dba.query("update streams set seq = 1 where stream = 'case'")
      await store.dba.query("update streams set seq = 3 where stream = 'other'")
    })
    await createInspection(store.db('cs_keeper'))()
    expect(await findings()).toEqual(['case /end', 'other /end'])
  })

  it('finds what is no event of the fence or mandate in whose stream it stands', async () => {
    const body = { type: 'MandateGiven', what: 'nothing' }
    await insert(store.dba, { stream: 'mandate:01KB0000000000000000000001', body })
    await write(FENCES, 'Fenced')
    await createInspection(store.db('cs_keeper'))()
    expect(await findings()).toEqual([`${FENCES} /1`, 'mandate:01KB0000000000000000000001 /1'])
  })

  it('comes to every leaf and stream of a large store in turn, a slice at each look', async () => {
    await write('a', 'DecisionRefused', 1000)
    for (let round = 0; round < 5; round += 1) await write(`s${round}`, 'DecisionRefused', 1000)
    await trim(store.dba, { stream: 's4', from: 1000 })
    const inspect = createInspection(store.db('cs_keeper'))
    expect(await inspect()).toBe(0)
    expect(await inspect()).toBe(1)
    expect(await findings()).toEqual(['log /leaves/5999'])
    expect(await inspect()).toBe(0)
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Recorded } from '../../src/domain/case/case.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { authoritySource, installAuthority } from '../../src/store/authority/authority.js'
import { apply, eventsSince } from '../../src/store/case/apply.js'
import { newsFor } from '../../src/store/case/cases.js'
import { now, StoreFault, transaction } from '../../src/store/db.js'
import { AT, anAuthority, must } from '../support/authority.js'
import { aStore, type TestStore } from '../support/store.js'

let store: TestStore
beforeAll(async () => {
  store = await aStore()
})
afterAll(() => store.stop())

const findings = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    type: 'FindingRecorded',
    code: 'FENCED',
    where: `/${index}`,
    detail: 'x'.repeat(300),
  }))

describe('the authority of a process', () => {
  it('is read again when somebody edits the row and keeps its version, and not otherwise', async () => {
    const { bundle, trust } = anAuthority()
    must(await installAuthority(store.db('owner'), { bundle, trust, verify: nodeVerify }))
    const source = authoritySource({ trust, verify: nodeVerify })
    const current = () => source.current(store.db('cs_worker'), { at: AT, lock: 'none' })
    const first = must(await current())
    expect(await current()).toBe(first)
    const { rows } = await store.dba.query<{ text: string }>(
      'select bundle::text as text from authority',
    )
    const original = rows[0]?.text ?? ''
    const set = (text: string) => store.dba.query('update authority set bundle = $1', [text])
    await set(original.replace('"payload": "ey', '"payload": "fy'))
    expect(await current()).toMatchObject({ refused: 'AUTHORITY_INVALID' })
    await set(original)
    expect(await current()).toEqual(first)
  })
})

describe('a transaction', () => {
  it('keeps nothing of statements that were sent together when one of them fails', async () => {
    const db = store.db('cs_api')
    const half = transaction(db, (tx) =>
      Promise.all([
        tx.query("insert into streams (stream) values ('half')"),
        tx.query('select 1 / 0'),
        tx.query("insert into streams (stream) values ('other half')"),
      ]),
    )
    await expect(half).rejects.toThrow(StoreFault)
    expect((await db.query("select from streams where stream like '%half'")).rowCount).toBe(0)
    expect(await now(db)).toMatch(/Z$/)
  })
})

describe('a case whose bytes are edited', () => {
  it('is noticed at the next apply by a process that has read the genuine bytes', async () => {
    const caseId = 'edited'
    const db = store.db('cs_api')
    await store.write(caseId, findings(3))
    const look = () =>
      apply(db, { caseId, decide: () => ({ events: [], answer: 'looked' as const }) })
    expect(isRefusal(await look())).toBe(false)
    const edit = async (from: string, to: string) => {
      await store.dba.query('alter table entries disable trigger user')
      await store.dba.query(
        `update entries set bytes = convert_to(replace(convert_from(bytes, 'UTF8'), $2, $3), 'UTF8')
          where stream = $1 and seq = 2`,
        [caseId, from, to],
      )
      await store.dba.query('alter table entries enable trigger user')
    }
    await edit('"where":"/1"', '"where":"/9"')
    expect(await look()).toMatchObject({ refused: 'EVIDENCE_TAMPERED', where: '/edited/3' })
    expect((await eventsSince(db, { caseId, after: 1 }))[0]?.event).toMatchObject({ where: '/9' })
    await edit('"where":"/9"', '"where":"/1"')
    expect(isRefusal(await look())).toBe(false)
  })
})

describe('news for a workflow', () => {
  it('never exceeds what Temporal takes in one payload, and a signal asks for the rest', async () => {
    const caseId = 'long'
    const db = store.db('cs_worker')
    for (let times = 0; times < 6; times += 1) await store.write(caseId, findings(400))
    const waiting = async () =>
      (
        await store.dba.query("select from outbox where case_id = $1 and signal = 'changed'", [
          caseId,
        ])
      ).rowCount
    const told: Recorded[] = []
    let asked = 0
    for (;;) {
      const { seq: after = 0, hash: head = null } = told.at(-1) ?? {}
      const news = await newsFor(db, { caseId, after, head })
      expect(Buffer.byteLength(JSON.stringify(news))).toBeLessThan(1024 * 1024)
      told.push(...news)
      if ((await waiting()) === asked) break
      asked += 1
      expect(await waiting()).toBe(asked)
    }
    expect(asked).toBeGreaterThan(1)
    expect(told.map(({ seq }) => seq)).toEqual(
      Array.from({ length: 2400 }, (_, index) => index + 1),
    )
  })
})

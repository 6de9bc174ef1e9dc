/** A case that a process holds: only what came after is read, and whatever was changed in between is found. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isRefusal } from '../../src/domain/refusal.js'
import { heldCases } from '../../src/store/case/held-cases.js'
import { knownEntries } from '../../src/store/case/known-entries.js'
import type { Db } from '../../src/store/db.js'
import { must } from '../support/authority.js'
import { aStore, type TestStore } from '../support/store.js'

const MUCH = 1_000_000

let store: TestStore
let caseId = ''
let cases = 0
beforeAll(async () => {
  store = await aStore()
})
afterAll(() => store.stop())
beforeEach(() => {
  cases += 1
  caseId = `case-${cases}`
})

const write = (...details: readonly string[]) =>
  store.write(
    caseId,
    details.map((detail) => ({ type: 'FindingRecorded', code: 'FENCED', where: '/', detail })),
  )

/** Past every trigger: what the database's superuser can do. */
async function asSuperuser(sql: string): Promise<void> {
  await store.dba.query('begin')
  await store.dba.query('set local session_replication_role = replica')
  await store.dba.query(sql, [caseId])
  await store.dba.query('commit')
}

/** A process of its own, and how many entries the store sent it at each reading. */
function aProcess(maxBytes = MUCH) {
  const held = heldCases(knownEntries(MUCH), maxBytes)
  const sent: number[] = []
  const counting = {
    query: async (statement: object) => {
      const result = await store.db('cs_worker').query<{ bytes: Buffer | null }>(statement as never)
      sent.push(result.rows.filter(({ bytes }) => bytes !== null).length)
      return result
    },
  } as unknown as Db
  const read = (of = caseId) => held.read(counting, { caseId: of, lock: 'no' })
  const details = async () =>
    must(await read()).recorded.map(({ event }) => 'detail' in event && event.detail)
  return { read, details, sent }
}

describe('a case that a process holds', () => {
  it('is read whole once, and then from where it stands', async () => {
    const { details, read, sent } = aProcess()
    await write('one', 'two')
    expect(await details()).toEqual(['one', 'two'])
    expect(await details()).toEqual(['one', 'two'])
    await write('three')
    expect(await details()).toEqual(['one', 'two', 'three'])
    expect(must(await read()).state).toEqual(must(await aProcess().read()).state)
    expect(sent).toEqual([2, 0, 1, 0])
  })

  it('is EVIDENCE_TAMPERED at the next use when somebody changed an entry that is held', async () => {
    const { details, read } = aProcess()
    await write('one', 'two')
    await details()
    await asSuperuser(
      `update entries set bytes = convert_to(replace(convert_from(bytes, 'UTF8'), 'one', 'eno'), 'UTF8')
        where stream = $1 and seq = 1`,
    )
    expect(await read()).toMatchObject({ refused: 'EVIDENCE_TAMPERED' })
  })

  it('is read anew when an entry was written again, and believed when it says the same', async () => {
    const { details, sent } = aProcess()
    await write('one', 'two')
    await details()
    await asSuperuser('update entries set bytes = bytes where stream = $1 and seq = 1')
    expect(await details()).toEqual(['one', 'two'])
    expect(sent).toEqual([2, 2])
  })

  it('lacks what was deleted: from its end, it is shorter; from within, it is refused', async () => {
    const { details, read } = aProcess()
    await write('one', 'two', 'three')
    await details()
    await asSuperuser('delete from entries where stream = $1 and seq = 3')
    expect(await details()).toEqual(['one', 'two'])
    await asSuperuser('delete from entries where stream = $1 and seq = 1')
    expect(await read()).toMatchObject({ refused: 'ENTRY_MISSING' })
  })

  it('is forgotten when others are used and there is no room, and then read whole', async () => {
    const { details, read, sent } = aProcess(1)
    await write('one')
    await details()
    await details()
    expect(sent).toEqual([1, 1])
    expect(isRefusal(await read('no such case'))).toBe(true)
  })
})

/** What travels with a commit: nobody waits for its answer, and its failure is the transaction's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { transaction, withCommit } from '../../src/store/db.js'
import { aStore, type TestStore } from '../support/store.js'

let store: TestStore
beforeAll(async () => {
  store = await aStore()
  await store.dba.query(`create table kept (n integer primary key); grant insert on kept to cs_api`)
})
afterAll(() => store.stop())

const kept = async (): Promise<readonly number[]> =>
  (await store.dba.query<{ n: number }>('select n from kept order by n')).rows.map(({ n }) => n)

/** Inserts each of the numbers, with the commit. */
const keep = (...numbers: readonly number[]): Promise<string> =>
  transaction(store.db('cs_api'), async (tx) => {
    for (const n of numbers) withCommit(tx, tx.query('insert into kept values ($1)', [n]))
    return 'answered'
  })

describe('a statement that travels with the commit', () => {
  it('is done when the transaction has answered', async () => {
    expect(await keep(1, 2)).toBe('answered')
    expect(await kept()).toEqual([1, 2])
  })

  it('fails the transaction when it fails, and nothing of it stays', async () => {
    await expect(keep(3, 1, 4)).rejects.toMatchObject({ name: 'StoreFault', code: '23505' })
    expect(await kept()).toEqual([1, 2])
  })

  it('is forgotten with a transaction that failed before', async () => {
    const failed = transaction(store.db('cs_api'), async (tx) => {
      withCommit(tx, tx.query('insert into kept values (1)'))
      throw new Error('thought better of it')
    })
    await expect(failed).rejects.toThrow('thought better of it')
    await keep(5)
    expect(await kept()).toEqual([1, 2, 5])
  })
})
